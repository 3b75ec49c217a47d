"""A secret: a value that never shows itself.

What prints, formats, logs, encodes or copies objects finds nothing in a `Secret` but its name, or is refused. The value
is kept in a closure, so that whoever walks over attributes, as reporters of crashes do, meets no text either. This
guards against accidents, not against code that means to look: `gc.get_referents` and a debugger find the value, and
what `reveal` returned is text like any other.

Alternatives: a `str` subclass that hides itself shows its value to everything written in C (``json``, ``"".join``); an
encrypted value, whose key lies in the same process, guards against nobody.

Source: SPEC 3.10, property 41.
"""

from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self, final

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["Secret", "SecretsView"]

_SHOWN = "Secret(***)"
_SURROGATES = "surrogateescape"
"""How Python keeps bytes of the environment that are no UTF-8 in text."""


@final
class Secret:
    """Text or bytes that only `reveal` and `reveal_bytes` give away.

    No print, format, log, copy, pickle, JSON or traceback shows it. Two secrets are equal if their values are, which
    takes the same time wherever they differ; a secret never equals plain text. It has no length, no hash and no
    truth but True, and cannot be changed or subclassed. `copy` gives the secret itself; `pickle` and every encoder
    refuse it.

    Args:
        value: A `str` or `bytes`, and no instance of a subclass, which could show itself elsewhere.
    Raises:
        TypeError: *value* is something else.
    """

    __slots__ = ("_held",)
    __hash__ = None  # type: ignore[assignment]

    _held: Callable[[], str | bytes]

    def __new__(cls, value: str | bytes) -> Self:
        """Hide *value*."""
        kind = type(value)
        if kind is not str and kind is not bytes:
            del value  # a traceback with locals would show it
            raise TypeError(f"a Secret is made of a str or bytes, not of a {kind.__qualname__}")
        self = super().__new__(cls)
        object.__setattr__(self, "_held", lambda: value)
        return self

    def __init_subclass__(cls, **_: object) -> NoReturn:
        raise TypeError("Secret cannot be subclassed: a subclass could show the value")

    def reveal(self) -> str:
        """Return the value as text; hold it no longer than needed, and in no variable that outlives the call it is for.

        Raises:
            ValueError: It is bytes, and they are no UTF-8; use `reveal_bytes`.
        """
        text = _text_of(self._held())
        if text is None:
            raise ValueError("this secret is no text in UTF-8; use reveal_bytes()")
        return text

    def reveal_bytes(self) -> bytes:
        """Return the value as bytes; of text, its UTF-8. See `reveal`."""
        held = self._held()
        return held if isinstance(held, bytes) else held.encode("utf-8", _SURROGATES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.reveal_bytes(), other.reveal_bytes())

    def __repr__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        """Return the same for every *spec*: a log line with a width must not fail."""
        return _SHOWN

    def __dir__(self) -> list[str]:
        return ["reveal", "reveal_bytes"]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled: whoever has the bytes could read it")

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(None)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "CoreSchema":
        """Let Pydantic's models hold secrets; one that is dumped is refused in JSON, and itself in Python."""
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(_refuse_dump, when_used="json")
        )


def _text_of(held: str | bytes) -> str | None:
    """Return *held* as text; None where it is none. The error of the codec, which holds the value, ends here."""
    if isinstance(held, str):
        return held
    try:
        return held.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _refuse_dump(_: object) -> NoReturn:
    raise TypeError("a Secret is not written to JSON")


class SecretsView(Protocol):
    """What handlers may ask of the Secrets Manager: ``gctx.secrets``."""

    async def get(self, name: str) -> Secret:
        """Return the secret *name*, at most its time to live old. Cancel-safe.

        Raises:
            SecretDeniedError: The handler this runs for does not declare it: ``secrets=["db_password"]``.
            SecretMissingError: No provider has it.
            SecretUnavailableError: The provider that should have it cannot be asked now.
        """
