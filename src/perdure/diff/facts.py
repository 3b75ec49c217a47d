"""What changed about an endpoint besides its types: who may call it, how often, how much it takes, in which media."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from perdure.diff.contents import answer_contents, has_other_media, media_type
from perdure.manifest.records import NOBODY, Endpoint

__all__ = ["Note", "compare_facts"]

_ANYTHING = "*/*"
_ANYBODY = "principal"
_RATE = re.compile(r"([0-9]+)/([0-9.e+]+)s per (.+)")


class Note(NamedTuple):
    """A change before it has a level and an endpoint."""

    rule: str
    message: str
    pointer: str = ""


def compare_facts(old: Endpoint, new: Endpoint) -> Iterator[Note]:
    """Yield what differs between *old* and *new*, but for their types and statuses."""
    if old.deprecated != new.deprecated:
        yield (
            Note("endpoint-deprecated", "the endpoint is deprecated now")
            if new.deprecated
            else Note("endpoint-undeprecated", "the endpoint was deprecated and no longer is")
        )
    if old.handler != new.handler:
        yield Note("endpoint-renamed", f"the endpoint's id was {old.handler!r} and is now {new.handler!r}")
    yield from _security(old, new)
    yield from _body_limit(old.body_limit_bytes, new.body_limit_bytes)
    yield from _rate_limits(old.rate_limits, new.rate_limits)
    yield from _request_media(old, new)
    yield from _response_media(old, new)


def _security(old: Endpoint, new: Endpoint) -> Iterator[Note]:
    before, after = _alternatives(old), _alternatives(new)
    change = f"needed {_needs(before)} and now needs {_needs(after)}"
    if not all(any(needed <= had for needed in after) for had in before):
        yield Note("request-security-tightened", f"a client {change}")
    elif not all(any(needed <= had for needed in before) for had in after):
        yield Note("request-security-relaxed", f"a client {change}")


def _alternatives(endpoint: Endpoint) -> list[frozenset[str]]:
    ways = endpoint.security or ((),)
    return sorted({_whole(each) for each in ways if NOBODY not in each}, key=sorted)


def _whole(way: Iterable[str]) -> frozenset[str]:
    """Return *way* with what follows from it: whoever has a role or a scope is somebody."""
    needed = frozenset(way)
    return needed | {_ANYBODY} if any(each.startswith(("role:", "scope:")) for each in needed) else needed


def _needs(alternatives: Iterable[frozenset[str]]) -> str:
    spoken = [sorted(each - {_ANYBODY}) or sorted(each) for each in alternatives]
    return " or ".join(" and ".join(each) or "nothing" for each in spoken) or "what nobody has"


def _body_limit(old: int | None, new: int | None) -> Iterator[Note]:
    if old == new:
        return
    if old is None:
        yield Note(
            "request-body-limit-set", f"a body may have {new} bytes; before, only the server set a limit", "/body"
        )
    elif new is None:
        yield Note(
            "request-body-limit-dropped", f"a body could have {old} bytes; now only the server sets a limit", "/body"
        )
    else:
        rule = "request-body-limit-lowered" if new < old else "request-body-limit-raised"
        yield Note(rule, f"a body could have {old} bytes and may now have {new}", "/body")


def _rate_limits(old: Sequence[str], new: Sequence[str]) -> Iterator[Note]:
    change = f"calls were limited to {_limits(old)} and are now limited to {_limits(new)}"
    if not all(any(_is_within(had, limit) for had in old) for limit in new):
        yield Note("request-rate-limit-tightened", change)
    elif not all(any(_is_within(limit, had) for limit in new) for had in old):
        yield Note("request-rate-limit-relaxed", change)


def _is_within(kept: str, limit: str) -> bool:
    """Tell whether who keeps to the limit *kept* keeps to *limit* too; both are ``100/60s per client``."""
    if kept == limit:
        return True
    one, other = _RATE.fullmatch(kept), _RATE.fullmatch(limit)
    if one is None or other is None or one[3] != other[3]:
        return False
    windows = math.ceil(float(other[2]) / float(one[2]))
    return windows * int(one[1]) <= int(other[1])


def _limits(limits: Iterable[str]) -> str:
    return " and ".join(limits) or "nothing but what holds for the whole server"


def _request_media(old: Endpoint, new: Endpoint) -> Iterator[Note]:
    if not old.body_media or not new.body_media:
        return  # there is no body on one side, which is a finding of its own
    before, after = _media_types(old.body_media), _media_types(new.body_media)
    removed = [each for each in before if not _covers(after, each)]
    added = [each for each in after if not _covers(before, each)]
    if removed:
        yield Note(
            "request-media-type-removed",
            f"a body could be {_either(before)}; {_either(removed)} is no longer taken, only {_either(after)}",
            "/body",
        )
    elif added:
        yield Note(
            "request-media-type-added",
            f"a body could be {_either(before)} and may now be {_either(added)} too",
            "/body",
        )


def _response_media(old: Endpoint, new: Endpoint) -> Iterator[Note]:
    if (old.response is None) != (new.response is None) and not has_other_media(old, new):
        return  # that the answer's body was added or removed is a finding of its own
    if old.response_types.get(str(old.status)) or new.response_types.get(str(new.status)):
        yield from _several_media(old, new)
        return
    before, after = media_type(old.response_media), media_type(new.response_media)
    if before == after:
        return
    message = f"the answer was {_spoken(before)} and is now {_spoken(after)}"
    if _covers([before], after):
        yield Note("response-media-type-narrowed", message, "/body")
    elif _covers([after], before):
        yield Note("response-media-type-widened", message, "/body")
    else:
        yield Note("response-media-type-changed", message, "/body")


def _several_media(old: Endpoint, new: Endpoint) -> Iterator[Note]:
    """Yield which media types a client may no longer ask for, or may ask for now."""
    before, after = (sorted(answer_contents(each, str(each.status), each.response)) for each in (old, new))
    removed = [each for each in before if not _covers(after, each)]
    added = [each for each in after if not _covers(before, each)]
    if removed:
        message = f"the answer could be {_either(before)}; it is never {_either(removed)} now, only {_either(after)}"
        yield Note("response-media-type-removed", message, "/body")
    elif added:
        message = f"the answer could be {_either(before)} and may now be {_either(added)} too"
        yield Note("response-media-type-added", message, "/body")


def _media_types(texts: Iterable[str]) -> list[str]:
    return sorted({media_type(text) for text in texts})


def _covers(ranges: Iterable[str], media_type: str) -> bool:
    kind = media_type.partition("/")[0]
    return any(each in {_ANYTHING, f"{kind}/*", media_type} for each in ranges)


def _either(media_types: Iterable[str]) -> str:
    return " or ".join(_spoken(each) for each in media_types)


def _spoken(media_type: str) -> str:
    return "of any media type" if media_type in {_ANYTHING, ""} else media_type
