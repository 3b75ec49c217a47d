"""Mirror types: Python types that make msgspec's decoders check data by a GType, at the speed of C.

Where a mirror is *exact* it takes nothing its GType refuses. What msgspec cannot express (intersections, unique
items, untagged unions of objects, …) is left open, the mirror is not exact, and the validator has to look as well.
Valid values a mirror refuses (``62.0`` for an integer) are few: whoever uses one asks the validator before
believing a refusal.

Alternatives: generating Python code for each type (five times slower than msgspec), or a validator in Rust (a
second meaning of every rule, and a second walk over the data).
"""

import typing
from collections.abc import Callable
from typing import Any, ForwardRef, cast, final

import msgspec
from msgspec import UNSET, UnsetType

from perdure.gtype.intersections import combine
from perdure.gtype.mirror_parts import ALL_KINDS, ANYTHING, Part, Shortfall, annotated, join, merge, scalar_parts
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Field,
    GType,
    Intersection,
    Node,
    Object,
    Record,
    Ref,
    Tuple,
    Union,
)
from perdure.gtype.validator_containers import json_kinds
from perdure.gtype.validator_scalars import ScalarNode
from perdure.gtype.validator_unions import tags

__all__ = ["mirror_type"]

_KINDS = {
    "null": {"null"}, "boolean": {"bool"}, "number": {"int", "float"}, "string": {"str"}, "array": {"array"},
    "object": {"object"},
}  # fmt: skip
_Build = Callable[[], list[Part]]
_OBJECT = frozenset({"object"})
_ARRAY = frozenset({"array"})


def mirror_type(gtype: GType) -> tuple[object, bool]:
    """Return a type for msgspec's decoders, and whether it is exact.

    Returns:
        The type, and True if everything it takes is valid. Objects become Structs whose members have names of their own
        and the wire's names for encoding; unknown members of open objects are dropped, defaults filled in.
    Source: SPEC 3.2, property 13.
    """
    builder = _Builder(gtype)
    annotation = join(builder.parts(gtype.root))
    builder.finish()
    try:
        msgspec.json.Decoder(annotation)
    except (TypeError, ValueError, NotImplementedError):
        # A combination msgspec rules out that is not foreseen here costs speed, not correctness.
        return Any, isinstance(gtype.root, AnyValue)
    return annotation, builder.shortfall.exact


