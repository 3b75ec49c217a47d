"""What is watched on the way of whole messages: functions that are an endpoint's own, each between its two versions.

A function for a type is watched where the type is tried by itself. What types have functions for is left to them.
"""

from collections.abc import Iterator, Mapping, Sequence

from perdure.gtype.nodes import Node, Ref
from perdure.manifest.records import Endpoint
from perdure.timescape.proving.blame import carried_types
from perdure.timescape.proving.cuts import Cuts
from perdure.timescape.proving.flaws import Guilty, Watch
from perdure.timescape.proving.losses import MemberLosses, Shared, shared_members
from perdure.timescape.proving.messages import node_of
from perdure.timescape.proving.naming import naming
from perdure.timescape.proving.roads import Road, Step
from perdure.timescape.revision import Direction

__all__ = ["watches_of_answers", "watches_of_requests"]


def watches_of_requests(road: Road, parts: Sequence[str]) -> Iterator[Watch]:
    """Yield what watches *parts* of requests on *road*."""
    for step, guilty, before, after in _owned(road, "request"):
        members: dict[str, dict[str, Shared]] = {}
        for part in parts:
            one, other = node_of(before, part), node_of(after, part)
            if one is None or other is None or _is_another_matter(one, step, "request"):
                continue
            types = road.world.messages.types
            named = naming(step.revision, step.hop.key, "request")
            shared = shared_members((one, other), types(step.version - 1), types(step.version), named)
            members[part] = _lowered(shared) if part == "headers" else shared
            if part != "headers":
                yield _cuts(road, step, guilty, (one, other), part)
        yield Watch(MemberLosses(members, guilty), step.version - 1, step.version)


def watches_of_answers(road: Road) -> Iterator[Watch]:
    """Yield what watches answers on *road*."""
    for step, guilty, before, after in _owned(road, "response"):
        one, other = after.response, before.response
        if one is None or other is None or _is_another_matter(one, step, "response"):
            continue
        types = road.world.messages.types
        named = naming(step.revision, step.hop.key, "response")._replace(members={})
        members = shared_members((one, other), types(step.version), types(step.version - 1), named)
        yield Watch(MemberLosses({"": members}, guilty), step.version - 1, step.version)
        yield _cuts(road, step, guilty, (one, other), "")


def _lowered(headers: Mapping[str, Shared]) -> dict[str, Shared]:
    """Return *headers* named as `RequestParts` does."""
    return {name.lower(): each._replace(name=each.name.lower()) for name, each in headers.items()}


def _owned(road: Road, direction: Direction) -> Iterator[tuple[Step, Guilty, Endpoint, Endpoint]]:
    for step in road.steps:
        guilty, ends = road.owner(step, direction), (step.version - 1, step.version)
        before, after = (road.world.messages.endpoint(end, road.name_at(end)) for end in ends)
        is_meant = any(each.target == step.hop.key and each.keeps == "nothing" for each in step.revision.promises)
        if guilty is not None and before is not None and after is not None and not is_meant:
            yield step, guilty, before, after


def _cuts(road: Road, step: Step, guilty: Guilty, nodes: tuple[Node, Node], part: str) -> Watch:
    """Return what watches for values that come out cut; *nodes* are the types that go in and that come out."""
    ends = (step.version, step.version - 1) if guilty.direction == "response" else (step.version - 1, step.version)
    before, after = (road.world.messages.gtype_of(node, end) for node, end in zip(nodes, ends, strict=True))
    losses = Cuts(before, after, carried_types(step.revision, guilty.direction), guilty, part)
    return Watch(losses, step.version - 1, step.version)


def _is_another_matter(node: Node, step: Step, direction: Direction) -> bool:
    """Tell whether *node* is a type that the revision has functions of its own for."""
    return isinstance(node, Ref) and node.name in carried_types(step.revision, direction)
