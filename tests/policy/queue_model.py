"""A process as a queue: what comes waits until what came before is done, the heartbeat too. Time is only counted."""

import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple

from perdure.config import Priority
from perdure.errors import OverloadedError
from perdure.policy.capacity import Capacity
from tests.policy.exchanges import from_address

BEAT_S = 0.05
TURNING_AWAY_S = 0.000_05


class Crowd(NamedTuple):
    """Clients that each send a request, wait for its answer, pause, and so on."""

    name: str
    addresses: tuple[str, ...]
    pause_s: float
    priority: Priority = "normal"
    begins_s: float = 0.0
    ends_s: float = float("inf")


class Outcome:
    """What became of each crowd's requests."""

    def __init__(self) -> None:
        self.answered: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()

    def slowest_s(self, name: str, part: float) -> float:
        """Return how long the slowest took of *part* of the requests answered."""
        times = sorted(self.answered[name])
        return times[min(int(len(times) * part), len(times) - 1)]

    def refused_part(self, name: str) -> float:
        """Return what part of the requests was turned away."""
        return self.refused[name] / (self.refused[name] + len(self.answered[name]))


def run(capacity: Capacity, crowds: list[Crowd], work_s: float, ends_s: float, counted_from_s: float = 0.0) -> Outcome:
    """Let *crowds* come until *ends_s*; each request takes *work_s*; count what comes from *counted_from_s* on."""
    outcome, chance, order = Outcome(), random.Random(7), itertools.count()
    events: list[tuple[float, int, Callable[[float, float], float]]] = []

    def at(when_s: float, what: Callable[[float, float], float]) -> None:
        heapq.heappush(events, (when_s, next(order), what))

    def beat(due_s: float, now_s: float) -> float:
        capacity.note_lag(now_s - due_s)
        at(now_s + BEAT_S, beat)
        return 0.0

    def client(crowd: Crowd, address: str) -> Callable[[float, float], float]:
        exchange = from_address(address)

        def ask(came_s: float, now_s: float) -> float:
            is_counted = came_s >= counted_from_s
            try:
                ticket = capacity.enter(exchange, crowd.priority)
            except OverloadedError:
                outcome.refused[crowd.name] += is_counted
                takes_s = TURNING_AWAY_S
            else:
                capacity.leave(ticket)
                takes_s = work_s
                if is_counted:
                    outcome.answered[crowd.name].append(now_s + takes_s - came_s)
            again_s = now_s + takes_s + crowd.pause_s * chance.uniform(0.5, 1.5)
            if again_s < crowd.ends_s:
                at(again_s, ask)
            return takes_s

        return ask

    at(BEAT_S, beat)
    for crowd in crowds:
        for address in crowd.addresses:
            at(crowd.begins_s + chance.uniform(0, crowd.pause_s), client(crowd, address))
    now_s = 0.0
    while events[0][0] < ends_s:
        due_s, _, what = heapq.heappop(events)
        now_s = max(now_s, due_s)
        now_s += what(due_s, now_s)
    return outcome
