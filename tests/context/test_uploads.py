"""What a form brings, as handlers see it."""

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from perdure.context.uploads import FormData, UploadFile


@pytest.mark.parametrize("spool_bytes", [1000, 3])
async def test_upload_file_reads_what_was_written(spool_bytes: int) -> None:
    file = UploadFile("a.txt", "text/plain", spool_bytes)
    await file.write(b"hello ")
    await file.write(b"world")
    await file.seek(0)
    assert (file.filename, file.content_type, file.size) == ("a.txt", "text/plain", 11)
    assert await file.read(5) == b"hello"
    assert await file.read() == b" world"
    assert await file.read() == b""
    await file.seek(6)
    assert await file.read(100) == b"world"
    await file.close()
    await file.close()


async def test_upload_file_write_adds_at_the_end_wherever_it_stood() -> None:
    file = UploadFile("a")
    await file.write(b"one")
    await file.seek(0)
    await file.write(b"two")
    await file.seek(0)
    assert await file.read() == b"onetwo"
    await file.close()


@pytest.mark.parametrize("spool_bytes", [1000, 3])
async def test_upload_file_save_writes_the_whole_wherever_it_stood(tmp_path: Path, spool_bytes: int) -> None:
    file = UploadFile("a", spool_bytes=spool_bytes)
    await file.write(b"content")
    await file.save(tmp_path / "saved")
    await file.save(str(tmp_path / "again"))
    assert (tmp_path / "saved").read_bytes() == b"content" == (tmp_path / "again").read_bytes()
    with pytest.raises(FileNotFoundError):
        await file.save(tmp_path / "none" / "x")
    await file.close()


async def test_upload_file_can_be_read_without_await() -> None:
    file = UploadFile("a")
    await file.write(b"content")
    await file.seek(0)
    assert file.file.read() == b"content"
    await file.close()


async def test_upload_file_closed_cannot_be_read() -> None:
    file = UploadFile("a")
    await file.close()
    with pytest.raises(ValueError, match="closed"):
        await file.read()


async def test_upload_file_on_disk_is_worked_on_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    file = UploadFile("a", spool_bytes=3)
    threads: list[int] = []
    original = file._file.write

    def write(data: bytes) -> int:
        threads.append(threading.get_ident())
        return original(data)

    monkeypatch.setattr(file._file, "write", write)
    await file.write(b"abc")
    await file.write(b"d")
    assert threads[0] == threading.get_ident()
    assert threads[1] != threading.get_ident()
    await file.close()


async def test_upload_file_cancelled_write_is_finished_before_the_file_can_be_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = UploadFile("a", spool_bytes=1)
    entered, release = threading.Event(), threading.Event()
    original = file._file.write

    def write(data: bytes) -> int:
        entered.set()
        release.wait(5)
        return original(data)

    monkeypatch.setattr(file._file, "write", write)

    async def write_then_close() -> None:
        try:
            await file.write(b"abc")
        finally:
            await file.close()

    task = asyncio.create_task(write_then_close())
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()


async def test_form_data_is_a_mapping_that_closes_its_files() -> None:
    file = UploadFile("a")
    form = FormData({"x": ["1", file], "y": ["2"], "z": []})
    assert (list(form), len(form), form["y"], "q" in form) == (["x", "y", "z"], 3, ["2"], False)
    assert (form.first("x"), form.first("q"), form.first("z")) == ("1", None, None)
    assert list(form.files()) == [file]
    assert "UploadFile 'a' of 0 bytes" in repr(form)
    await form.close()
    with pytest.raises(ValueError, match="closed"):
        await file.read()
