"""Settings of the declared types, from what the sources say."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, final

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from perdure.config.entries import Entry, SettingPath, dotted
from perdure.config.gathering import Gathered
from perdure.config.kinds import Kind, kind_of
from perdure.errors import ConfigError

__all__ = ["Builder", "masked"]

_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):\S*@")
_QUERY_PASSWORD = re.compile(r"([?&][^=&\s]*(?:pass|secret|token|key)[^=&\s]*=)[^&\s]*", re.IGNORECASE)

_DSN_PASSWORD = re.compile(r"\b((?:password|pwd)\s*=\s*)(?:'[^']*'|[^\s;&']+)", re.IGNORECASE)


class _FaultyError(Exception):
    """Something in what is being built is wrong and has been told."""


@final
class Builder:
    """Builds settings from *gathered*; what cannot be is told in `faults`."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self.faults: list[str] = []

    def build(self, base: Struct) -> Struct | None:
        """Return *base* with all that is said; None if there are faults."""
        try:
            built: Struct = self._build(type(base), (), base)
        except _FaultyError:
            return None
        return built

    def _build(self, annotation: Any, at: SettingPath, base: object) -> Any:
        said = self._gathered.below(at)
        if not said:
            return base
        if at in self._gathered.entries:
            return self._convert(annotation, self._gathered.entries[at], at)
        kind = kind_of(annotation)
        if kind.record is not None:
            given = {field.name: getattr(base, field.name) for field in fields(kind.record)} if base is not None else {}
            return self._record(kind.record, at, given)
        members = dict(base) if isinstance(base, Mapping) else {}
        names = dict.fromkeys(path[len(at)] for path, _ in said)
        members.update(self._each({name: (kind.members or object, members.get(name)) for name in names}, at))
        return members

    def _record(self, record: type[Struct], at: SettingPath, given: dict[str, object]) -> Struct:
        known = {field.name: field for field in fields(record)}
        named = [path[len(at)] for path, _ in self._gathered.below(at)]
        wanted = {name: (known[name].type, given.get(name, _default(known[name]))) for name in dict.fromkeys(named)}
        return self._made(record, at, {**given, **self._each(wanted, at)})

    def _each(self, wanted: dict[str, tuple[Any, object]], at: SettingPath) -> dict[str, object]:
        """Build each member, so that the faults of all are told, not those of the first alone."""
        built = {}
        is_faulty = False
        for name, (annotation, base) in wanted.items():
            try:
                built[name] = self._build(annotation, (*at, name), base)
            except _FaultyError:
                is_faulty = True
        if is_faulty:
            raise _FaultyError
        return built

    def _made(self, record: type[Struct], at: SettingPath, values: dict[str, object], origin: str = "") -> Struct:
        missing = [field.name for field in fields(record) if field.required and field.name not in values]
        if missing:
            where = origin or next(entry.origin for _, entry in self._gathered.below(at))
            raise self._fault(f"{where}: {dotted(at)} also needs {' and '.join(missing)}")
        try:
            return record(**values)
        except ConfigError as error:
            raise self._fault(self._told(str(error), at, origin)) from error

    def _told(self, message: str, at: SettingPath, origin: str) -> str:
        """Return what a group of settings says of itself, with the places of the settings it names."""
        said = [(path, entry) for path, entry in self._gathered.below(at) if path[len(at) :]]
        named = [entry.origin for path, entry in said if re.search(rf"\b{re.escape(path[len(at)])}\b", message)]
        origins = [origin] if origin else list(dict.fromkeys(named or [entry.origin for _, entry in said]))
        return f"{', '.join(origins)}: {_qualified(message, at)}"

    def _fault(self, told: str) -> _FaultyError:
        self.faults.append(told)
        return _FaultyError()

    def _convert(self, annotation: Any, entry: Entry, at: SettingPath) -> object:
        kind = kind_of(annotation)
        value = entry.value
        if kind.is_free:
            return value
        if kind.is_optional and bool not in kind.alternatives and _says_none(entry):
            return None
        if kind.items is not None and (items := _items(entry)) is not None:
            return tuple(self._item(kind.items, item, entry, at) for item in items)
        if kind.record is not None:
            return self._item_record(kind.record, value, entry, at)
        try:
            return _placed(kind, _atom(kind, entry), entry)
        except msgspec.ValidationError as error:
            raise self._fault(f"{entry.origin}: {dotted(at)} must be {kind}, not {masked(repr(value))}") from error

    def _item(self, annotation: Any, item: object, entry: Entry, at: SettingPath) -> object:
        return self._convert(annotation, Entry(item, entry.origin, entry.is_text, entry.folder), at)

    def _item_record(self, record: type[Struct], value: object, entry: Entry, at: SettingPath) -> Struct:
        """Return the group that stands as a whole in a list: a table, or the text that is its first setting."""
        known = {field.name: field for field in fields(record)}
        first = next(iter(inspect.signature(record).parameters.values()))
        if isinstance(value, str) and first.kind is not inspect.Parameter.KEYWORD_ONLY:
            value = {first.name: value}
        if not isinstance(value, Mapping):
            raise self._fault(f"{entry.origin}: {dotted(at)} must be a table of settings, not {masked(repr(value))}")
        unknown = [name for name in value if name not in known]
        if unknown:
            told = f"{dotted(at)} has no setting {unknown[0]!r}; there are {', '.join(known)}"
            raise self._fault(f"{entry.origin}: {told}")
        values = {
            name: self._convert(known[name].type, Entry(item, entry.origin, False, entry.folder), (*at, name))
            for name, item in value.items()
        }
        return self._made(record, at, values, entry.origin)


def masked(text: str) -> str:
    """Return *text* with the passwords of URLs and connection strings in it made unreadable."""
    readable = _QUERY_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1:***@", text))
    return _DSN_PASSWORD.sub(r"\1***", readable)


def _qualified(message: str, at: SettingPath) -> str:
    """Return *message*, which may begin with a setting of the group *at*, so that it names the setting in full."""
    if not at:
        return message
    first = message.partition(" ")[0]
    if first.startswith(f"{at[-1]}."):
        return ".".join((*at[:-1], message))
    return f"{dotted(at)}{'.' if first.isidentifier() and '_' in first else ': '}{message}"


def _default(field: FieldInfo) -> object:
    return None if field.default is NODEFAULT else field.default


def _says_none(entry: Entry) -> bool:
    return entry.value is None or entry.value is False or (entry.is_text and str(entry.value).lower() == "false")


def _items(entry: Entry) -> list[object] | None:
    value = entry.value
    if not entry.is_text or not isinstance(value, str):
        return list(value) if isinstance(value, list) else None
    if value.lstrip().startswith("["):
        try:
            return msgspec.json.decode(value, type=list[object])
        except (msgspec.DecodeError, UnicodeError):
            return None
    return [part.strip() for part in value.split(",") if part.strip()]


def _atom(kind: Kind, entry: Entry) -> object:
    for each in kind.alternatives:
        if each is str and isinstance(entry.value, str):
            return entry.value
    return msgspec.convert(entry.value, type=_union(kind), strict=not entry.is_text)


def _union(kind: Kind) -> Any:
    joined = kind.alternatives[0]
    for each in kind.alternatives[1:]:
        joined = joined | each
    return joined


def _placed(kind: Kind, value: object, entry: Entry) -> object:
    if kind.relative is None or entry.folder is None or not isinstance(value, str):
        return value
    return kind.relative.within(entry.folder, value)
