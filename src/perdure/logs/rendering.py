"""The three kinds of lines. What is rendered is plain and clean already.

JSON and logfmt are one line each. What people read may have more, for a traceback; all but the first are indented, so
that none looks like a record.
"""

import re
from datetime import datetime
from typing import Any, Final, Literal, Protocol, final

import msgspec
from structlog.dev import ConsoleRenderer
from structlog.processors import LogfmtRenderer

__all__ = ["Renderer", "renderer"]

_UNSAFE: Final = re.compile(r"[\x7f-\x9f\u2028\u2029]")
"""What JSON leaves as it is, but some take for the end of a line, or a terminal for a command."""
_DELETE: Final = "\x7f"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_KEY: Final = re.compile(r"[^\w.…-]")
_INDENT: Final = "\n    "
_ACCESS: Final = "perdure.access"
_MACHINES: Final = ("trace_id", "span_id", "pid")
"""What nobody reads on a terminal."""


class Renderer(Protocol):
    """Makes a line of a record."""

    wants_text: bool
    """Whether an exception is to be text, as Python writes it."""

    def __call__(self, line: dict[str, object]) -> str:
        """Return *line*, without a line break at its end."""
        ...


def renderer(format: Literal["json", "console", "logfmt"], *, colors: bool) -> Renderer:
    """Return what renders *format*."""
    return _Console(colors=colors) if format == "console" else _Logfmt() if format == "logfmt" else _Json()


@final
class _Json:
    wants_text = False

    def __call__(self, line: dict[str, object]) -> str:
        text = msgspec.json.encode(line).decode()
        return text if text.isascii() and _DELETE not in text else _UNSAFE.sub(_escaped, text)


@final
class _Logfmt:
    wants_text = True

    def __init__(self) -> None:
        self._render = LogfmtRenderer(bool_as_flag=False)

    def __call__(self, line: dict[str, object]) -> str:
        return self._render(None, "", {_NO_KEY.sub("_", name) or "_": _one(value) for name, value in line.items()})


@final
class _Console:
    wants_text = True

    def __init__(self, *, colors: bool) -> None:
        self._render = ConsoleRenderer(
            colors=colors, sort_keys=False, event_key="message", timestamp_key="time", pad_level=False
        )

    def __call__(self, line: dict[str, object]) -> str:
        shown = {_NO_KEY.sub("_", name): _one(value) for name, value in line.items() if name not in _MACHINES}
        shown["time"] = datetime.fromisoformat(str(line["time"])).astimezone().strftime("%H:%M:%S.%f")[:-3]
        if line["logger"] == _ACCESS:
            shown = {name: shown[name] for name in ("time", "level", "message", "logger")}
        for name in ("message", "exception", "stack"):
            if name in line:
                shown[name] = _lines(str(line[name]))
        for name in ("exception", "stack"):
            if name in shown:
                shown[name] = f"    {shown[name]}"
        return str(self._render(None, "", shown))


def _one(value: Any) -> object:
    """Return *value* on one line."""
    if isinstance(value, dict | list):
        value = msgspec.json.encode(value).decode()
    return _CONTROL.sub(_escaped, value) if isinstance(value, str) else value


def _lines(text: str) -> str:
    """Return *text* with its line breaks, where nothing but the first line stands at the margin."""
    return _INDENT.join(_CONTROL.sub(_escaped, line) for line in text.split("\n"))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
