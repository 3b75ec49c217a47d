"""Credentials in what is logged: told by the name of a field, or by how a text looks.

Source: OWASP's "Logging Cheat Sheet"; the header fields of RFC 9110 and RFC 6265. Every pattern is bounded, so that no
text makes it slow. Values of secrets that were read by name are another matter: `perdure.secrets.redaction` knows them.
"""

import re
from collections.abc import Iterable
from typing import Final, final

__all__ = ["MASK", "Credentials"]

MASK: Final = "***"

_NAMES: Final = re.compile(
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|credential|authorization|cookie|csrf|xsrf|session_?id|signature"
    r"|(?:api|access|private|signing|encryption|auth|account)_?key|bearer"
)
_COUNTED: Final = re.compile(r"pass|pwd|secret|code")
"""Names under which a number, too, is to be hidden; ``tokens=512`` is not."""
_KNOWN_LIMIT: Final = 1000

_HINTS: Final = (
    "bearer", "basic", "dpop", "negotiate", "eyj", "pdk_", "://", "cookie", "authoriz", "key", "pass", "pwd", "secret",
    "token", "signature", "session", "credential",
)  # fmt: skip
"""In a text without any of these there is nothing to look for."""
_PATTERNS: Final = (
    # ``Authorization: Bearer x``, as headers, dictionaries and pairs are written
    (
        re.compile(
            r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token|x-csrf-token)"
            r"(\\?[\"']?\s{0,8}[:,=]\s{0,8}b?\\?[\"']?)[^\r\n\"'\\]+", re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b((?i:bearer|basic|dpop|negotiate))\s+(?=[a-z]*[A-Z0-9=+/])[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), MASK),
    (re.compile(r"\bpdk_([0-9a-z]{8})_[0-9A-Za-z]{8,}"), rf"pdk_\1_{MASK}"),  # the id is public
    (re.compile(r"(://[^\s/@:]{0,255}):[^\s/?#]{1,255}@"), rf"\1:{MASK}@"),
    # ``?token=x``, ``password='x'`` and ``{'api_key': 'x'}``
    (
        re.compile(
            r"([?&;\s(\[{,\"']|^)([\w.%-]{0,48}?(?:pass(?:word|wd|phrase|code)|pwd|secret|token|api_?-?key|access_?-?key"
            r"|private_?-?key|signature|session_?-?id|credential)[\w-]{0,32})"
            r"(=\\?[\"']?|\\?[\"']\s{0,4}:\s{0,4}\\?[\"'])([^&\s\"';,)}\]\\]+)", re.IGNORECASE,
        ),
        rf"\1\2\3{MASK}",
    ),
)  # fmt: skip


@final
class Credentials:
    """Knows what must not be shown, whatever it is.

    Args:
        hide: Names of fields besides those that sound like credentials.
    """

    def __init__(self, hide: Iterable[str] = ()) -> None:
        self._hidden = frozenset(map(_folded, hide))
        self._known: dict[str, bool] = {}

    def is_hidden(self, name: str, value: object) -> bool:
        """Return whether *value* must not be shown, for how its field is called."""
        if value is None or isinstance(value, bool) or not self._is_telling(name):
            return False
        return not isinstance(value, int | float) or _COUNTED.search(_folded(name)) is not None or self._is_named(name)

    def cleaned(self, text: str) -> str:
        """Return *text* with ``***`` in place of what looks like a credential; the same object if nothing does."""
        lowered = text.lower()  # many times faster than a pattern that does not mind the case
        if not any(hint in lowered for hint in _HINTS):
            return text
        for pattern, masked in _PATTERNS:
            text = pattern.sub(masked, text)
        return text

    def _is_telling(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._is_named(name) or _NAMES.search(_folded(name)) is not None
            if len(self._known) < _KNOWN_LIMIT:
                self._known[name] = known
        return known

    def _is_named(self, name: str) -> bool:
        return _folded(name) in self._hidden


def _folded(name: str) -> str:
    return name[:128].casefold().replace("-", "_").replace(" ", "_")
