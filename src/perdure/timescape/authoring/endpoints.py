"""The functions of endpoints: what their path, query, headers, bodies and statuses need beyond what their types do."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, final

from perdure.diff.pairing import parameter_names, shape
from perdure.gtype.nodes import Field, Null, Object, String
from perdure.manifest.records import Endpoint
from perdure.timescape.authoring.conversion import Converter
from perdure.timescape.authoring.fitting import Fitting
from perdure.timescape.authoring.functions import Function
from perdure.timescape.authoring.layout import statement
from perdure.timescape.authoring.members import carry_members
from perdure.timescape.authoring.notes import Notes
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.authoring.wording import words

__all__ = ["GONE", "NoWay", "endpoint_functions"]

GONE = "it is gone"
"""Why requests to an endpoint that is gone cannot be carried forward."""
_DATA = ("application/json", "application/msgpack", "*/*")
"""The last is what a handler takes or answers that declares nothing."""


class NoWay(NamedTuple):
    """An endpoint over which nothing can be carried, in one direction."""

    key: str
    way: str
    reason: str


@final
class _Writer:
    """Writes the functions of one endpoint."""

    def __init__(self, key: str, successor: str, sides: Sides, converter: Converter) -> None:
        self.key = key
        self.successor = successor
        self.old = sides.before.endpoints[key]
        self.new = sides.after.endpoints[successor]
        self.sides = sides
        self.converter = converter
        self.names = sides.members(key)

    def request(self) -> Iterable[Function]:
        """Yield what carries its requests forward beyond its types."""
        lines: list[str] = []
        said: list[str] = []
        path = _with_path(self.key, self.old), _with_path(self.successor, self.new)
        for part, (ours, theirs) in {
            "path": path, "query": (self.old.query, self.new.query),
            "headers": (_lowered(self.old.headers), _lowered(self.new.headers)),
        }.items():  # fmt: skip
            names = _renamed_parameters(self.key, self.successor) | dict(self.names) if part == "path" else self.names
            found = self._members(part, ours, theirs, names)
            lines += found[0]
            said += found[1]
        lines += self._request_body()
        if lines:
            text = "; ".join(said)
            sentence = f"{text[:1].upper()}{text[1:]}." if text else ""
            yield Function("request", self.key, "request", "RequestParts", "None", sentence, tuple(lines))

    def response(self) -> Iterable[Function]:
        """Yield what carries its answers back beyond their types."""
        lines = self._response_body()
        said = ""
        if self.old.status != self.new.status:
            lines.append(f"    if answer.status == {self.new.status}:")
            lines.append(f"        answer.status = {self.old.status}")
            said = f"Say {self.old.status} instead of {self.new.status}."
        if lines:
            yield Function("response", self.key, "answer", "ResponseParts", "None", said, tuple(lines))

    def impossible(self) -> Iterable[NoWay]:
        """Yield why requests or answers cannot be carried over at all."""
        takes_other = bool(self.new.body_media) and not _is_data(self.new.body_media)
        if self.old.body is not None and self.new.body is None and takes_other:
            yield NoWay(self.key, "request", f"its body was {words(self.old.body)} and is {self.new.body_media[0]} now")
        if self._answers_other():
            what = words(self.old.response) if self.old.response is not None else "data"
            yield NoWay(self.key, "response", f"it answered {what} and answers {self.new.response_media} now")

    def _answers_other(self) -> bool:
        is_other = self.new.response is None and self.new.response_media not in _DATA
        return self.old.response is not None and is_other

    def _members(
        self, part: str, ours: Object | None, theirs: Object | None, names: Mapping[str, str]
    ) -> tuple[list[str], tuple[str, ...]]:
        if theirs is None:
            return [], ()
        source, target = self.sides.carried(ours or Object()), theirs
        if not isinstance(source, Object):
            return [], ()
        carried = carry_members(part, source, target, names, self.converter)
        if carried is None:
            return [], ()
        annotation = ": dict[str, Any]" if carried.looks_inside else ""
        return [f"    {part}{annotation} = request.{part}", *carried.lines], carried.said

    def _request_body(self) -> list[str]:
        old, new = self.old.body, self.new.body
        if new is None:
            return []
        if old is None:
            if self.converter.fitting.fits(Null(), new):
                return []
            return statement("request.body = ", self.converter.notes.hole(f"body: {words(new)}"))
        made = self.converter.convert(self.sides.carried(old), new, "body", "body")
        return [] if made is None else ["    body: Any = request.body", *statement("request.body = ", made)]

    def _response_body(self) -> list[str]:
        old, new = self.old.response, self.new.response
        if old is None or self._answers_other():
            return []
        if new is None:
            return statement("answer.body = ", self.converter.notes.hole(f"body: {words(old)}, from nothing"))
        made = self.converter.convert(new, self.sides.carried(old), "body", "body")
        if made is None:
            return []
        # A redirect, a file or an answer without a body has nothing to convert.
        inner = statement("answer.body = ", made, 2)
        return ["    body: Any = answer.body", "    if body is not None:", *inner]


def endpoint_functions(sides: Sides, notes: Notes) -> tuple[list[Function], list[NoWay]]:
    """Return the transformers of endpoints, by key of before, and what nothing can be carried over."""
    converter = Converter(Fitting(sides.shapes), notes)
    functions: list[Function] = []
    no_ways: list[NoWay] = []
    for key, successor in sorted(sides.endpoints.items()):
        if successor is None:
            no_ways.append(NoWay(key, "request", GONE))
            continue
        writer = _Writer(key, successor, sides, converter)
        dead = list(writer.impossible())
        no_ways += dead
        if all(each.way != "request" for each in dead):
            functions += writer.request()
        functions += writer.response()
    return functions, no_ways


def _is_data(media: tuple[str, ...]) -> bool:
    return any(each in _DATA for each in media)


def _with_path(key: str, endpoint: Endpoint) -> Object:
    """Return the path parameters of *endpoint*: those that nothing is declared for are text."""
    declared = endpoint.params.fields if endpoint.params is not None else ()
    named = {field.name for field in declared}
    free = [Field(name=name, node=String()) for name in parameter_names(key) if name not in named]
    return Object(fields=(*declared, *free))


def _renamed_parameters(old: str, new: str) -> dict[str, str]:
    """Return the parameters that are called otherwise in a path that is the same but for that."""
    ours, theirs = parameter_names(old), parameter_names(new)
    if shape(old).partition(" ")[2] != shape(new).partition(" ")[2]:
        ours = [name for name in parameter_names(old) if name not in theirs]
        theirs = [name for name in theirs if name not in parameter_names(old)]
        if len(ours) != 1 or len(theirs) != 1:
            return {}
    return {one: other for one, other in zip(ours, theirs, strict=True) if one != other}


def _lowered(headers: Object | None) -> Object | None:
    from msgspec.structs import replace

    if headers is None:
        return None
    return replace(headers, fields=tuple(replace(field, name=field.name.lower()) for field in headers.fields))
