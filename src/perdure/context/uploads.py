"""What a form brings: texts and files, as handlers see them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from os import SEEK_END, PathLike
from pathlib import Path
from typing import IO, Final, TypeVar, final

__all__ = ["FormData", "UploadFile"]

R = TypeVar("R")

_COPY_BYTES: Final = 1 << 20


@final
class UploadFile:
    """A file a client sent. Small ones are kept in memory, others on disk, where they are worked on in threads.

    Args:
        filename: As the client sent it. It may read ``../../etc/passwd``: show it, but do not save under it.
        content_type: As the client sent it; ``""`` where it did not.
        spool_bytes: What is larger goes to disk.
    """

    __slots__ = ("_file", "_spool_bytes", "content_type", "filename", "size")

    def __init__(self, filename: str, content_type: str = "", spool_bytes: int = 1 << 20) -> None:
        from tempfile import SpooledTemporaryFile

        self.filename = filename
        self.content_type = content_type
        self.size = 0
        """Bytes written."""
        self._spool_bytes = spool_bytes
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=spool_bytes)  # noqa: SIM115  # see `close`

    def __repr__(self) -> str:
        return f"<UploadFile {self.filename!r} of {self.size} bytes>"

    @property
    def file(self) -> IO[bytes]:
        """The file itself, for handlers that are not async: they run in threads, where it may block."""
        return self._file

    async def write(self, data: bytes) -> None:
        """Add *data* at the end, where the file stands then. Cancel-safe: a write that has begun is finished."""

        def append() -> None:
            self._file.seek(0, SEEK_END)
            self._file.write(data)

        self.size += len(data)
        await self._call(append)

    async def read(self, limit_bytes: int = -1) -> bytes:
        """Return the next *limit_bytes* at most, or all that is left; ``b""`` at the end."""
        return await self._call(lambda: self._file.read(limit_bytes))

    async def seek(self, offset: int) -> None:
        """Stand at *offset* from the beginning."""
        await self._call(lambda: self._file.seek(offset))

    async def save(self, path: str | PathLike[str]) -> None:
        """Write the whole file to *path*, over what is there; the file stands at its end then.

        Raises:
            OSError: *path* cannot be written.
        """
        import shutil

        def copy() -> None:
            self._file.seek(0)
            with Path(path).open("wb") as target:
                shutil.copyfileobj(self._file, target, _COPY_BYTES)

        await _in_thread(copy)

    async def close(self) -> None:
        """Forget the file's content. Closing twice does no harm."""
        await self._call(self._file.close)

    async def _call(self, work: Callable[[], R]) -> R:
        """Run *work*: at once where the file is in memory, and stays there, else in a thread."""
        if self.size <= self._spool_bytes:
            return work()
        return await _in_thread(work)


async def _in_thread(work: Callable[[], R]) -> R:
    """Run *work* in a worker thread. When cancelled, wait for its end first, so that no file is closed under it."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


@final
class FormData(Mapping[str, list[str | UploadFile]]):
    """The values of each name in a form, in the order they were sent."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, list[str | UploadFile]]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> list[str | UploadFile]:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"FormData({dict(self._values)!r})"

    def first(self, name: str) -> str | UploadFile | None:
        """Return the first value of *name*, or None where there is none."""
        values = self._values.get(name)
        return values[0] if values else None

    def files(self) -> Iterator[UploadFile]:
        """Yield every file."""
        for values in self._values.values():
            for value in values:
                if isinstance(value, UploadFile):
                    yield value

    async def close(self) -> None:
        """Close every file; the ingress does at the end of the request."""
        for file in self.files():
            await file.close()
