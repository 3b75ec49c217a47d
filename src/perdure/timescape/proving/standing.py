"""What needs no values: whether the code is recorded, what revisions leave open, and who is left without a handler."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import structs

from perdure.diff.apis import diff_apis
from perdure.diff.findings import LEVELS, Finding
from perdure.gtype.nodes import Node
from perdure.gtype.traversal import map_children
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Removed
from perdure.timescape.proving.report import Failure, Remark
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["open_places", "unrecorded", "unsaid_moves", "unserved"]

_RECORD = 'record it: perdure revision -m "…"'


def unrecorded(code: Api, last: RecordedRevision | None) -> Iterator[Failure | Remark]:
    """Yield what is different between the API of the code and that of the last revision, gravest first.

    What changes nothing for any client (a description, a handler's id) is a remark.
    """
    recorded = Api() if last is None else last.after
    if last is None and code.endpoints:
        yield Failure(
            kind="unrecorded", message="no revision records this API yet",
            cure='record it: perdure revision -m "first" --label v1.0.0',
        )  # fmt: skip
        return
    findings = diff_apis(recorded, code)
    place = "" if last is None else last.place
    for level in LEVELS:
        for message, those in _grouped([each for each in findings if each.level == level]).items():
            first, *others = those
            yield Failure(
                kind="unrecorded", level=level, message=message, cure=_RECORD, place=place,
                revision="" if last is None else last.name, target=first.type, subject=_where(first),
                also=tuple(map(_where, others)),
            )  # fmt: skip
    if not findings and recorded != code:
        different = ", ".join(_different(recorded, code)) or "the order of something"
        yield Remark(
            message=f"since the last revision something changed that no client notices ({different}); "
            "the next revision will record it",
            place=place,
        )


def _grouped(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return *findings* by what they say: one edit of a type is felt at many endpoints."""
    found: dict[tuple[str, str, str, str], list[Finding]] = {}
    for each in findings:
        owner = each.type or f"{each.method} {each.path}"
        found.setdefault((each.rule, owner, each.message, each.direction), []).append(each)
    return {f"{key[2]} ({key[0]}, {those[0].level})": those for key, those in found.items()}


def _where(finding: Finding) -> str:
    place = f"{finding.method} {finding.path}".strip()
    return f"{finding.direction} of {place} {finding.pointer}".strip() if place else finding.pointer


def _different(old: Api, new: Api) -> Iterator[str]:
    bare_old, bare_new = _bare(old), _bare(new)
    if bare_old == bare_new:
        yield "descriptions"
        return
    for name in sorted(bare_old.types.keys() | bare_new.types.keys()):
        if bare_old.types.get(name) != bare_new.types.get(name):
            yield f"type {name}"
    for key in sorted(bare_old.endpoints.keys() | bare_new.endpoints.keys()):
        if bare_old.endpoints.get(key) != bare_new.endpoints.get(key):
            yield key


def _bare(api: Api) -> Api:
    """Return *api* without descriptions."""
    return Api(
        types={name: _undescribed(node) for name, node in api.types.items()},
        endpoints={key: _bare_endpoint(each) for key, each in api.endpoints.items()},
    )


def _bare_endpoint(endpoint: Endpoint) -> Endpoint:
    parts = {name: getattr(endpoint, name) for name in ("params", "query", "headers", "body", "response")}
    return structs.replace(
        endpoint, **{name: None if node is None else _undescribed(node) for name, node in parts.items()}
    )


def _undescribed(node: Node) -> Node:
    return structs.replace(map_children(node, _undescribed), description=None)


def open_places(revisions: Iterable[RecordedRevision]) -> Iterator[Failure]:
    """Yield the places where revision files wait for a person, found without running them."""
    for revision in revisions:
        for hole in revision.holes:
            within = f" in {hole.function}()" if hole.function else ""
            yield Failure(
                kind="todo", message=f"{hole.what or 'something'} is left open{within}", revision=revision.name,
                cure="decide, and write it in place of revision.todo(…)", place=f"{_file(revision)}:{hole.line}",
            )  # fmt: skip


def _file(revision: RecordedRevision) -> str:
    return revision.place.rpartition(":")[0] or revision.file


def unsaid_moves(revisions: Iterable[RecordedRevision]) -> Iterator[Remark]:
    """Yield the endpoints that look as if they were moved and their name used again, which no revision says.

    The handler is another since, and the one that was there is elsewhere now. It may be meant: functions are renamed.
    """
    for revision in revisions:
        before, after = revision.before.endpoints, revision.after.endpoints
        said = {name for move in revision.moves for name in (move.old, move.new)}
        arrived = {
            each.handler: key
            for key, each in after.items()
            if key not in said and (key not in before or before[key].handler != each.handler)
        }
        for key, endpoint in before.items():
            now, place = after.get(key), arrived.get(endpoint.handler)
            if now is not None and key not in said and now.handler != endpoint.handler and place not in {None, key}:
                yield Remark(
                    message=f"{key} is served by {now.handler} since {revision.name}, to older clients too, "
                    f"and {endpoint.handler}, which served it, now serves {place}: if it was moved, say "
                    f"revision.moved({key!r}, to={place!r})",
                    place=revision.place,
                )


def unserved(
    timescape: Timescape, timeline: Timeline, live: Collection[int], gone: Collection[tuple[str, str]] | None
) -> Iterator[Failure | Remark]:
    """Yield the endpoints that clients of *live* versions know and nothing serves, once for each endpoint.

    Args:
        gone: (Version, endpoint) pairs without a handler, as the app knows them; None to go by the revisions alone.
    """
    without: dict[str, list[int]] = {}
    for index in sorted(live):
        name = timescape.versions[index].name
        for key in timeline.endpoints_at(index):
            is_gone = (
                isinstance(timeline.chain(key, index, timescape.head), Removed) if gone is None else (name, key) in gone
            )
            if is_gone:
                without.setdefault(key, []).append(index)
    for key, indices in without.items():
        yield _without_handler(timescape, timeline, key, indices)


def _without_handler(timescape: Timescape, timeline: Timeline, key: str, indices: list[int]) -> Failure | Remark:
    names = ", ".join(timescape.versions[index].name for index in indices)
    planned = timeline.chain(key, indices[-1], timescape.head)
    if not isinstance(planned, Removed):
        target = key if planned is None else planned.target_key
        return Failure(
            kind="unserved", target=key, subject=f"clients of {names}",
            message=f"{key} is recorded, but the code has no handler for {target}",
            cure="bring the handler back, or record its removal: perdure revision -m \"…\"",
        )  # fmt: skip
    revision = next(
        each for index in range(len(timescape.versions))
        if (each := timescape.revision_at(index)) is not None and each.name == planned.revision
    )  # fmt: skip
    stated = timeline.stated_end(key, indices[-1])
    if stated is not None:
        return Remark(
            message=f"clients of {names} get 404 for {key}, which is stated: {stated.reason}", place=stated.place
        )
    return Failure(
        kind="unserved", place=revision.place, revision=revision.name, target=planned.key,
        subject=f"clients of {names}", message=f"{key} was removed, and clients of {names} have nothing in its place",
        cure=f"say revision.moved({planned.key!r}, to=…), keep a handler for the old version, or state that it is "
        f"gone: revision.impossible({planned.key!r}, 'request', reason=…)",
    )  # fmt: skip
