"""JSON-compatible data: copying it, comparing it, and saying what in it is none."""

import math
from collections.abc import Iterator

import msgspec

__all__ = [
    "brief",
    "containers",
    "difference",
    "differences",
    "equal",
    "fresh",
    "is_tidy",
    "oddities",
    "pointer_to",
    "size",
]


def brief(value: object, most: int = 200) -> str:
    """Return *value* as JSON on one line, printable, cut off after *most* characters."""
    text = msgspec.json.encode(value).decode()
    text = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def fresh(value: object) -> object:
    """Return a copy of *value* in which every list and dict is new."""
    if isinstance(value, dict):
        return {name: fresh(member) for name, member in value.items()}
    if isinstance(value, list):
        return [fresh(item) for item in value]
    return value


def equal(one: object, other: object) -> bool:
    """Tell whether two values are the same in JSON: 1 is 1.0, but true is not 1, and order of members is nothing."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def is_tidy(value: object) -> bool:
    """Tell whether no text in *value* begins or ends with white space or has more of it than one space at a time."""
    if isinstance(value, str):
        return value == " ".join(value.split())
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_tidy, inner))


def containers(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[object, tuple[str | int, ...]]]:
    """Yield every list and dict in *value* that holds something, itself included, and where it lies."""
    if isinstance(value, dict | list) and value:
        yield value, path
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from containers(inner, (*path, key))


def difference(one: object, other: object) -> tuple[str | int, ...]:
    """Return where two values begin to differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one:
            if name not in other or not equal(one[name], other[name]):
                return (name, *(difference(one[name], other[name]) if name in other else ()))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if not equal(mine, theirs):
                return (index, *difference(mine, theirs))
    return ()


def differences(one: object, other: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every place, as deep as can be told, where two values differ; indices of items are texts, too."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], (*path, str(name)))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, (*path, str(index)))
    elif not equal(one, other):
        yield path


def pointer_to(path: tuple[str | int, ...]) -> str:
    """Return the JSON Pointer of *path*."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def oddities(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the JSON Pointer of each part of *value* that is not JSON, and what it is instead."""
    match value:
        case None | bool() | str() | int():
            return
        case float():
            if not math.isfinite(value):
                yield pointer_to(path), f"{value}, which JSON does not have"
        case dict():
            for name, member in value.items():
                if isinstance(name, str):
                    yield from oddities(member, (*path, name))
                else:
                    yield pointer_to(path), f"an object with the name {name!r}, which is no text"
        case list():
            for index, item in enumerate(value):
                yield from oddities(item, (*path, index))
        case _:
            yield pointer_to(path), f"a {type(value).__name__}"


def size(value: object) -> tuple[int, bytes]:
    """Return what orders values by how easy they are to read: by length as JSON, then by its text."""
    text = msgspec.json.encode(value)
    return len(text), text