@final
class _Builder:
    """Builds the mirror of one GType.

    Inside a Struct, other objects are referred to by a name that msgspec looks up in the Struct when it compiles a
    decoder, and are built afterwards; so recursion ends, and long chains of objects are no deep recursion here.
    """

    def __init__(self, gtype: GType) -> None:
        self.shortfall = Shortfall()
        self._gtype = gtype
        self._structs: list[type] = []
        self._struct_depth = 0
        self._pending: dict[object, int] = {}
        """What is being built, with the number of Structs around it."""
        self._done: dict[tuple[object, bool], list[Part]] = {}
        """What has been built, for use inside a Struct and outside, where names mean nothing."""
        self._names: dict[object, str] = {}
        self._unfinished: list[tuple[object, _Build]] = []

    def finish(self) -> None:
        """Build what has only been referred to by name, and let every Struct find it."""
        while self._unfinished:
            key, build = self._unfinished.pop()
            if (key, False) not in self._done:
                self._build(key, build, is_object=True)
        for key, name in self._names.items():
            parts = self._done.get((key, False)) or self._done[key, True]
            for struct in self._structs:
                setattr(struct, name, join(parts))

    def parts(self, node: Node) -> list[Part]:
        """Return the alternatives of *node*."""
        match node:
            case Ref(name=name):
                return self._definition(name, self._gtype.definitions[name])
            case Object():
                return self._object(node)
            case Record():
                return [self._record(node)]
            case Array(items=items, min_items=low, max_items=high):
                part = Part(_ARRAY, annotated(_generic(list, self._annotation(items)), min_length=low, max_length=high))
                return self.shortfall.widen(part) if node.unique else [part]
            case Tuple(items=members):
                return [Part(_ARRAY, _generic(tuple, *map(self._annotation, members)))]
            case Union():
                return self._union(node)
            case Intersection():
                return self._intersection(node)
            case AnyValue():
                return [ANYTHING]
            case _:
                scalar: ScalarNode = node
                return scalar_parts(scalar, self.shortfall)

    def _annotation(self, node: Node) -> object:
        return join(self.parts(node))

    def _definition(self, key: object, node: Node) -> list[Part]:
        kinds = frozenset().union(*(_KINDS[kind] for kind in json_kinds(node, self._gtype)))
        return self._named(key, kinds, lambda: self.parts(node), is_object=isinstance(node, Object))

    def _named(self, key: object, kinds: frozenset[str], build: _Build, *, is_object: bool) -> list[Part]:
        """Return what *build* returns, or a name for it.

        Args:
            key: What tells it from others.
            kinds: Of its values.
            build: Builds it.
            is_object: It will be a Struct, which may be built later if a name will do.
        """
        inside = self._struct_depth > 0
        if (key, inside) in self._done:
            return self._done[key, inside]
        depth = self._pending.get(key)
        if depth is None and not (is_object and inside):
            return self._build(key, build, is_object=is_object)
        if depth == self._struct_depth:  # there is no Struct in which to look up a name
            return self.shortfall.widen(ANYTHING)
        if key not in self._names:
            self._names[key] = f"Forward{len(self._names)}"
            if depth is None:
                self._unfinished.append((key, build))
        return [ANYTHING if kinds == ALL_KINDS else Part(kinds, ForwardRef(self._names[key]))]

    def _build(self, key: object, build: _Build, *, is_object: bool) -> list[Part]:
        inside = self._struct_depth > 0
        self._pending[key] = self._struct_depth
        parts = self._done[key, inside] = build()
        del self._pending[key]
        if is_object:
            self._done[key, not inside] = parts
        return parts

    def _object(self, node: Object, tag_field: str | None = None, tag: object = None) -> list[Part]:
        fields = [field for field in node.fields if field.name != tag_field]
        names = [field.name for field in fields]
        if len(set(names)) < len(names) or any(c in '"\\' or c < " " for name in names for c in name):
            return self.shortfall.widen(Part(_OBJECT, dict[str, Any], widest=True))
        self._struct_depth += 1
        members = [self._member(f"m{index}", field) for index, field in enumerate(fields)]
        self._struct_depth -= 1
        struct = msgspec.defstruct(
            f"Mirror{len(self._structs)}", members, rename={f"m{index}": name for index, name in enumerate(names)},
            kw_only=True, gc=False, forbid_unknown_fields=node.closed, tag_field=tag_field, tag=cast("Any", tag),
        )  # fmt: skip
        self._structs.append(struct)
        return [Part(_OBJECT, struct)]

    def _member(self, name: str, field: Field) -> Any:
        annotation = self._annotation(field.node)
        if field.required:
            return (name, annotation)
        default = field.default
        if default is UNSET:
            return (name, typing.Union[annotation, UnsetType], UNSET)  # noqa: UP007
        if isinstance(default, dict | list):
            return (name, annotation, msgspec.field(default_factory=lambda: default))
        return (name, annotation, default)

    def _record(self, node: Record) -> Part:
        keys: object = str
        if node.keys is not None:
            parts = self.parts(node.keys)
            if all(part.kinds == {"str"} for part in parts):
                keys = join(parts)
            else:
                self.shortfall.exact = False
        inner = _generic(dict, keys, self._annotation(node.values))
        return Part(_OBJECT, annotated(inner, min_length=node.min_size, max_length=node.max_size))

    def _intersection(self, node: Intersection) -> list[Part]:
        combined = combine(node, self._gtype)
        if isinstance(combined, Intersection):
            return self.shortfall.widen(ANYTHING)
        return self._definition(msgspec.json.encode(combined), combined)

    def _union(self, node: Union) -> list[Part]:
        tagged = self._tagged(node)
        if tagged is None:
            return merge((part for member in node.members for part in self.parts(member)), self.shortfall)
        others = [member for member in node.members if "object" not in json_kinds(member, self._gtype)]
        return merge([tagged, *(part for member in others for part in self.parts(member))], self.shortfall)

    def _tagged(self, node: Union) -> Part | None:
        """Return all objects among the members as one part, if their tags are such that msgspec tells them apart."""
        found = tags(node, self._gtype)
        # A Struct on its own may leave its tag out, so there have to be two.
        if found is None or len(found) < 2 or len({type(tag) for tag, _ in found}) > 1:
            return None
        if not isinstance(found[0][0], str | int) or isinstance(found[0][0], bool):
            return None
        if not all(isinstance(self._gtype.resolve(member), Object) for _, member in found):
            return None
        structs = [self._variant(member, str(node.discriminator), tag) for tag, member in found]
        if any(part.widest for part in structs):
            return None
        return Part(_OBJECT, join(structs))

    def _variant(self, member: Node, tag_field: str, tag: object) -> Part:
        """Return the mirror of an object that is known by its tag."""
        target = cast("Object", self._gtype.resolve(member))

        def build() -> list[Part]:
            return self._object(target, tag_field, tag)

        key = (member.name, tag_field, tag) if isinstance(member, Ref) else None
        return (build() if key is None else self._named(key, _OBJECT, build, is_object=True))[0]


def _generic(base: Any, *arguments: object) -> object:
    return base[arguments]
