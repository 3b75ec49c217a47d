"""Why a request was refused, in a word: the values of a label, so there are few of them, and they do not change."""

import re
from typing import Final

from perdure.errors import RequestError

__all__ = ["reason_of"]

_humps: Final = re.compile(r"(?<!^)(?=[A-Z])")


def reason_of(error: Exception) -> str:
    """Return ``rate_limited`` for a `RateLimitedError`, and so on; ``error`` for what is no fault of the client's."""
    if not isinstance(error, RequestError):
        return "error"
    return _humps.sub("_", type(error).__name__.removesuffix("Error")).lower()
