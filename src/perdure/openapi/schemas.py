"""All schemas of a document, read into nodes at once.

Readers of other parts ask for schemas twice: first each is noted with its place, then all are read together with the
components, and from then on asking gives the node.
"""

from collections import Counter
from collections.abc import Mapping
from typing import final

from perdure.errors import DocumentError, TypeDefinitionError
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import AnyValue, Node, Object
from perdure.openapi.circles import break_circles
from perdure.openapi.dialect import Cleaner, definition_ref
from perdure.openapi.dialect_level import Clean, Direction
from perdure.openapi.directions import Directions
from perdure.openapi.references import find, tokens_of
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.source import Source

__all__ = ["Schemas"]

_COMPONENTS = ("components", "schemas")


@final
class Schemas:
    """The schemas of *source*, by place and by the direction in which their values go."""

    def __init__(self, source: Source) -> None:
        self.warnings: dict[str, None] = {}
        self.types: dict[str, Node] = {}
        self._source = source
        self._cleaner = Cleaner(source.version, self._refer, self.warn)
        components, place = source.part(source.document, "components", "")
        self._components, self._place = source.part(components, "schemas", place)
        self._directions = Directions(self._components)
        self._names = self._component_names()
        self._wanted: dict[tuple[str, Direction], Clean] = {}
        self._definitions: dict[str, Clean] = {}
        self._referred: dict[tuple[str, Direction], str] = {}
        self._places: dict[str, str] = {}
        self._waiting: list[tuple[str, str, Direction]] = []
        self._nodes: dict[tuple[str, Direction], Node] | None = None

    def warn(self, pointer: str, what: str) -> None:
        """Note that *what* at *pointer* is not read."""
        self.warnings[f"#{pointer}: {what}"] = None

    def node(self, schema: object, pointer: str, direction: Direction) -> Node:
        """Return the node of the schema at *pointer*; until `read` was called, only note that it is wanted.

        Raises:
            DocumentError: It is no schema, or refers to another document or to nothing.
        """
        if self._nodes is not None:
            return self._nodes[pointer, direction]
        if (pointer, direction) not in self._wanted:
            self._wanted[pointer, direction] = self._cleaner.clean(schema, pointer, direction)
        return AnyValue()

    def read(self) -> None:
        """Read what is wanted, and all components; `types` has the definitions then.

        Raises:
            DocumentError: As `node`.
        """
        components: list[Clean] = [
            {"$ref": definition_ref(self._refer(append(self._place, key), self._place, "response"))}
            for key in self._names
        ]
        while self._waiting:
            name, target, direction = self._waiting.pop()
            schema = find(self._source.document, target, target)
            self._definitions[name] = self._cleaner.clean(schema, target, direction)
        break_circles(self._definitions, lambda name, what: self.warn(self._places[name], what))
        parts: list[Clean] = [*self._wanted.values(), *components]
        properties = {str(index): part for index, part in enumerate(parts)}
        try:
            found = from_json_schema({"type": "object", "properties": properties, "$defs": self._definitions})
        except TypeDefinitionError as error:
            raise DocumentError(str(error)) from error
        nodes = [field.node for field in found.root.fields] if isinstance(found.root, Object) else []
        self._nodes = dict(zip(self._wanted, nodes, strict=False))
        self.types = found.definitions

    def _component_names(self) -> dict[str, str]:
        """Return what the type of each component is called: what its ``x-name`` says, or as the component."""
        names: dict[str, str] = {}
        for key, schema in self._components.items():
            if isinstance(schema, Mapping) and schema.get(RUNTIME) is True:
                continue
            given = schema.get("x-name") if isinstance(schema, Mapping) else None
            names[key] = given if isinstance(given, str) and given else key
        counts = Counter(names.values())
        return {key: name if counts[name] == 1 else key for key, name in names.items()}

    def _refer(self, target: str, place: str, direction: Direction) -> str:
        """Return the name of the definition at *target*, which a ``$ref`` at *place* leads to, and see that it is read.

        Raises:
            DocumentError: Nothing lies there.
        """
        known = self._referred.get((target, direction))
        if known is not None:
            return known
        schema = find(self._source.document, target, place)
        tokens = tokens_of(target)
        is_component = len(tokens) == 3 and tuple(tokens[:2]) == _COMPONENTS
        name = self._names.get(tokens[2], tokens[2]) if is_component else f"#{target}"
        one_way = self._directions.differ(schema)
        if one_way and direction == "request":
            name += " (request)"
        if name not in self._definitions:
            self._definitions[name] = {}
            self._places[name] = target
            self._waiting.append((name, target, direction if one_way else "response"))
        self._referred[target, direction] = name
        return name
