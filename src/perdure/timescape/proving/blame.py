"""Which function of a revision a failure is the fault of, and where it stands."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, TracebackType

from perdure.gtype.nodes import Array, Enum, GType, Intersection, Literal, Node, Object, Record, Ref, Tuple, Union
from perdure.gtype.traversal import reachable, references
from perdure.gtype.validator import compile_validator
from perdure.manifest.records import Endpoint
from perdure.timescape.proving.flaws import Guilty
from perdure.timescape.proving.naming import former, successor
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.revision import Direction, Transformer

__all__ = ["blame_hang", "blame_output", "blame_raise", "carried_types", "declared", "mentioned", "types_around"]

Pointed = tuple[Node, object]
"""The type of a message or of a part of one, and what came out as that."""


def declared(revision: RecordedRevision, direction: Direction, target: str) -> Iterator[Transformer]:
    """Yield the transformers of *revision* that run for *target*, a type or an endpoint, in order of declaration."""
    for transformer in revision.transformers:
        if transformer.direction != direction:
            continue
        is_meant = transformer.target in {target, ""}  # "": the problems of every endpoint
        if is_meant or (target in revision.before.types and _names(transformer, target, revision)):
            yield transformer


def carried_types(revision: RecordedRevision, direction: Direction) -> frozenset[str]:
    """Return the types that *revision* has functions of their own for, in *direction*."""
    targets = {each.target for each in revision.transformers if each.direction == direction}
    return frozenset(name for target in targets for name in targeted_types(target, revision.before))


def _names(transformer: Transformer, target: str, revision: RecordedRevision) -> bool:
    return target in targeted_types(transformer.target, revision.before)


def blame_raise(revision: RecordedRevision, direction: Direction, target: str, error: BaseException) -> Guilty:
    """Return who raised *error*: the innermost line of the revision's file, or else the function declared first."""
    candidates = [each for each in revision.transformers if each.direction == direction and each.target == target]
    files = {_file(each) for each in candidates} | {revision.file}
    frames = [at for at in _frames(error.__traceback__) if at[0] in files]
    place = _shown(*frames[-1][:2]) if frames else candidates[0].place if candidates else revision.place
    return Guilty(revision.name, place, direction, target)


def blame_hang(revisions: Iterable[RecordedRevision], error: BaseException) -> Guilty | None:
    """Return whose function was running when *error* cut it off; None if none of *revisions* has it."""
    frames = list(_frames(error.__traceback__))
    for revision in revisions:
        for transformer in revision.transformers:
            if any(at[0] == _file(transformer) and at[2] is _code(transformer) for at in frames):
                file, line = next(at[:2] for at in reversed(frames) if at[0] == _file(transformer))
                return Guilty(revision.name, _shown(file, line), transformer.direction, transformer.target)
    return None


def blame_output(
    revision: RecordedRevision, direction: Direction, key: str, pointed: Pointed | None, pointer: str
) -> Guilty:
    """Return whose fault it is that *revision* made something that is not allowed.

    The innermost type around the fault that has a function in this direction is to blame; before it, one that changed
    and was plainly never carried over, as its value still is what it was on the other side.

    Args:
        key: The endpoint, as the API before the revision calls it.
        pointed: What came out, and its type on the side where it came out; None where the fault is in no value.
        pointer: Where in it the fault lies.
    """
    types = revision.after.types if direction == "request" else revision.before.types
    source = revision.before.types if direction == "request" else revision.after.types
    found = [] if pointed is None else types_around(pointed[0], pointed[1], _steps(pointer), types)
    named = [(former(revision, name) if direction == "request" else name, value) for name, value in found]
    around = [(name, value) for name, value in named if name is not None]
    own = next(declared(revision, direction, key), None)
    is_own = own is not None and not any(any(declared(revision, direction, name)) for name, _ in around)
    for name, value in reversed(around) if not is_own else ():
        functions = list(declared(revision, direction, name))
        if functions:
            return Guilty(revision.name, functions[0].place, direction, functions[0].target)
        then, now = name, successor(revision, name)
        sent, made = (then, now) if direction == "request" else (now, then)
        if sent in source and source[sent] != types.get(made or "") and _is_valid(sent, source, value):
            return Guilty(revision.name, revision.place, direction, name, is_missing=True)
    if own is not None:
        return Guilty(revision.name, own.place, direction, own.target)
    within = mentioned(revision.before.endpoints.get(key), direction, revision.before.types)
    others = [each for name in sorted(within) for each in declared(revision, direction, name)]
    if len(others) == 1:
        return Guilty(revision.name, others[0].place, direction, others[0].target)
    return Guilty(revision.name, revision.place, direction, key, is_missing=True)


