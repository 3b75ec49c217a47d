"""Every example in the documentation runs.

One page is one small project in a folder of its own. Its blocks are taken in order:

- ``python``: executed; the blocks of a page share one namespace, and together are the page's ``app.py``.
- ``console``: lines after ``$ `` are commands, the lines below each what it prints. ``curl`` is asked of the served
  app, ``perdure routes`` and the like are run in the page's folder; both must print what the page says. Where the
  page says ``…``, anything may stand; JSON is compared as values; of headers, those shown must be there. A command
  that starts something or sets something up is only read.
- anything else is only read.

A comment on the line above a block changes that:

- ``<!-- file: PATH -->``: the block is written there instead (any language).
- ``<!-- serve: PATH -->``: from here on ``curl`` asks the app in that file, of the page or of the repository;
  stands by itself.
- ``<!-- fresh -->``: the block begins a new namespace and a new ``app.py``.
- ``<!-- raises: NAME -->``: the block must raise this.
"""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE_ADDRESS = re.compile(r"(http://)?(127\.0\.0\.1|localhost):8000")
STEP = re.compile(
    r"^(?:<!-- (?P<directive>file|serve|fresh|raises)(?:: (?P<argument>[^>]+?))? -->\n)?"
    r"(?:^(?P<indent>[ ]*)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$)?",
    re.MULTILINE | re.DOTALL,
)
ONLY_READ = {"pip", "cd", "make", "git", "python", "granian", "uvicorn", "perdure new", "perdure dev", "perdure serve"}


class Step(NamedTuple):
    """One block of a page with the comment above it, or a comment by itself."""

    line: int
    directive: str | None
    argument: str
    language: str | None
    text: str


