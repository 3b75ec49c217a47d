"""Property 17: old requests are transformed to the new version, and answers back.

The oracle never converts. A value is generated without a version, as data that knows its type; writing it down as
version *n* looks only at how each type was written at *n*. What a chain makes of a request written at one version must
be the same request written at the other; and of an answer, the other way round.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.gtype import nodes
from perdure.gtype.nodes import Field, Integer, Node, Null, Object, Ref
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Chain
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

ENUM, SCALAR = 0, 1
"""Types every model has, for the parameters; objects follow."""


@dataclass(frozen=True)
class Shape:
    """A place for a value: int, named, list, map, keyed, nullable, pair, union or tagged."""

    kind: str
    inside: tuple["Shape", ...] = ()
    type: int = -1


@dataclass(frozen=True)
class Written:
    """How a type is written at one version: member or enum names, the tag of an object, the form of a scalar."""

    names: tuple[str, ...] = ()
    form: str = ""
    is_wrapped: bool = False
    echo: tuple[int, int] | None = None
    """An object repeats this member as text, as it was written at that version."""


@dataclass(frozen=True)
class Route:
    """How the endpoint is written at one version."""

    key: str = "POST /v0/{id}"
    filter: str = "filter"
    has_envelope: bool = False


@dataclass(frozen=True)
class Model:
    members: tuple[tuple[tuple[Shape, bool], ...], ...]
    """Of each type, the members and whether they are required; none for ENUM and SCALAR."""
    body: Shape
    answer: Shape
    written: tuple[tuple[Written, ...], ...]
    """By version, then by type."""
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Call:
    """A request and its answer, without a version."""

    id: object
    filter: object
    many: list[object]
    mode: object
    body: object
    answer: object


# --- writing down ---------------------------------------------------------------------------------------------------


def write(model: Model, at: int, shape: Shape, value: object) -> object:
    match shape.kind, value:
        case "nullable", None:
            return None
        case "nullable", _:
            return write(model, at, shape.inside[0], value)
        case "list", list():
            return [write(model, at, shape.inside[0], item) for item in value]
        case "pair", tuple():
            return [write(model, at, inner, item) for inner, item in zip(shape.inside, value, strict=True)]
        case "map", dict():
            return {name: write(model, at, shape.inside[0], item) for name, item in value.items()}
        case "keyed", dict():
            return {
                str(write(model, at, shape.inside[0], key)): write(model, at, shape.inside[1], v)
                for key, v in value.items()
            }
        case (("union" | "tagged"), tuple()):
            return write(model, at, shape.inside[value[0]], value[1])
        case "named", _:
            return write_named(model, at, shape.type, value)
    return value


def write_named(model: Model, at: int, type_: int, value: object) -> object:
    how = model.written[at][type_]
    if type_ == SCALAR:
        return {"plain": value, "text": str(value), "boxed": {"value": value}}[how.form]
    if isinstance(value, int):
        return how.names[value]
    assert isinstance(value, dict)
    shapes = [shape for shape, _ in model.members[type_]]
    out = {how.names[place]: write(model, at, shapes[place], part) for place, part in value.items()}
    out["kind"] = how.form
    if how.echo is not None:
        place, since = how.echo
        out["echo"] = text_of(write(model, since, shapes[place], value[place])) if place in value else ""
    return {"data": out} if how.is_wrapped else out


def text_of(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def write_request(model: Model, at: int, call: Call) -> RequestParts:
    enum, route = Shape("named", type=ENUM), model.routes[at]
    body = write(model, at, model.body, call.body)
    return RequestParts(
        path={"id": write(model, at, Shape("named", type=SCALAR), call.id)},
        query={
            route.filter: write(model, at, enum, call.filter),
            "many": [write(model, at, enum, each) for each in call.many],
        },
        headers={"x-mode": write(model, at, enum, call.mode), "x-other": "1"},
        body={"payload": body} if route.has_envelope else body,
    )


def write_answer(model: Model, at: int, call: Call) -> ResponseParts:
    body = write(model, at, model.answer, call.answer)
    return ResponseParts(
        status=201, headers={"etag": "1"}, body={"payload": body} if model.routes[at].has_envelope else body
    )


# --- types at a version ---------------------------------------------------------------------------------------------


def node_of(shape: Shape) -> Node:
    inside = tuple(node_of(inner) for inner in shape.inside)
    match shape.kind:
        case "nullable":
            return nodes.Union(members=(*inside, Null()))
        case "list":
            return nodes.Array(items=inside[0])
        case "map":
            return nodes.Record(values=inside[0])
        case "keyed":
            return nodes.Record(keys=inside[0], values=inside[1])
        case "pair":
            return nodes.Tuple(items=inside)
        case "union":
            return nodes.Union(members=inside)
        case "tagged":
            return nodes.Union(members=inside, discriminator="kind")
        case "named":
            return Ref(name=f"T{shape.type}")
    return Integer()


def definition_of(model_members: tuple[tuple[Shape, bool], ...], type_: int, how: Written) -> Node:
    if type_ == ENUM:
        return nodes.Enum(members=tuple((name, name) for name in how.names))
    if type_ == SCALAR:
        boxed = closed(Field(name="value", node=Integer()))
        forms: dict[str, Node] = {"plain": Integer(), "text": nodes.String(pattern="^-?[0-9]+$"), "boxed": boxed}
        return forms[how.form]
    fields = [Field(name="kind", node=nodes.Literal(values=(how.form,)))]
    for name, (shape, is_required) in zip(how.names, model_members, strict=True):
        fields.append(Field(name=name, node=node_of(shape), required=is_required))
    if how.echo is not None:
        fields.append(Field(name="echo", node=nodes.AnyValue()))
    return closed(Field(name="data", node=closed(*fields))) if how.is_wrapped else closed(*fields)


def closed(*fields: Field) -> Object:
    return Object(fields=fields, closed=True)


def api_of(model: Model, written: tuple[Written, ...], route: Route) -> Api:
    body, answer, enum = node_of(model.body), node_of(model.answer), Ref(name=f"T{ENUM}")
    endpoint = Endpoint(
        handler="h",
        params=Object(fields=(Field(name="id", node=Ref(name=f"T{SCALAR}")),)),
        query=Object(fields=(Field(name=route.filter, node=enum), Field(name="many", node=nodes.Array(items=enum)))),
        headers=Object(fields=(Field(name="X-Mode", node=enum),)),
        body=closed(Field(name="payload", node=body)) if route.has_envelope else body,
        response=closed(Field(name="payload", node=answer)) if route.has_envelope else answer,
    )
    types = {f"T{place}": definition_of(model.members[place], place, how) for place, how in enumerate(written)}
    return Api(types=types, endpoints={route.key: endpoint})


# --- revisions ------------------------------------------------------------------------------------------------------

Convert = Callable[[object], object]


def inner(how: Written, value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    found = value["data"] if how.is_wrapped else value
    assert isinstance(found, dict)
    return found


def rename(how: Written, type_: int, place: int, version: int) -> tuple[Written, Convert, Convert]:
    old, new = how.names[place], f"t{type_}_{place}_v{version}_{len(how.names[place])}"
    changed = replace(how, names=(*how.names[:place], new, *how.names[place + 1 :]))
    if type_ == ENUM:
        return changed, lambda value: new if value == old else value, lambda value: old if value == new else value

    def swap(value: object, here: str, there: str) -> object:
        members = inner(how, value)
        if here in members:
            members[there] = members.pop(here)
        return value

    return changed, lambda value: swap(value, old, new), lambda value: swap(value, new, old)


def wrap(how: Written) -> tuple[Written, Convert, Convert]:
    def put(value: object) -> object:
        return {"data": value}

    def take(value: object) -> object:
        assert isinstance(value, dict)
        return value["data"]

    changed = replace(how, is_wrapped=not how.is_wrapped)
    return (changed, take, put) if how.is_wrapped else (changed, put, take)


def retag(how: Written, type_: int, version: int) -> tuple[Written, Convert, Convert]:
    new = f"k{type_}v{version}"

    def tag(value: object, form: str) -> object:
        inner(how, value)["kind"] = form
        return value

    return replace(how, form=new), lambda value: tag(value, new), lambda value: tag(value, how.form)


def echo(how: Written, place: int, version: int) -> tuple[Written, Convert, Convert]:
    """What is inside must look new when this runs, in both directions: that is what the order of functions means."""
    name = how.names[place]

    def add(value: object) -> object:
        members = inner(how, value)
        members["echo"] = text_of(members[name]) if name in members else ""
        return value

    def drop(value: object) -> object:
        members = inner(how, value)
        assert members.pop("echo") == (text_of(members[name]) if name in members else "")
        return value

    return replace(how, echo=(place, version)), add, drop


READ: dict[str, Callable[[object], int]] = {
    "plain": lambda value: int(str(value)),
    "text": lambda value: int(str(value)),
    "boxed": lambda value: int(value["value"]) if isinstance(value, dict) else 0,
}
FORM: dict[str, Callable[[int], object]] = {"plain": int, "text": str, "boxed": lambda value: {"value": value}}


def reform(how: Written, form: str) -> tuple[Written, Convert, Convert]:
    old = how.form
    return (
        replace(how, form=form),
        lambda value: FORM[form](READ[old](value)),
        lambda value: FORM[old](READ[form](value)),
    )


@st.composite
def changes(draw: st.DrawFn, type_: int, how: Written, version: int) -> tuple[Written, Convert, Convert]:
    if type_ == SCALAR:
        return reform(how, draw(st.sampled_from(["plain", "text", "boxed"])))
    place = draw(st.integers(0, len(how.names) - 1))
    kinds = ["rename"] if type_ == ENUM else ["rename", "wrap", "retag", *(["echo"] if how.echo is None else [])]
    match draw(st.sampled_from(kinds)):
        case "wrap":
            return wrap(how)
        case "retag":
            return retag(how, type_, version)
        case "echo":
            return echo(how, place, version)
    return rename(how, type_, place, version)


def change_route(revision: Revision, old: Route, new: Route) -> None:
    if new.key != old.key:
        revision.moved(old.key, to=new.key)
    if (new.filter, new.has_envelope) == (old.filter, old.has_envelope):
        return

    @revision.request(old.key)
    def forward(request: RequestParts) -> None:
        request.query[new.filter] = request.query.pop(old.filter)
        if new.has_envelope and not old.has_envelope:
            request.body = {"payload": request.body}

    @revision.response(old.key)
    def back(response: ResponseParts) -> None:
        if new.has_envelope and not old.has_envelope:
            assert isinstance(response.body, dict)
            response.body = response.body["payload"]


# --- what is generated ----------------------------------------------------------------------------------------------


@st.composite
def shapes(draw: st.DrawFn, near: tuple[int, ...], far: tuple[int, ...], depth: int = 0) -> Shape:
    """Types in *near* may stand here; those in *far* only where a value may be empty, so that values end."""
    leaves = ["int", "named", "named"]
    kinds = leaves if depth > 2 else [*leaves, "list", "map", "keyed", "nullable", "pair", "union", "tagged"]
    kind = draw(st.sampled_from(kinds))
    if kind == "named":
        return Shape("named", type=draw(st.sampled_from(near)))
    if kind in {"list", "map", "nullable"}:
        return Shape(kind, (draw(shapes(far, far, depth + 1)),))
    if kind == "keyed":
        return Shape(kind, (Shape("named", type=ENUM), draw(shapes(far, far, depth + 1))))
    if kind == "pair":
        return Shape(kind, (draw(shapes(near, far, depth + 1)), draw(shapes(near, far, depth + 1))))
    members = [each for each in near if kind == "union" or each > SCALAR]
    if kind in {"union", "tagged"} and len(members) > 1:
        chosen = draw(st.lists(st.sampled_from(members), min_size=2, max_size=3, unique=True))
        return Shape(kind, tuple(Shape("named", type=each) for each in chosen))
    return Shape("int")


@st.composite
def values(draw: st.DrawFn, model: Model, shape: Shape, depth: int = 0) -> object:
    def below(inside: Shape) -> object:
        return draw(values(model, inside, depth + 1))

    is_ended = depth > 4
    match shape.kind:
        case "int":
            return draw(st.integers(-3, 3))
        case "nullable":
            return None if is_ended or draw(st.booleans()) else below(shape.inside[0])
        case "list":
            return [] if is_ended else [below(shape.inside[0]) for _ in range(draw(st.integers(0, 2)))]
        case "map":
            return (
                {}
                if is_ended
                else {name: below(shape.inside[0]) for name in draw(st.sets(st.sampled_from("abc"), max_size=2))}
            )
        case "keyed":
            keys = set() if is_ended else draw(st.sets(st.integers(0, 2), max_size=3))
            return {key: below(shape.inside[1]) for key in keys}
        case "pair":
            return tuple(below(each) for each in shape.inside)
        case "union" | "tagged":
            chosen = draw(st.integers(0, len(shape.inside) - 1))
            return chosen, below(shape.inside[chosen])
    if shape.type == ENUM:
        return draw(st.integers(0, 2))
    if shape.type == SCALAR:
        return draw(st.integers(-99, 99))
    return {
        place: below(member)
        for place, (member, is_required) in enumerate(model.members[shape.type])
        if is_required or (not is_ended and draw(st.booleans()))
    }


@st.composite
def models(draw: st.DrawFn) -> tuple[Model, tuple[RecordedRevision, ...]]:
    count = SCALAR + 1 + draw(st.integers(1, 4))
    everything = tuple(range(count))
    members: list[tuple[tuple[Shape, bool], ...]] = [(), ()]
    for type_ in everything[SCALAR + 1 :]:
        near = (ENUM, SCALAR, *everything[type_ + 1 :])
        required = [
            (Shape("int"), True),
            *((draw(shapes(near, everything)), True) for _ in range(draw(st.integers(0, 2)))),
        ]
        optional = [(draw(shapes(everything, everything)), False) for _ in range(draw(st.integers(0, 2)))]
        members.append((*required, *optional))
    first: tuple[Written, ...] = (Written(("e0", "e1", "e2")), Written(form="plain"))
    first += tuple(
        Written(tuple(f"t{type_}_{place}" for place in range(len(members[type_]))), form=f"k{type_}")
        for type_ in everything[SCALAR + 1 :]
    )
    body, answer = draw(shapes(everything, everything)), draw(shapes(everything, everything))
    model = Model(tuple(members), body, answer, (first,), (Route(),))
    api = api_of(model, first, Route())
    revisions = [record("r0", Revision("2025-01-01"), before=Api(), after=api)]
    for version in range(1, draw(st.integers(2, 5))):
        revision = Revision(f"2025-01-{version + 1:02}", after=f"r{version - 1}")
        written, route = list(model.written[-1]), model.routes[-1]
        for type_ in draw(st.lists(st.sampled_from(everything), max_size=4)):
            written[type_], forward, back = draw(changes(type_, written[type_], version))
            revision.request(f"T{type_}")(forward)
            revision.response(f"T{type_}")(back)
        if draw(st.integers(0, 3)) == 0:
            route = Route(
                draw(st.sampled_from([route.key, f"POST /v{version}/{{id}}"])),
                draw(st.sampled_from([route.filter, f"filter{version}"])),
                route.has_envelope or draw(st.booleans()),
            )
            change_route(revision, model.routes[-1], route)
        model = replace(model, written=(*model.written, tuple(written)), routes=(*model.routes, route))
        before, api = api, api_of(model, tuple(written), route)
        revisions.append(record(f"r{version}", revision, before=before, after=api))
    return model, tuple(revisions)


@st.composite
def calls(draw: st.DrawFn, model: Model) -> Call:
    enum = st.integers(0, 2)
    return Call(
        id=draw(st.integers(-99, 99)), filter=draw(enum), many=list(draw(st.lists(enum, max_size=3))), mode=draw(enum),
        body=draw(values(model, model.body)), answer=draw(values(model, model.answer)),
    )  # fmt: skip


relaxed = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@relaxed
@given(models(), st.data())
def test_request_when_carried_forward_is_the_same_request_of_the_newer_version(
    generated: tuple[Model, tuple[RecordedRevision, ...]], data: st.DataObject
) -> None:
    model, revisions = generated
    timeline = Timeline(Timescape(revisions))
    call = data.draw(calls(model))
    for at in range(len(revisions)):
        for to in range(at, len(revisions)):
            parts = write_request(model, at, call)
            chain = timeline.chain(model.routes[at].key, at, to)
            if isinstance(chain, Chain):
                chain.request(parts)
            assert write_request(model, to, call) == parts
            assert model.routes[to].key == (chain.target_key if isinstance(chain, Chain) else model.routes[at].key)


@relaxed
@given(models(), st.data())
def test_answer_when_carried_back_is_the_same_answer_of_the_older_version(
    generated: tuple[Model, tuple[RecordedRevision, ...]], data: st.DataObject
) -> None:
    model, revisions = generated
    timeline = Timeline(Timescape(revisions))
    call = data.draw(calls(model))
    for at in range(len(revisions)):
        for to in range(at, len(revisions)):
            parts = write_answer(model, to, call)
            chain = timeline.chain(model.routes[at].key, at, to)
            if isinstance(chain, Chain):
                chain.response(parts)
            assert write_answer(model, at, call) == parts


@relaxed
@given(models(), st.data())
def test_part_when_not_said_to_be_touched_is_written_the_same_at_both_versions(
    generated: tuple[Model, tuple[RecordedRevision, ...]], data: st.DataObject
) -> None:
    model, revisions = generated
    timeline = Timeline(Timescape(revisions))
    call = data.draw(calls(model))
    for at in range(len(revisions)):
        chain = timeline.chain(model.routes[at].key, at, len(revisions) - 1)
        touches = chain.touches if isinstance(chain, Chain) else frozenset()
        old, new = write_request(model, at, call), write_request(model, len(revisions) - 1, call)
        for part in ("path", "query", "headers", "body"):
            assert part in touches or getattr(old, part) == getattr(new, part)
        old_answer, new_answer = write_answer(model, at, call), write_answer(model, len(revisions) - 1, call)
        assert "response" in touches or old_answer == new_answer
