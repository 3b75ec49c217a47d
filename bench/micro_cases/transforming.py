"""From version to version: what the revisions of the benchmark's own API cost.

Transformers change values in place, so each call decodes its values anew; the row without a hop says what that costs.
"""

from typing import cast

import msgspec
from harness.scenarios import KINDS, SCENARIOS
from harness.servers import BENCH

from micro_cases.timing import Call
from perdure.timescape.chain import Chain
from perdure.timescape.loading import load_revisions
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

_NEWEST_ANSWER = msgspec.json.encode(SCENARIOS["post"].answer)
_OLDEST_BODY = SCENARIOS[KINDS[-1]].body
_decode = msgspec.json.Decoder().decode


def _chain(at: str, to: str) -> Chain:
    timescape = Timescape(load_revisions(BENCH / "servers" / "revisions"))
    chain = Timeline(timescape).chain("POST /orders", timescape.resolve(at), timescape.resolve(to))
    return cast(Chain, chain)  # the revisions change this endpoint


def no_hop() -> Call:
    """Decode an answer and leave it."""
    return lambda: ResponseParts(status=201, headers={}, body=_decode(_NEWEST_ANSWER))


def response_hop() -> Call:
    """Carry an answer back over one revision: three amounts, two of them in a list."""
    carry = _chain("2025-06-01", "2026-02-10").response
    return lambda: carry(ResponseParts(status=201, headers={}, body=_decode(_NEWEST_ANSWER)))


def response_chain() -> Call:
    """Carry an answer back over both revisions."""
    carry = _chain("2025-01-15", "2026-02-10").response
    return lambda: carry(ResponseParts(status=201, headers={}, body=_decode(_NEWEST_ANSWER)))


def request_chain() -> Call:
    """Carry a request forward over both revisions, of which one changes it."""
    carry = _chain("2025-01-15", "2026-02-10").request
    return lambda: carry(RequestParts(body=_decode(_OLDEST_BODY)))
