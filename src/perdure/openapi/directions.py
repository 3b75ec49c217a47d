"""Which schemas mean something else in requests than in answers: something in them is read-only or write-only."""

from collections.abc import Mapping
from typing import final

__all__ = ["Directions"]


@final
class Directions:
    """Looks into the schemas of a document.

    Args:
        components: Those that have a name.
    """

    def __init__(self, components: Mapping[str, object]) -> None:
        found = {f"#/components/schemas/{name}": _look(schema) for name, schema in components.items()}
        users: dict[str, list[str]] = {}
        for name, (_, references) in found.items():
            for reference in references:
                users.setdefault(reference, []).append(name)
        self._known = {name: is_directed for name, (is_directed, _) in found.items()}
        waiting = [name for name, is_directed in self._known.items() if is_directed]
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if not self._known[user]:
                    self._known[user] = True
                    waiting.append(user)
        self._any = any(self._known.values())

    def differ(self, schema: object) -> bool:
        """Tell whether *schema* allows other values in requests than in answers."""
        is_directed, references = _look(schema) if self._any or not self._known else (False, set())
        return is_directed or any(self._known.get(reference, False) for reference in references)


def _look(schema: object) -> tuple[bool, set[str]]:
    """Tell whether something in *schema* goes one way only, and which references it has."""
    is_directed, references = False, set()
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            is_directed = is_directed or found.get("readOnly") is True or found.get("writeOnly") is True
            reference = found.get("$ref")
            if isinstance(reference, str):
                references.add(reference)
            waiting.extend(found.values())
        elif isinstance(found, list | tuple):
            waiting.extend(found)
    return is_directed, references
