"""The client is told: its request cannot be served as it is."""

from typing import final

from perdure.errors.base import PerdureError
from perdure.errors.values import Fault, Place


class RequestError(PerdureError):
    """The client's request cannot be served as it is; the client is told why."""


class MalformedRequestError(RequestError):
    """The bytes are not what they claim to be: broken JSON, a bad form, an impossible path."""


@final
class InvalidRequestError(RequestError):
    """The request is well formed but breaks the rules of the version its client speaks."""

    def __init__(self, faults: tuple[tuple[Place, Fault], ...]) -> None:
        super().__init__(f"the request has {len(faults)} fault{'' if len(faults) == 1 else 's'}")
        self.faults = faults


@final
class UnsupportedMediaTypeError(RequestError):
    """The request's ``Content-Type`` is not one the handler takes."""

    def __init__(self, media_type: str, accepted: tuple[str, ...]) -> None:
        super().__init__(f"the handler takes {', '.join(accepted)}, not {media_type or 'a body without Content-Type'}")
        self.media_type = media_type
        self.accepted = accepted


@final
class PayloadTooLargeError(RequestError):
    """The request's body is larger than the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


@final
class BodyTimeoutError(RequestError):
    """The request's body did not arrive in time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the body did not arrive within {timeout_s:g} s")
        self.timeout_s = timeout_s


@final
class HeadersTooLargeError(RequestError):
    """The request has too many header fields, or too large ones."""


@final
class RouteNotFoundError(RequestError):
    """Nothing serves the path at the version asked for: that at *index*, where it is known."""

    def __init__(self, path: str, index: int | None = None) -> None:
        super().__init__("nothing is served at this path")
        self.path = path
        self.index = index


@final
class MethodNotAllowedError(RequestError):
    """The path is served, but not by this method, in the version at *index*, where it is known."""

    def __init__(self, method: str, allowed: tuple[str, ...], index: int | None = None) -> None:
        super().__init__(f"{method} is not one of {', '.join(allowed)}")
        self.method = method
        self.allowed = allowed
        self.index = index


@final
class UnknownVersionError(RequestError):
    """The client asks for a version that does not exist."""

    def __init__(self, asked: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no version answers to {asked[:80]!r}")
        self.asked = asked
        self.known = known


@final
class VersionClosedError(RequestError):
    """The client asks for a version that was retired, or is in a brown-out."""

    def __init__(
        self, version: str, reason: str, successor: str | None, retry_after_s: int | None,
        headers: tuple[tuple[str, str], ...],
    ) -> None:  # fmt: skip
        super().__init__(f"version {version} is not served: {reason}")
        self.version = version
        self.successor = successor
        self.retry_after_s = retry_after_s
        self.headers = headers


@final
class UntranslatableRequestError(RequestError):
    """A transformer could not carry the request forward to the version that runs."""

    def __init__(self, revision: str, target: str) -> None:
        super().__init__(f"this request has no equivalent since {revision}")
        self.revision = revision
        self.target = target


@final
class UriTooLongError(RequestError):
    """Path and query are longer than allowed."""


@final
class MisdirectedRequestError(RequestError):
    """The request is for a host this server does not answer for."""
