"""Findings a team has decided to live with, each with its reason: ``perdure-ignore.toml``.

::

    [[ignore]]
    rule = "response-property-removed"
    path = "/orders*"
    pointer = "/body/legacy_*"
    reason = "Announced in March, gone since November; no client reads it (see the usage report)."
    until = 2027-01-31
"""

import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import final

import msgspec
from msgspec import Struct

from perdure.diff.findings import Finding
from perdure.errors import IgnoreFileError

__all__ = ["Ignore", "Sifted", "parse_ignores", "sift"]


@final
class Ignore(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Which findings are ignored, and why. In the patterns ``*`` stands for any text, also with slashes in it."""

    rule: str
    reason: str
    method: str = "*"
    path: str = "*"
    pointer: str = "*"
    until: dt.date | None = None
    """The last day on which it counts."""

    def matches(self, finding: Finding) -> bool:
        """Return whether *finding* is one of those meant."""
        return self._pattern.fullmatch("\n".join(_parts(finding))) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        texts = (self.rule, self.method.upper(), self.path, self.pointer)
        return re.compile("\n".join("[^\n]*".join(map(re.escape, text.split("*"))) for text in texts))

    def __str__(self) -> str:
        parts = {"rule": self.rule, "method": self.method, "path": self.path, "pointer": self.pointer}
        return ", ".join(f"{name} {text}" for name, text in parts.items() if name == "rule" or text != "*")


@final
class Sifted(Struct, frozen=True, kw_only=True):
    """Findings, and what became of the entries that might have ignored them."""

    kept: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    unused: tuple[Ignore, ...]
    """Entries that match nothing, in force or not."""
    ended: tuple[Ignore, ...]
    """Entries that match something but no longer count."""


@final
class _File(Struct, frozen=True, forbid_unknown_fields=True):
    ignore: tuple[Ignore, ...] = ()


def parse_ignores(text: str, rules: Iterable[str]) -> tuple[Ignore, ...]:
    """Return the entries of an ignore file.

    Args:
        text: TOML: a list of tables called ``ignore``.
        rules: The ids there are.
    Raises:
        IgnoreFileError: *text* is no TOML, has an unknown key, an entry without a rule or a reason, or one whose rule
            does not exist.
    """
    try:
        entries = msgspec.convert(tomllib.loads(text), _File).ignore
    except tomllib.TOMLDecodeError as error:
        raise IgnoreFileError(f"not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise IgnoreFileError(
            f"{error}; an entry is [[ignore]] with rule, reason, method, path, pointer, until"
        ) from error
    known = sorted(rules)
    for number, entry in enumerate(entries, start=1):
        _check(number, entry, known)
    return entries


def sift(findings: Iterable[Finding], entries: Sequence[Ignore], today: dt.date) -> Sifted:
    """Return *findings* without those that *entries* ignore on the day *today*."""
    kept: list[Finding] = []
    ignored: list[Finding] = []
    used: set[Ignore] = set()
    for finding in findings:
        matching = [entry for entry in entries if entry.matches(finding)]
        used.update(matching)
        counts = any(entry.until is None or today <= entry.until for entry in matching)
        (ignored if counts else kept).append(finding)
    return Sifted(
        kept=tuple(kept), ignored=tuple(ignored), unused=tuple(entry for entry in entries if entry not in used),
        ended=tuple(entry for entry in entries if entry in used and entry.until is not None and entry.until < today),
    )  # fmt: skip


def _parts(finding: Finding) -> tuple[str, str, str, str]:
    return finding.rule, finding.method, finding.path, finding.pointer


def _check(number: int, entry: Ignore, known: Sequence[str]) -> None:
    if not entry.reason.strip():
        raise IgnoreFileError(f"entry {number} ({entry}) gives no reason; say why this change is accepted")
    pattern = re.compile(".*".join(map(re.escape, entry.rule.split("*"))))
    if not any(map(pattern.fullmatch, known)):
        near = difflib.get_close_matches(entry.rule, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "the reference lists them under `Rules of the diff`"
        raise IgnoreFileError(f"entry {number}: there is no rule {entry.rule!r}; {hint}")