def mentioned(endpoint: Endpoint | None, direction: Direction, types: Mapping[str, Node]) -> set[str]:
    """Return the types in the messages of *endpoint*, at any depth; of a problem, those of requests."""
    if endpoint is None:
        return set()
    answer, request = [endpoint.response], [endpoint.params, endpoint.query, endpoint.headers, endpoint.body]
    nodes = [node for node in (answer if direction == "response" else request) if node is not None]
    return {name for node in nodes for name in reachable(node, types)} | {
        name for node in nodes for name in references(node)
    }


def _is_valid(name: str, types: Mapping[str, Node], value: object) -> bool:
    ref = Ref(name=name)
    return compile_validator(GType(ref, reachable(ref, types))).is_valid(value)


def types_around(
    node: Node, value: object, steps: Sequence[str], types: Mapping[str, Node]
) -> Iterator[tuple[str, object]]:
    """Yield the named types on the way from *node* along *steps*, with the value of each, from the outside in.

    Args:
        node: The type of *value*.
        value: What the steps lead into; of a union, it tells which member is meant.
        steps: Names of members and indices of items.
        types: What names mean.
    """
    match node:
        case Ref(name=name):
            if name in types:
                yield name, value
                yield from types_around(types[name], value, steps, types)
        case Union(members=members):
            meant = [each for each in members if _may_be_meant(each, value, types)]
            for member in meant or members:
                yield from types_around(member, value, steps, types)
        case Intersection(members=members):
            for member in members:
                yield from types_around(member, value, steps, types)
        case _ if steps:
            below = _below(node, steps[0])
            if below is not None:
                yield from types_around(below, _member(value, steps[0]), steps[1:], types)


def _may_be_meant(node: Node, value: object, types: Mapping[str, Node]) -> bool:
    """Tell whether no member of *value* that has listed values, such as a tag, says that it is no *node*."""
    while isinstance(node, Ref) and node.name in types:
        node = types[node.name]
    if not isinstance(node, Object) or not isinstance(value, dict):
        return True
    listed = {field.name: _listed(field.node) for field in node.fields}
    return all(value[name] in words for name, words in listed.items() if words and name in value)


def _listed(node: Node) -> tuple[object, ...]:
    match node:
        case Literal(values=values):
            return values
        case Enum(members=members):
            return tuple(value for _, value in members)
        case _:
            return ()


def _below(node: Node, step: str) -> Node | None:
    match node:
        case Object(fields=fields):
            return next((field.node for field in fields if field.name == step), None)
        case Array(items=items):
            return items
        case Record(values=values):
            return values
        case Tuple(items=members):
            return members[int(step)] if step.isdigit() and int(step) < len(members) else None
        case _:
            return None


def _member(value: object, step: str) -> object:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list | tuple) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _code(transformer: Transformer) -> CodeType | None:
    return getattr(inspect.unwrap(transformer.function), "__code__", None)


def _file(transformer: Transformer) -> str:
    code = _code(transformer)
    return code.co_filename if code is not None else ""


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int, CodeType]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code
        trace = trace.tb_next


def _shown(file: str, line: int) -> str:
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else file}:{line}"
