"""A collector that takes every export and keeps nothing: what is measured is the server that sends."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.cores import pinned
from harness.servers import BENCH


@contextmanager
def collecting(core: int) -> Iterator[str]:
    """Run a collector on *core*; yield its address."""
    command = [sys.executable, "-m", "harness.sink"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=BENCH, preexec_fn=pinned(core))
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
