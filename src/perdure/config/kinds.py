"""What the declared type of a setting says about it."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, final, get_args, get_origin

from msgspec import Struct

__all__ = ["FilePath", "Kind", "RelativeText", "StoreUrl", "kind_of"]

_SQLITE = "sqlite:///"


class RelativeText(Enum):
    """What a text names that may be relative to the folder of the file it is written in."""

    PATH = "path"
    """A file or a folder."""
    STORE_URL = "store URL"
    """A URL that may be SQLite's, with a path in it."""

    def __repr__(self) -> str:
        return repr(self.value)

    def within(self, folder: Path, text: str) -> str:
        """Return *text* with the path that it is, or has in it, taken to be relative to *folder*."""
        if self is RelativeText.PATH:
            return str(folder / text)
        if not text.startswith(_SQLITE) or text.startswith(f"{_SQLITE}/"):
            return text
        return f"{_SQLITE}{folder / text.removeprefix(_SQLITE)}"


FilePath = Annotated[str, RelativeText.PATH]
"""Path of a file or a folder. In a settings file it is relative to that file's folder, else to the current one."""
StoreUrl = Annotated[str, RelativeText.STORE_URL]
"""URL of a store. The path in ``sqlite:///PATH`` is relative to what a `FilePath` is relative to."""


@final
class Kind(Struct, frozen=True):
    """A declared type, taken apart."""

    alternatives: tuple[Any, ...]
    """The types a value may have, but for None."""
    is_optional: bool
    """Whether it may be None."""
    relative: RelativeText | None
    """What a text names, if that can be relative."""

    @property
    def record(self) -> type[Struct] | None:
        """The group of settings it is, if it is one."""
        found = [each for each in self.alternatives if isinstance(each, type) and issubclass(each, Struct)]
        return found[0] if found else None

    @property
    def members(self) -> Any:
        """The type of a mapping's values, if it is a mapping; None if it is none."""
        found = [get_args(each)[1] for each in self.alternatives if get_origin(each) is Mapping]
        return found[0] if found else None

    @property
    def items(self) -> Any:
        """The type of a tuple's items, if it is a tuple of any length; None if it is none."""
        found = [get_args(each)[0] for each in self.alternatives if get_origin(each) is tuple]
        return found[0] if found else None

    @property
    def is_free(self) -> bool:
        """Whether it may be anything."""
        return object in self.alternatives

    def __str__(self) -> str:
        names = [_name(each) for each in self.alternatives]
        return " or ".join([*names, "None"] if self.is_optional else names)


def kind_of(annotation: Any) -> Kind:
    """Return what *annotation* says."""
    relative = None
    alternatives = []
    for each in _alternatives(annotation):
        bare = each
        if get_origin(each) is Annotated:
            bare, *notes = get_args(each)
            relative = next((note for note in notes if isinstance(note, RelativeText)), relative)
        alternatives.append(bare)
    told = tuple(each for each in alternatives if each is not NoneType)
    return Kind(told, len(told) < len(alternatives), relative)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _name(each: Any) -> str:
    origin = get_origin(each)
    if origin is Literal:
        return " or ".join(map(repr, get_args(each)))
    if origin in (tuple, frozenset):
        return f"a {origin.__name__} of {kind_of(get_args(each)[0])}"
    if origin is Mapping:
        return f"a mapping of {' to '.join(str(kind_of(part)) for part in get_args(each))}"
    return "anything" if each is object else str((origin or each).__name__)
