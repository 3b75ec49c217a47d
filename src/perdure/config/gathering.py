"""What all sources together say, setting by setting: each source is taken apart along the declared types.

What a stronger source says about a setting goes in place of what weaker ones say; groups and mappings are joined
member by member, lists are not.
"""

from collections.abc import Iterator, Mapping
from typing import Any, final

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from perdure.config.entries import Entry, SettingPath, Source, dotted
from perdure.config.kinds import Kind, kind_of

__all__ = ["Gathered"]


@final
class Gathered:
    """What is said about the settings of *base*, by setting.

    Args:
        base: What holds where no source says anything.
    """

    def __init__(self, base: Struct) -> None:
        self._base = base
        self.entries: dict[SettingPath, Entry] = {}
        self.faults: list[str] = []
        """Sentences about what no setting is."""

    def add(self, source: Source) -> None:
        """Take in what *source* says; it counts more than what was added before."""
        if source.is_text and not _is_text(source.value):
            self.faults.append(f"{source.origin}: this is no text in UTF-8")
        else:
            self._follow(type(self._base), (), source.at, source)

    def below(self, at: SettingPath) -> list[tuple[SettingPath, Entry]]:
        """Return what is said about *at* and all in it."""
        return [(path, entry) for path, entry in self.entries.items() if path[: len(at)] == at]

    def _follow(self, annotation: Any, at: SettingPath, rest: SettingPath, source: Source) -> None:
        if not rest:
            self._spread(annotation, at, source.value, source)
            return
        kind = kind_of(annotation)
        if kind.record is not None:
            types = {field.name: field.type for field in fields(kind.record)}
            name = rest[0].lower() if source.is_text else rest[0]
            if name in types:
                self._follow(types[name], (*at, name), rest[1:], source)
            else:
                self._tell_unknown(at, name, list(types), source)
        elif kind.members is not None or kind.is_free:
            member = kind_of(kind.members or object)
            if not (member.is_free or member.record or member.members):
                rest = (".".join(rest),)  # such a key may have dots: nothing else can be meant by them
            key = self._known_key(at, rest[0]) if source.is_text else rest[0]
            self._follow(kind.members or object, (*at, key), rest[1:], source)
        else:
            self.faults.append(f"{source.origin_of(at)}: {dotted(at)} is one value; there is nothing in it to set")

    def _spread(self, annotation: Any, at: SettingPath, value: object, source: Source) -> None:
        kind = kind_of(annotation)
        if source.is_text and isinstance(value, str):
            value = self._read(value, kind, at)
            if not isinstance(value, str):
                source = replace(source, value=value, is_text=False)
        if not isinstance(value, Mapping) or not (kind.record or kind.members or kind.is_free):
            self._set(at, value, source)
            return
        for name, item in value.items():
            self._follow(annotation, at, (name,), replace(source, value=item))
        if not value and self._base_at(at) is None and not self.below(at):
            self._set(at, value, source)  # [auth.api_keys] with nothing in it still says that there are some

    def _set(self, at: SettingPath, value: object, source: Source) -> None:
        for path in list(self.entries):
            if path[: len(at)] == at or at[: len(path)] == path:
                del self.entries[path]
        self.entries[at] = Entry(value, source.origin_of(at), source.is_text, source.folder)

    def _read(self, text: str, kind: Kind, at: SettingPath) -> object:
        """Return what *text* says where more than a text can stand: JSON, as far as it is any."""
        before = self.entries[at].value if at in self.entries else self._base_at(at)
        may_be_data = kind.is_free and not isinstance(before, str)
        may_be_table = bool(kind.record or kind.members) and text.lstrip().startswith("{")
        if not may_be_data and not may_be_table:
            return text
        try:
            read: object = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            return text
        return read

    def _base_at(self, at: SettingPath) -> object:
        base: object = self._base
        for name in at:
            base = base.get(name) if isinstance(base, Mapping) else getattr(base, name, None)
        return base

    def _known_key(self, at: SettingPath, typed: str) -> str:
        """Return the key of a mapping that a variable's name means: variables have neither case nor hyphens."""
        base = self._base_at(at)
        known = [*(base if isinstance(base, Mapping) else ()), *(path[len(at)] for path, _ in self.below(at))]
        meant = _folded(typed)
        return next((key for key in known if _folded(key) == meant), typed.lower() if typed.isupper() else typed)

    def _tell_unknown(self, at: SettingPath, name: str, known: list[str], source: Source) -> None:
        import difflib

        near = [dotted((*at, each)) for each in difflib.get_close_matches(name, known, 1)]
        elsewhere = [dotted(path) for path in _all_settings(type(self._base), ()) if path[-1] == name]
        meant = (near or elsewhere)[:1]
        if meant and source.origin.startswith("PERDURE_"):
            meant = [f"{meant[0]} ({_variable(meant[0])})"]
        where = f"{dotted(at)} has no setting" if at else "there is no setting"
        others = f"there are {', '.join(known)}" if at else "`perdure config` lists what there is"
        hint = f"did you mean {meant[0]}?" if meant else others
        self.faults.append(f"{source.origin_of((*at, name))}: {where} {name!r}; {hint}")


def _variable(setting: str) -> str:
    return "PERDURE_" + setting.replace(".", "__").upper()


def _is_text(value: object) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:  # bytes that Python could not decode stand in it as lone surrogates
        return False
    return True


def _folded(key: str) -> str:
    return key.casefold().replace("-", "_")


def _all_settings(record: type[Struct], at: SettingPath) -> Iterator[SettingPath]:
    for field in fields(record):
        path = (*at, field.name)
        yield path
        inner = kind_of(field.type).record
        if inner is not None:
            yield from _all_settings(inner, path)
