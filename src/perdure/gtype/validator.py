"""What a GType means: the validator every other decoder has to agree with.

It walks decoded data and reports every fault. Decoders that stop at the first one (msgspec's, in C) are used where
speed counts; when they refuse something, this decides whether they were right and says all that is wrong.
"""

from typing import final

from perdure.errors import Fault, TypeDefinitionError
from perdure.gtype.nodes import AnyValue, Array, GType, Intersection, Node, Object, Record, Ref, Tuple, Union
from perdure.gtype.traversal import endless
from perdure.gtype.validator_containers import (
    accepts,
    array_check,
    intersection_check,
    object_check,
    record_check,
    tuple_check,
)
from perdure.gtype.validator_faults import Check, Collector, Path, Rule, Secrets, Sink, brief
from perdure.gtype.validator_scalars import ScalarNode, check_any, scalar_check
from perdure.gtype.validator_unions import union_check

__all__ = ["Validator", "compile_validator"]


@final
class Validator:
    """Judges decoded, JSON-compatible data by one GType; made by `compile_validator`."""

    __slots__ = ("_check",)

    def __init__(self, check: Check) -> None:
        self._check = check

    def faults(self, data: object) -> tuple[Fault, ...]:
        """Return everything that is wrong with *data*; nothing if it is valid.

        Args:
            data: What a JSON decoder returns. Anything else (a date, a set) is a fault of type. Not changed.
        """
        out = Collector()
        try:
            self._check(data, (), out)
        except RecursionError:
            # The caller stood so deep that even data of legal depth exhausts the interpreter's stack.
            out.add(Rule("depth", "less nesting", "is nested too deeply", brief), "…", ())
        return tuple(dict.fromkeys(out.faults))

    def is_valid(self, data: object) -> bool:
        """Tell whether `faults` would return nothing; stops at the first fault."""
        try:
            return accepts(self._check, data, ())
        except RecursionError:
            return False


def compile_validator(gtype: GType) -> Validator:
    """Return the validator of *gtype*.

    Raises:
        TypeDefinitionError: A reference leads nowhere or only to itself, or a pattern cannot be used.
    Source: SPEC 3.2, properties 12 and 13.
    """
    circular = endless(gtype.definitions)
    if circular is not None:
        raise TypeDefinitionError(f"the definition {circular!r} refers only to itself")
    compiler = _Compiler(gtype)
    check = compiler.compile(gtype.root, False)
    compiler.finish()
    return Validator(check)


@final
class _Compiler:
    """Compiles the nodes of one GType, each definition once."""

    def __init__(self, gtype: GType) -> None:
        self._gtype = gtype
        self._secrets = Secrets(gtype)
        self._definitions: dict[tuple[str, bool], list[Check]] = {}
        self._unfinished: list[tuple[str, bool]] = []

    def compile(self, node: Node, secret: bool) -> Check:
        """Return the check for *node*, which lies inside something secret if *secret*."""
        secret = secret or node.secret
        if isinstance(node, Ref):
            return self._reference(node.name, secret=secret)
        show = self._secrets.show(node, secret=secret)
        match node:
            case Object():
                guarded = self._secrets.reaches(node)
                return object_check(node, self.compile, show, secret=secret, guarded=guarded, gtype=self._gtype)
            case Record():
                return record_check(node, self.compile, show, secret=secret)
            case Array():
                return array_check(node, self.compile, show, secret=secret)
            case Tuple():
                return tuple_check(node, self.compile, show, secret=secret)
            case Union():
                guarded = self._secrets.reaches(node)
                return union_check(node, self.compile, show, secret=secret, guarded=guarded, gtype=self._gtype)
            case Intersection():
                return intersection_check(node, self.compile, secret=secret)
            case AnyValue():
                return check_any(node, show)
            case _:
                scalar: ScalarNode = node
                return scalar_check(scalar, show)

    def finish(self) -> None:
        """Compile what has been referred to; one after the other, for references may lead on without end."""
        while self._unfinished:
            name, secret = self._unfinished.pop()
            self._definitions[name, secret].append(self.compile(self._gtype.definitions[name], secret))

    def _reference(self, name: str, *, secret: bool) -> Check:
        """Return the check of a definition; before it is compiled, one that looks it up when it runs."""
        cell = self._definitions.get((name, secret))
        if cell is None:
            if name not in self._gtype.definitions:
                raise TypeDefinitionError(f"nothing is defined as {name!r}")
            cell = self._definitions[name, secret] = []
            self._unfinished.append((name, secret))
        if cell:
            return cell[0]
        pending = cell

        def check(value: object, path: Path, out: Sink) -> None:
            pending[0](value, path, out)

        return check
