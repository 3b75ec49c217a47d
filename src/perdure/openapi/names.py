"""What types are called in a document.

Components are called by letters, digits, ``.``, ``_`` and ``-`` only; generated clients name classes after them. So
``Page[Order]`` becomes ``Page-Order``: no Python name has a hyphen, so whatever other types there are or come to be,
a plain name stays what it is. The type's own name stands in the component as ``x-name``.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

__all__ = ["component_names", "free_name", "is_component_name"]

_ALLOWED: Final = re.compile(r"[A-Za-z0-9._-]+")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9._]+")


def component_names(types: Iterable[str]) -> dict[str, str]:
    """Return the name of the component for each of *types*: all different, and the same whatever the order.

    Those that would share one get a hash of their own name behind it.
    """
    wanted = {name: name if _ALLOWED.fullmatch(name) else _OTHERS.sub("-", name).strip("-") or "Type" for name in types}
    counts = Counter(wanted.values())
    taken = {name for name in wanted if wanted[name] == name}
    found: dict[str, str] = {}
    for name in sorted(wanted):
        short = wanted[name]
        if short != name and (counts[short] > 1 or short in taken):
            short = free_name(f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:8]}", taken)
        taken.add(short)
        found[name] = short
    return found


def is_component_name(name: str) -> bool:
    """Return whether something in a document may be called *name*."""
    return _ALLOWED.fullmatch(name) is not None


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return *name*, or with as many underscores behind it as make it none of *taken*."""
    others = set(taken)
    while name in others:
        name += "_"
    return name
