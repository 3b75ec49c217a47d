"""Markers for ``Annotated`` that say what neither msgspec nor annotated-types can.

``Annotated[list[str], Unique]`` refuses equal items; ``Annotated[str, Masked]`` hides the value wherever Perdure shows
one.
"""

from typing import Final, final

__all__ = ["Marker", "Masked", "Unique"]


@final
class Marker:
    """A named mark in the metadata of an ``Annotated`` type; compare with ``is``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


Unique: Final = Marker("Unique")
"""No two items of the list are equal."""

Masked: Final = Marker("Masked")
"""The value is secret: masked in error messages, logs and snapshots."""