def steps(page: Path) -> list[Step]:
    source = page.read_text("utf-8")
    return [
        Step(
            source.count("\n", 0, found.start("text") if found["language"] else found.start()) + 1,
            found["directive"], found["argument"] or "", found["language"],
            re.sub(f"^{found['indent'] or ''}", "", found["text"] or "", flags=re.MULTILINE),
        )
        for found in STEP.finditer(source)
        if found["language"] or found["directive"]
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(page, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "broken",
    [
        "```python\nassert 1 == 2\n```\n",
        "<!-- raises: KeyError -->\n```python\n[][0]\n```\n",
        "```console\n$ curl http://127.0.0.1:8000/\n```\n",
        "```console\n$ rm -r x\n```\n",
        "<!-- file: a/b.py -->\n```python\nx = 1\n```\n```console\n$ perdure routes a/b.py\nMETHOD\n```\n",
    ],
)
def test_page_that_says_what_is_not_so_fails(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(broken)
    with pytest.raises(AssertionError):
        follow(page, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("expected", "printed", "is_agreed"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1, …}', '{"a": 1, "b": 2}', True),
        ('{"a": 1, …}', '{"a": 2, "b": 2}', False),
        ('{"a": 1, …}', '{"a":1,"b":2}', True),
        ('[{"a": "…", "b": "x-…"}]', '[{"a":7,"b":"x-7"}]', True),
        ('[{"a": "…", "b": "x-…"}]', '[{"a":7,"b":"y-7"}]', False),
        ('[{"a": "…"}]', '[{"a":7,"b":7}]', False),
        ('{"a": 1}', '{"a":true}', False),
        ("API-Version: v1", "api-version: v1", True),
        ("one  two", "one two\n", True),
        ("one", "one two", False),
    ],
)
def test_what_is_printed_is_compared(expected: str, printed: str, is_agreed: bool) -> None:
    assert is_agreed == agrees(expected, printed)


def follow(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do in *folder* what *page* says."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    with contextlib.ExitStack() as resources:
        project = Project(folder, resources, monkeypatch)
        for step in steps(page):
            try:
                project.take(step)
            except Exception as error:
                error.add_note(f"in {page}, line {step.line}")
                raise


class Project:
    """The folder, the namespace and the server of one page."""

    def __init__(self, folder: Path, resources: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.resources = resources
        self.monkeypatch = monkeypatch
        self.address: str | None = None
        self.begin()

    def begin(self) -> None:
        self.source = ""
        self.module = ModuleType("app")
        self.module.__file__ = str(self.folder / "app.py")
        # Annotations are resolved in the module that `sys.modules` has under the name.
        self.monkeypatch.setitem(sys.modules, "app", self.module)

    def take(self, step: Step) -> None:
        if step.directive == "serve":
            self.serve(step.argument)
        if step.directive == "file":
            file = self.folder / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, "utf-8")
        elif step.language == "python":
            self.execute(step)
        elif step.language == "console":
            for command, expected in commands(step.text):
                self.run(command, expected)

    def execute(self, step: Step) -> None:
        if step.directive == "fresh":
            self.begin()
        file = self.folder / "app.py"
        # The block keeps its place in the file, so that what it reports of itself is true.
        code = compile("\n" * self.source.count("\n") + step.text, str(file), "exec")
        if step.directive == "raises":
            with pytest.raises(Exception) as raised:
                exec(code, vars(self.module))
            assert step.argument in {kind.__name__ for kind in type(raised.value).__mro__}
            return
        self.source += step.text
        file.write_text(self.source, "utf-8")
        exec(code, vars(self.module))

    def serve(self, path: str) -> None:
        file = self.folder / path if (self.folder / path).exists() else ROOT / path
        self.address = self.resources.enter_context(served(file, self.folder))

    def run(self, command: str, expected: str) -> None:
        words = shlex.split(command, comments=True)
        if words[0] == "curl":
            assert self.address is not None, f"nothing is served: {command}"
            assert_printed(expected, curl(words[1:], self.address, self.folder), command)
        elif words[0] == "perdure" and not ONLY_READ & {" ".join(words[:2])}:
            result = subprocess.run(
                [sys.executable, "-m", *words], cwd=self.folder, capture_output=True, text=True, check=False, timeout=30
            )
            assert_printed(expected, result.stdout + result.stderr, command)
        else:
            assert ONLY_READ & {words[0], " ".join(words[:2])}, f"not known to be harmless: {command}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    joined = text.replace("\\\n", " ")
    yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", joined, re.MULTILINE)


@contextlib.contextmanager
def served(file: Path, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "perdure", "serve", str(file), "--port", "0"]
    environment = {**os.environ, "SHOP_DB": str(folder / "shop.db"), "PYTHONPATH": ""}
    if file.is_relative_to(ROOT):  # its own store would lie in the repository
        environment["PERDURE_STORE_URL"] = f"sqlite:///{folder / 'store.db'}"
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        addresses = (re.search(r"\(\d+ workers?\)", line) and re.search(r"http://\S+", line) for line in server.stdout)
        found = next(filter(None, addresses), None)
        assert found is not None, f"{file} is not served"
        yield found[0]
    finally:
        server.send_signal(signal.SIGTERM)
        with server:
            assert server.wait(20) == 0


def curl(words: list[str], address: str, folder: Path) -> str:
    """Do what curl, called in *folder*, does with the few options documentation needs; any other is refused."""
    method, url, body, headers, show_head = None, None, None, {}, False
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in {"-X", "--request"}:
            method = queue.pop(0)
        elif word in {"-H", "--header"}:
            given = queue.pop(0)
            line = (folder / given[1:]).read_text() if given.startswith("@") else given
            name, _, value = line.partition(":")
            headers[name] = value.strip()
        elif word in {"-d", "--data", "--json"}:
            body = queue.pop(0)
            kind = "application/json" if word == "--json" else "application/x-www-form-urlencoded"
            headers.setdefault("content-type", kind)
        elif word in {"-i", "--include"}:
            show_head = True
        elif word not in {"-s", "--silent"}:
            assert url is None, f"curl: {word} is more than documentation needs"
            assert not word.startswith("-"), f"curl: {word} is more than documentation needs"
            url = EXAMPLE_ADDRESS.sub(address, word)
    assert url is not None
    answer = httpx.request(method or ("POST" if body else "GET"), url, content=body, headers=headers)
    head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    line = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\n"
    return f"{line}{head}\n{answer.text}" if show_head else answer.text


def assert_printed(expected: str, printed: str, command: str) -> None:
    if not expected.strip():
        return
    if expected.startswith("HTTP/"):
        wanted_head, _, expected = expected.partition("\n\n")
        head, _, printed = printed.partition("\n\n")
        for line in wanted_head.splitlines():
            assert any(agrees(line, actual) for actual in head.splitlines()), f"{command}: {line!r} is not in\n{head}"
    assert agrees(expected, printed), f"{command} printed\n{printed}\nnot\n{expected}"


def matches(expected: object, printed: object) -> bool:
    """Compare JSON values; the text ``…`` stands for any value."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(printed, dict):
        return expected.keys() == printed.keys() and all(
            matches(value, printed[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(printed, list):
        return len(expected) == len(printed) and all(map(matches, expected, printed))
    return expected == printed


def agrees(expected: str, printed: str) -> bool:
    """Return whether *printed* is what the page says, where it says ``…`` for what may be anything."""
    try:
        actual = json.loads(printed)
    except ValueError:
        return fits(" ".join(expected.split()), " ".join(printed.split()))
    try:
        return agrees_as_json(json.loads(expected), actual)
    except ValueError:  # members left out: text, but however it is laid out
        return fits("".join(expected.split()), "".join(printed.split()))


def agrees_as_json(expected: object, actual: object) -> bool:
    if isinstance(expected, str) and "…" in expected:
        return expected == "…" or (isinstance(actual, str) and fits(expected, actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(agrees_as_json(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(agrees_as_json, expected, actual))
    return type(expected) is type(actual) and expected == actual


def fits(pattern: str, text: str) -> bool:
    escaped = re.escape(pattern).replace("…", ".*")
    if pattern.endswith(" …"):  # and perhaps nothing more
        escaped = f"{re.escape(pattern[:-2]).replace('…', '.*')}(?: .*)?"
    return re.fullmatch(escaped, text, re.IGNORECASE | re.DOTALL) is not None
