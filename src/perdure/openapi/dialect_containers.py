"""What a schema says of arrays and objects, as far as a GType can say it."""

from collections.abc import Mapping, Sequence
from typing import Final

from perdure.openapi.dialect_level import Clean, Level

__all__ = ["clean_array", "clean_object"]

_MOST_LENGTHS: Final = 16
_NOTES: Final = frozenset({"description", "deprecated", "default", "x-secret"})


def clean_array(level: Level) -> None:
    """Keep what bounds arrays; positions that cannot be told apart get what any of them allows."""
    raw, out = level.raw, level.out
    low, high = level.count("minItems"), level.count("maxItems")
    if isinstance(raw.get("uniqueItems"), bool):
        out["uniqueItems"] = raw["uniqueItems"]
    elif "uniqueItems" in raw:
        level.drop("uniqueItems", "it must be true or false")
    items, prefix = raw.get("items", True), raw.get("prefixItems")
    if isinstance(items, Sequence):
        level.drop("items", "a list of schemas is called prefixItems since OpenAPI 3.1")
        items = True
    if "prefixItems" in raw and not _is_list(prefix):
        level.drop("prefixItems", "it must be a list of schemas")
        prefix = None
    if isinstance(prefix, Sequence):
        _keep_prefix(level, prefix, items, (low or 0, high))
    elif items is False:
        out["items"] = False
        out["maxItems"] = 0
        if low:
            level.drop("minItems", "items forbids every item")
            del out["minItems"]
    elif "items" in raw and items is not True:
        out["items"] = level.clean(items, "items")


def _keep_prefix(level: Level, prefix: Sequence[object], items: object, sizes: tuple[int, int | None]) -> None:
    low, high = sizes
    members = [level.clean(member, "prefixItems", index) for index, member in enumerate(prefix)]
    longest = len(members) if high is None else min(high, len(members))
    is_closed = items is False or (high is not None and high <= len(members))
    if is_closed and 0 <= longest - low < _MOST_LENGTHS:
        level.out["prefixItems"] = members
        level.out["items"] = False
        return
    level.drop("prefixItems", "an array of open or very different length is read as one of any of its items")
    if items is not False:
        members.append({} if items is True else level.clean(items, "items"))
    level.out["items"] = {"anyOf": members}


def clean_object(level: Level) -> None:
    """Keep what bounds objects; of named members and a schema for all others, only the named members."""
    raw, out = level.raw, level.out
    for keyword in ("minProperties", "maxProperties"):
        level.count(keyword)
    names = raw.get("propertyNames", True)
    if names is False:
        level.drop("propertyNames", "it allows no member at all")
    elif names is not True:
        out["propertyNames"] = level.clean(names, "propertyNames")
    extra = _extra(level)
    properties, required = _properties(level), _required(level)
    required = [name for name in required if name in properties or not _is_hidden(level, name)]
    if extra is None:
        out["additionalProperties"] = False
        properties |= {name: {} for name in required if name not in properties}
    elif extra and (properties or required):
        if extra.keys() - _NOTES:
            level.drop("additionalProperties", "a schema for all other members cannot be compared beside named ones")
    elif extra:
        out["additionalProperties"] = extra
    if properties or (isinstance(raw.get("properties"), Mapping) and not extra):
        out["properties"] = properties
    if required:
        out["required"] = required


def _extra(level: Level) -> Clean | None:
    """Return what members without a name of their own must be; None if there must be none."""
    raw, out = level.raw, level.out
    extra: object = raw.get("additionalProperties", True)
    patterns = raw.get("patternProperties")
    if isinstance(patterns, Mapping) and patterns:
        if extra is False and len(patterns) == 1 and not raw.get("properties") and "propertyNames" not in raw:
            pattern, values = next(iter(patterns.items()))
            out["propertyNames"] = level.clean({"type": "string", "pattern": pattern}, "patternProperties")
            return level.clean(values, "patternProperties", pattern)
        level.drop("patternProperties", "members by pattern cannot be compared; any other member is allowed")
        return {}
    return None if extra is False else level.clean(extra, "additionalProperties")


def _properties(level: Level) -> dict[str, Clean]:
    properties = level.raw.get("properties")
    if not isinstance(properties, Mapping):
        if "properties" in level.raw:
            level.drop("properties", "it must be an object")
        return {}
    found: dict[str, Clean] = {}
    for name, member in properties.items():
        if member is not False and not _is_hidden(level, name):
            found[str(name)] = level.clean(member, "properties", name)
        elif member is False and level.raw.get("additionalProperties") is not False:
            level.drop("properties", f"that there must be no {name!r} cannot be compared")
    return found


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0


def _is_hidden(level: Level, name: str) -> bool:
    """Tell whether the member *name* is not there in this direction."""
    properties = level.raw.get("properties")
    member = properties.get(name) if isinstance(properties, Mapping) else None
    keyword = "readOnly" if level.direction == "request" else "writeOnly"
    return isinstance(member, Mapping) and member.get(keyword) is True


def _required(level: Level) -> list[str]:
    required = level.raw.get("required", [])
    if not isinstance(required, Sequence) or isinstance(required, str):
        level.drop("required", "it must be a list of names")
        return []
    if not all(isinstance(name, str) for name in required):
        level.drop("required", "it must be a list of names")
        return []
    return list(dict.fromkeys(str(name) for name in required))
