"""How long well-behaved clients wait while others ask for far more than the server can do, and some dawdle.

Eight clients ask one request after the other, first alone, then beside a flood of 180 connections for the 20 places
that are left to it, and a hundred clients that send a byte of their body now and then. The ratio of their latencies is
what they notice.
"""

import asyncio
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

from harness.cores import Cores, pinned
from harness.servers import Server, running

_SERVER = Server(name="perdure", runs_on=("perdure", "serve"), program="perdure_busy", ready_path="/healthz")
_FLOOD_SCRIPT = Path(__file__).with_name("harness") / "flood.lua"
_CLIENTS, _SLOW, _FLOOD = 8, 100, 180
_GOOD = b"GET /pay HTTP/1.1\r\nHost: busy\r\n\r\n"
_HEALTH = b"GET /readyz HTTP/1.1\r\nHost: busy\r\n\r\n"
_SLOW_HEAD = b"POST /upload HTTP/1.1\r\nHost: busy\r\nContent-Length: 1000\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Overload:
    """What well-behaved clients notice; latencies in seconds."""

    alone_p50_s: float
    flooded_p50_s: float
    alone_p99_s: float
    flooded_p99_s: float
    refused: int
    """Of their requests; none should be."""
    health_failures: int

    @property
    def p50_ratio(self) -> float:
        """How many times longer the middle one waits."""
        return self.flooded_p50_s / self.alone_p50_s

    @property
    def p99_ratio(self) -> float:
        """How many times longer the unluckiest of a hundred waits."""
        return self.flooded_p99_s / self.alone_p99_s

    def told(self) -> str:
        """Return all of it in two lines."""
        return (
            f"well-behaved clients under a flood at 3 x capacity and {_SLOW} slow clients: p50 x {self.p50_ratio:.2f}"
            f" ({_ms(self.alone_p50_s)} to {_ms(self.flooded_p50_s)}), p99 x {self.p99_ratio:.2f}"
            f" ({_ms(self.alone_p99_s)} to {_ms(self.flooded_p99_s)}); target of p50: at most 2\n"
            f"{self.refused} of their requests were refused; {self.health_failures} health checks failed"
        )

    def as_json(self) -> dict[str, float]:
        """Return it for ``results.json``."""
        return {**asdict(self), "p50_ratio": self.p50_ratio, "p99_ratio": self.p99_ratio}


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def measure_overload(python: Path, wrk: str, cores: Cores, *, seconds: int) -> Overload:
    """Return what the clients notice; raises as `running`."""
    with running(_SERVER, python, cores.server) as one:
        alone = asyncio.run(_ask_all(one.port, seconds, slow=0))
        url = f"http://127.0.0.1:{one.port}/work"
        command = [wrk, "-t1", f"-c{_FLOOD}", f"-d{seconds + 2}s", "-s", str(_FLOOD_SCRIPT), url]
        flood = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=pinned(cores.load))
        try:
            flooded = asyncio.run(_ask_all(one.port, seconds, slow=_SLOW))
        finally:
            flood.wait()
    return Overload(
        alone_p50_s=median(alone.latencies_s), flooded_p50_s=median(flooded.latencies_s),
        alone_p99_s=quantiles(alone.latencies_s, n=100)[-1], flooded_p99_s=quantiles(flooded.latencies_s, n=100)[-1],
        refused=alone.refused + flooded.refused, health_failures=alone.health_failures + flooded.health_failures,
    )  # fmt: skip


class _Seen:
    """What the clients of one run saw."""

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.refused = 0
        self.health_failures = 0


async def _ask_all(port: int, seconds: int, slow: int) -> _Seen:
    seen = _Seen()
    async with asyncio.TaskGroup() as group:
        dawdlers = [group.create_task(_dawdle(port)) for _ in range(slow)]
        until = time.perf_counter() + seconds
        asking = [group.create_task(_ask(port, until, seen)) for _ in range(_CLIENTS)]
        asking.append(group.create_task(_look_after(port, until, seen)))
        await asyncio.gather(*asking)
        for dawdler in dawdlers:
            dawdler.cancel()
    return seen


async def _ask(port: int, until: float, seen: _Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        if await _exchange(reader, writer, _GOOD) == 200:
            seen.latencies_s.append(time.perf_counter() - began)
        else:
            seen.refused += 1
    writer.close()


async def _look_after(port: int, until: float, seen: _Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        seen.health_failures += await _exchange(reader, writer, _HEALTH) != 200
        await asyncio.sleep(0.1)
    writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> int:
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split()[1])


async def _dawdle(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_SLOW_HEAD)
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.3)
    except ConnectionError:
        return
    finally:
        writer.close()
