"""Which handlers serve an endpoint themselves, and from which version on.

Source: SPEC 3.5.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import final

from msgspec import Struct

from perdure.errors import DuplicateRouteError
from perdure.manifest.records import endpoint_key
from perdure.routing.endpoint import CodeEndpoint
from perdure.timescape.timescape import Timescape

__all__ = ["Span", "spans_of"]


@final
class Span(Struct, frozen=True, kw_only=True):
    """A handler and the versions it serves without any chain: from *start* on, until a newer handler takes over."""

    code: CodeEndpoint
    start: int
    speaks: int
    """Index of the version whose shapes the handler reads and answers."""

    @property
    def is_explicit(self) -> bool:
        """Whether its route names the version."""
        return self.code.definition.declaration.options.version is not None


def spans_of(code: Sequence[CodeEndpoint], timescape: Timescape) -> Mapping[str, Sequence[Span]]:
    """Return the handlers of each endpoint that serve somebody, the one of the oldest version first.

    Raises:
        DuplicateRouteError: Two handlers serve one method and path at one version.
    """
    by_key: dict[str, list[CodeEndpoint]] = {}
    for each in code:
        declaration = each.definition.declaration
        for method in declaration.methods:
            by_key.setdefault(endpoint_key(method, declaration.template.key), []).append(each)
    return {key: _ordered(key, _without_draft(those, timescape), timescape) for key, those in by_key.items()}


def _without_draft(endpoints: list[CodeEndpoint], timescape: Timescape) -> list[CodeEndpoint]:
    """Return *endpoints* without the one that has no version, where another serves the newest recorded one.

    It is what comes next: the code's API has it, and it serves from the revision on that records it.
    """
    versions = [each.definition.declaration.options.version for each in endpoints]
    is_served = any(version is not None and timescape.resolve(version) == timescape.head for version in versions)
    if not is_served or timescape.versions[timescape.head].revision is None:
        return endpoints
    return [each for each, version in zip(endpoints, versions, strict=True) if version is not None]


def _ordered(key: str, endpoints: list[CodeEndpoint], timescape: Timescape) -> list[Span]:
    spans: list[Span] = []
    for code in endpoints:
        version = code.definition.declaration.options.version
        speaks = timescape.head if version is None else timescape.resolve(version)
        start = speaks if version is not None or len(endpoints) > 1 else 0
        spans.append(Span(code=code, start=start, speaks=speaks))
    spans.sort(key=lambda span: span.speaks)
    for first, second in pairwise(spans):
        if first.speaks == second.speaks:
            name = timescape.versions[first.speaks].name
            raise DuplicateRouteError(
                f"{key} at version {name} is served twice: by {first.code.definition.declaration.where} "
                f"and by {second.code.definition.declaration.where}; give each a version of its own"
            )
    return spans
