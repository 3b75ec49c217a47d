"""Instances of classes, made of their members' data as msgspec makes them: see `perdure.gtype.safe_decoding`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

import msgspec
from msgspec import ValidationError

from perdure.gtype.members import Shape

__all__ = ["ClassBuilder", "Convert", "build", "convert_at", "steps_to"]

Convert = Callable[[object], object]
"""Makes a value of JSON-compatible data, or raises msgspec.ValidationError."""

_PLACE: Final = " - at `"


@final
class ClassBuilder:
    """Makes instances of one class."""

    def __init__(self, cls: type, shape: Shape, converters: tuple[Convert, ...]) -> None:
        """Prepare for *cls*, whose members are made by *converters*, in order."""
        self._shape = shape
        given: Any = cls
        names = given.__struct_fields__ if shape.kind == "struct" else [member.name for member in shape.members]
        places = [f"[{index}]" if shape.array else f".{member.name}" for index, member in enumerate(shape.members)]
        self._members = tuple(zip(names, shape.members, converters, places, strict=True))
        self._construct = _constructor(cls, shape)

    def build(self, data: object) -> object:
        """Return the instance that *data* stands for.

        Raises:
            msgspec.ValidationError: There is none.
        """
        given = self._by_position(data) if self._shape.array else self._by_name(data)
        values = {}
        for name, member, convert, place in self._members:
            if member.name in given:
                values[name] = convert_at(place, convert, given[member.name])
            elif member.required:
                raise ValidationError(f"Object missing required field `{member.name}`")
        return build(self._construct, values)

    def _by_name(self, data: object) -> Mapping[str, object]:
        shape = self._shape
        given = msgspec.convert(data, dict[str, Any])
        if shape.tag is not None and given.pop(shape.tag_field, None) != shape.tag:
            raise ValidationError(f"Expected {shape.tag!r}{_PLACE}$.{shape.tag_field}`")
        unknown = given.keys() - {member.name for member in shape.members}
        if shape.closed and unknown:
            raise ValidationError(f"Object contains unknown field `{min(unknown)}`")
        return given

    def _by_position(self, data: object) -> Mapping[str, object]:
        shape = self._shape
        given = msgspec.convert(data, list[Any])
        if shape.tag is not None and (not given or given.pop(0) != shape.tag):
            raise ValidationError(f"Expected {shape.tag!r}{_PLACE}$[0]`")
        most = len(shape.members)
        if len(given) > most and (shape.closed or shape.kind == "namedtuple"):
            raise ValidationError(f"Expected `array` of at most length {most}")
        return dict(zip((member.name for member in shape.members), given, strict=False))


def convert_at(place: str, convert: Convert, data: object) -> object:
    """Return what *convert* makes of *data*, which is at *place* of something.

    Raises:
        msgspec.ValidationError: It refuses; the message says the place, too.
    """
    try:
        return convert(data)
    except ValidationError as error:
        text, _, inner = str(error).rpartition(_PLACE) if _PLACE in str(error) else (str(error), "", "$`")
        raise ValidationError(f"{text}{_PLACE}${place}{inner[1:]}") from error.__cause__


def steps_to(error: ValidationError) -> int:
    """Return how far inside the data the place is that *error* tells."""
    place = str(error).rpartition(_PLACE)[2] if _PLACE in str(error) else ""
    return place.count(".") + place.count("[")


def build(construct: Callable[[Any], object], parts: object) -> object:
    """Return what *construct* makes of *parts*.

    Raises:
        msgspec.ValidationError: It raised a TypeError or a ValueError, as classes' own rules do.
    """
    try:
        return construct(parts)
    except ValidationError:
        raise
    except (TypeError, ValueError) as error:
        raise ValidationError(str(error)) from error


def _constructor(cls: Any, shape: Shape) -> Callable[[dict[str, object]], object]:
    """Return what makes an instance of members by the names they have in Python."""
    if shape.kind == "typeddict":
        return dict
    if shape.kind in {"struct", "namedtuple"}:
        return lambda values: cls(**values)
    fields = cls.__attrs_attrs__ if shape.kind == "attrs" else cls.__dataclass_fields__.values()
    parameters = {field.name: getattr(field, "alias", field.name) for field in fields if field.init}

    def construct(values: dict[str, object]) -> object:
        made = cls(**{parameters[name]: each for name, each in values.items() if name in parameters})
        for name, each in values.items():
            if name not in parameters:
                object.__setattr__(made, name, each)
        return made

    return construct
