"""The functions of endpoints: what their path, query, headers, bodies and statuses need beyond what their types do."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, final

from perdure.diff.contents import has_other_media
from perdure.diff.pairing import parameter_names, renamed_in_path
from perdure.gtype.nodes import Field, Null, Object, String
from perdure.manifest.records import Endpoint
from perdure.timescape.authoring.conversion import Converter
from perdure.timescape.authoring.converting import Spot
from perdure.timescape.authoring.fitting import Fitting
from perdure.timescape.authoring.functions import Function
from perdure.timescape.authoring.layout import Choice, Code, Text, statement
from perdure.timescape.authoring.members import carry_members
from perdure.timescape.authoring.notes import Notes
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.authoring.wording import words

__all__ = ["GONE", "NoWay", "endpoint_functions"]

GONE = "it is gone"
"""Why requests to an endpoint that is gone cannot be carried forward."""
_IS_THERE = "body is not None"
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
            names = renamed_in_path(self.key, self.successor) | dict(self.names) if part == "path" else self.names
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
            change = f"it answered {_answered(self.old)} and answers {_answered(self.new)} now"
            yield NoWay(self.key, "response", change)

    def _answers_other(self) -> bool:
        """Tell whether answers are no data on one side, as a text is none, and something else on the other."""
        is_data = _is_data((self.old.response_media,)) and _is_data((self.new.response_media,))
        return not is_data and has_other_media(self.old, self.new)

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
        made = self.converter.convert(self.sides.carried(old), new, Spot("body", "body"))
        return [] if made is None else ["    body: Any = request.body", *statement("request.body = ", made)]

    def _response_body(self) -> list[str]:
        old, new = self.old.response, self.new.response
        if old is None or self._answers_other():
            return []
        if new is None:
            return statement("answer.body = ", self.converter.notes.hole(f"body: {words(old)}, from nothing"))
        made = self.converter.convert(new, self.sides.carried(old), Spot("body", "body"))
        if made is None:
            return []
        of_data, of_null = _by_presence(made)
        lines = ["    body: Any = answer.body"]
        # A redirect, a file or an answer without a body has nothing to convert.
        if of_data != Text("body"):
            lines += [f"    if {_IS_THERE}:", *statement("answer.body = ", of_data, 2)]
        if of_null != Text("None"):
            # Only what is no data has a type among the headers already.
            is_null = f'answer.status == {self.new.status} and "content-type" not in answer.headers'
            lines += [f"    if body is None and {is_null}:", *statement("answer.body = ", of_null, 2)]
        return lines


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
        if all(each.way != "response" for each in dead):
            functions += writer.response()
    return functions, no_ways


def _is_data(media: tuple[str, ...]) -> bool:
    return any(each in _DATA for each in media)


def _by_presence(made: Code) -> tuple[Code, Code]:
    """Return what *made*, the code for a body, makes of data, and what of null."""
    if isinstance(made, Choice) and made.condition == _IS_THERE:
        return made.then, made.otherwise
    return made, Text("None")


def _answered(endpoint: Endpoint) -> str:
    """Return what *endpoint* answers, in words: its type, or else its media type."""
    return words(endpoint.response) if endpoint.response is not None else endpoint.response_media


def _with_path(key: str, endpoint: Endpoint) -> Object:
    """Return the path parameters of *endpoint*: those that nothing is declared for are text."""
    declared = endpoint.params.fields if endpoint.params is not None else ()
    named = {field.name for field in declared}
    free = [Field(name=name, node=String()) for name in parameter_names(key) if name not in named]
    return Object(fields=(*declared, *free))


def _lowered(headers: Object | None) -> Object | None:
    from msgspec.structs import replace

    if headers is None:
        return None
    return replace(headers, fields=tuple(replace(field, name=field.name.lower()) for field in headers.fields))
