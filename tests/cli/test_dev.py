import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

Run = Callable[..., "Command"]


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_dev_answers(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    assert httpx.get(f"http://127.0.0.1:{server.wait_port()}/word").text == "one"


def test_dev_when_a_file_changes_serves_the_new_code(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    change(project / "app.py", '"one"', '"two"')
    server.wait_printed(r"changed: app\.py\nreloaded in \d+ ms")
    assert httpx.get(url).text == "two"


def test_dev_when_a_change_keeps_size_and_time_sees_it(run: Run, project: Path) -> None:
    file = project / "app.py"
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    before = file.stat()
    change(file, '"one"', '"two"')
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    server.wait_printed("reloaded")
    assert httpx.get(url).text == "two"


@pytest.mark.parametrize(("name", "does_reload"), [("data.json", True), ("notes.txt", False), (".venv/x.py", False)])
def test_dev_reloads_for_the_files_that_matter(name: str, does_reload: bool, run: Run, project: Path) -> None:
    (project / ".venv").mkdir()
    server = run("dev", "--port", "0")
    server.wait_port()
    (project / name).write_text("1")
    if not does_reload:
        time.sleep(0.5)
        change(project / "app.py", '"one"', '"two"')
    server.wait_printed("reloaded")
    changed = [line for line in server.lines if line.startswith("changed")]
    assert ["changed: data.json" if does_reload else "changed: app.py"] == changed


def test_dev_when_it_reloads_under_load_answers_every_request(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    seen: Counter[str] = Counter()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                seen[httpx.get(url, timeout=10).text] += 1
            except httpx.TransportError as error:
                seen[repr(error)] += 1

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for number, (old, new) in enumerate([("one", "two"), ("two", "three"), ("three", "four")], 1):
        change(project / "app.py", f'"{old}"', f'"{new}"')
        server.wait_printed("reloaded", times=number)
        give_up = time.monotonic() + 20
        while not seen[new]:
            assert time.monotonic() < give_up, seen
            time.sleep(0.01)
    is_over.set()
    for client in clients:
        client.join()
    assert {"one", "two", "three", "four"} == set(seen)


def test_dev_when_it_reloads_finishes_what_the_old_code_began(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}"
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(httpx.get(f"{url}/slow").text))
    change(project / "app.py", '"one"', '"two"')
    slow.start()
    server.wait_printed("reloaded")
    slow.join()
    assert answers in (["one"], ["two"])
    assert httpx.get(f"{url}/word").text == "two"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("1 / 0\n", r"app\.py:\d+: ZeroDivisionError: division by zero"),
        ("def broken(:\n", r"app\.py:\d+: SyntaxError"),
        ("import gone_for_good\n", r"app\.py:\d+: ModuleNotFoundError: No module named 'gone_for_good'"),
        ("@app.get('/bad')\nasync def bad(request): ...\n", r"app\.py:\d+: .*SignatureError.*request"),
    ],
)
def test_dev_when_new_code_is_broken_tells_the_line_and_goes_on_with_the_old(
    broken: str, told: str, run: Run, project: Path
) -> None:
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    good = (project / "app.py").read_text()
    (project / "app.py").write_text(good + broken)
    server.wait_printed("waiting for a change; until then the code from before it serves")
    server.wait_printed(told)
    assert "Traceback" not in server.printed
    assert httpx.get(url).text == "one"
    (project / "app.py").write_text(good.replace('"one"', '"two"'))
    server.wait_printed("reloaded")
    assert httpx.get(url).text == "two"


def test_dev_when_the_first_code_is_broken_refuses_until_it_is_mended(run: Run, project: Path) -> None:
    good = (project / "app.py").read_text()
    (project / "app.py").write_text(good + "1 / 0\n")
    server = run("dev", "--port", "0")
    server.wait_printed("waiting for a change$")
    (project / "app.py").write_text(good)
    assert httpx.get(f"http://127.0.0.1:{server.wait_port()}/word").text == "one"


def test_dev_when_the_worker_dies_starts_another(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/die")
    server.wait_printed(r"exit code 9")
    assert httpx.get(f"{url}/word", timeout=10).text == "one"


def test_dev_when_ctrl_c_reaches_the_whole_group_ends_quietly(run: Run, project: Path) -> None:
    server = run("dev", "--port", "0")
    server.wait_port()
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.wait_end() == 0
    assert len(server.lines) == 1, server.printed
