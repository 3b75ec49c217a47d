"""All errors Perdure raises.

* PerdureError
  x DefinitionError                 the program is wrong: found at registration or start
    - ConfigError
      + SettingsError
    - SignatureError
    - TypeDefinitionError
    - RouteDefinitionError
    - DuplicateRouteError
    - RevisionError
    - AppNotFoundError
  x StoreError                      the store cannot be opened, read or written
    - RevisionConflictError
  x MigrationError                  a step on the app's own database cannot be made
  x DecisionError                   what is to be decided about a version or an API key cannot be meant
  x RequestError                    a client is told; `status` maps them at the ingress
    - MalformedRequestError
    - InvalidRequestError
    - UnsupportedMediaTypeError
    - PayloadTooLargeError
    - BodyTimeoutError
    - HeadersTooLargeError
    - RouteNotFoundError
    - MethodNotAllowedError
    - UnknownVersionError
    - VersionClosedError
    - UntranslatableRequestError
    - UnauthenticatedError
    - ForbiddenError
    - RateLimitedError
    - OverloadedError
    - IdentityUnavailableError
    - UriTooLongError
    - MisdirectedRequestError
  x ExecutionError                  the server failed while it served
    - InvalidResponseError
    - RevisionFaultError
    - UntranslatableResponseError
    - TransformerMissingError
    - ConversionImpossibleError
    - ModuleError
    - DeadlineExceededError
    - ClientDisconnectedError
    - ShuttingDownError
    - SnapshotError
    - PhaseError
    - SocketClosedError
    - SecretError
      + SecretMissingError
      + SecretDeniedError
      + SecretUnavailableError
  x ValueRejectedError              a value does not fit its GType
    - InvalidValueError
    - MalformedValueError
  x DocumentError                   a description of an API, given to a command, cannot be read
  x IgnoreFileError                 a file of accepted findings cannot be used
  x Problem                         an answer a handler chose: any status, any members
"""

from collections.abc import Mapping
from typing import Literal, final

from msgspec import Struct

__all__ = [
    "AppNotFoundError",
    "BodyTimeoutError",
    "ClientDisconnectedError",
    "ConfigError",
    "ConversionImpossibleError",
    "DeadlineExceededError",
    "DecisionError",
    "DefinitionError",
    "DocumentError",
    "DuplicateRouteError",
    "ExecutionError",
    "Fault",
    "ForbiddenError",
    "HeadersTooLargeError",
    "IdentityUnavailableError",
    "IgnoreFileError",
    "InvalidRequestError",
    "InvalidResponseError",
    "InvalidValueError",
    "MalformedRequestError",
    "MalformedValueError",
    "MethodNotAllowedError",
    "MigrationError",
    "MisdirectedRequestError",
    "ModuleError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PerdureError",
    "PhaseError",
    "Place",
    "Problem",
    "RateLimitedError",
    "RequestError",
    "RevisionConflictError",
    "RevisionError",
    "RevisionFaultError",
    "RouteDefinitionError",
    "RouteNotFoundError",
    "SecretDeniedError",
    "SecretError",
    "SecretMissingError",
    "SecretUnavailableError",
    "SettingsError",
    "ShuttingDownError",
    "SignatureError",
    "SnapshotError",
    "SocketClosedError",
    "StoreError",
    "TransformerMissingError",
    "TypeDefinitionError",
    "UnauthenticatedError",
    "UnknownVersionError",
    "UnsupportedMediaTypeError",
    "UntranslatableRequestError",
    "UntranslatableResponseError",
    "UriTooLongError",
    "ValueRejectedError",
    "VersionClosedError",
]

Place = Literal["body", "path", "query", "header"]
"""Where in a request a fault lies."""


@final
class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong with one value.

    `actual` is the offending value as JSON text, shortened, and masked where the schema marks it secret.
    """

    pointer: str
    """RFC 6901 JSON Pointer from the root of the value: ``/lines/0/quantity``; ``""`` is the root."""
    code: str
    """A stable identifier: ``type``, ``required``, ``unknown_field``, ``minimum``, ``pattern``, …"""
    expected: str
    actual: str
    message: str


class PerdureError(Exception):
    """The root of all errors Perdure raises."""


class DefinitionError(PerdureError):
    """The program is wrong: found at registration or at start, never while serving."""


class ConfigError(DefinitionError):
    """A setting is unknown or has a value that cannot be used."""


@final
class SettingsError(ConfigError):
    """Settings from files, the environment or the command line are unknown or cannot be used; all are told at once.

    Args:
        faults: A sentence each, which says where it stands: ``perdure.toml:12: …``.
    """

    def __init__(self, faults: tuple[str, ...]) -> None:
        told = faults[0] if len(faults) == 1 else f"{len(faults)} settings cannot be used:\n  " + "\n  ".join(faults)
        super().__init__(told)
        self.faults = faults


class SignatureError(DefinitionError):
    """A handler or hook does not take the parameters Perdure can give it."""


class TypeDefinitionError(DefinitionError):
    """An annotation cannot be resolved, or its type has no GType."""


class RouteDefinitionError(DefinitionError):
    """A path template is malformed, or disagrees with the handler's types."""


class DuplicateRouteError(DefinitionError):
    """Two handlers serve the same method, path and version."""


class RevisionError(DefinitionError):
    """A revision file is malformed, or the revisions do not form one line."""


class AppNotFoundError(DefinitionError):
    """The command line names no `App`, or more than one could be meant."""


class StoreError(PerdureError):
    """The Manifest Store cannot be opened, read or written; the message says where it is, never a password."""


@final
class RevisionConflictError(StoreError):
    """A version was published before with other recorded types or another revision file."""

    def __init__(self, app: str, version: str, revision: str | None) -> None:
        file = f" (revision {revision})" if revision else ""
        super().__init__(
            f"version {version} of {app!r}{file} was published with other content: a recorded revision never changes. "
            "Restore its files from version control, and record the change as a revision of its own; if no client has "
            "ever used it, begin with another store"
        )
        self.app = app
        self.version = version
        self.revision = revision


class MigrationError(PerdureError):
    """A step on the app's own database cannot be made, or failed; the message says which, where, and what to do."""


class DecisionError(PerdureError):
    """What is to be decided about a version or an API key cannot be meant; nothing was changed."""


class ValueRejectedError(PerdureError):
    """A value does not fit its GType."""


@final
class InvalidValueError(ValueRejectedError):
    """A well-formed value breaks its type's rules; `faults` lists every way in which it does."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.message}" for fault in faults[:5]))
        self.faults = faults


@final
class MalformedValueError(ValueRejectedError):
    """The bytes are no JSON (or msgpack) document, or one nested too deeply."""


@final
class DocumentError(PerdureError):
    """A description of an API cannot be read: no JSON or YAML, no OpenAPI 3.0 or 3.1, or malformed.

    `pointer` is the RFC 6901 JSON Pointer to what is wrong; ``""`` for the whole document.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"#{pointer}: {message}" if pointer else message)
        self.pointer = pointer


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
class UnauthenticatedError(RequestError):
    """The client did not show who it is, or not well enough; why is for the log alone.

    Args:
        reason: For the log; never sent.
        challenges: Values of ``WWW-Authenticate``.
    """

    def __init__(self, reason: str, challenges: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.challenges = challenges


@final
class ForbiddenError(RequestError):
    """The client may not do this.

    Args:
        reason: For the log; never sent.
        challenges: Values of ``WWW-Authenticate``: which scopes would be enough (RFC 6750).
    """

    def __init__(self, reason: str, challenges: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.challenges = challenges


@final
class RateLimitedError(RequestError):
    """The client asks too often.

    Args:
        retry_after_s: When it may ask again, in whole seconds from now, at least 1.
        headers: ``ratelimit`` and ``ratelimit-policy``.
    """

    def __init__(self, retry_after_s: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"Too many requests; try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s
        self.headers = headers


@final
class OverloadedError(RequestError):
    """The server has too much to do for requests of this priority."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("The server has too much to do; try again.")
        self.retry_after_s = retry_after_s


@final
class IdentityUnavailableError(RequestError):
    """Who the client is cannot be found out now: what would have to be asked does not answer. Why is for the log."""

    def __init__(self, reason: str, retry_after_s: int = 1) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@final
class UriTooLongError(RequestError):
    """Path and query are longer than allowed."""


@final
class MisdirectedRequestError(RequestError):
    """The request is for a host this server does not answer for."""


class ExecutionError(PerdureError):
    """The server failed while it served a request."""


@final
class InvalidResponseError(ExecutionError):
    """A handler's answer breaks the promise made to the client."""

    def __init__(self, handler: str, faults: tuple[Fault, ...]) -> None:
        shown = "; ".join(f"{fault.pointer or '/'}: {fault.message}" for fault in faults[:5])
        super().__init__(f"{handler} answered what its response type does not allow: {shown}")
        self.handler = handler
        self.faults = faults


@final
class RevisionFaultError(ExecutionError):
    """A revision's transformers turned a valid request into one the handler does not take."""

    def __init__(self, revisions: tuple[str, ...], faults: tuple[tuple[Place, Fault], ...]) -> None:
        shown = "; ".join(f"{place} {fault.pointer or '/'}: {fault.message}" for place, fault in faults[:5])
        named = (
            f"after the transformers of {', '.join(revisions)}"
            if revisions
            else "as no revision has a transformer for it,"
        )
        super().__init__(f"{named} the request is invalid: {shown}")
        self.revisions = revisions
        self.faults = faults


@final
class UntranslatableResponseError(ExecutionError):
    """A transformer could not carry the answer back to the version the client speaks."""

    def __init__(self, revision: str, target: str) -> None:
        super().__init__(f"the answer could not be carried back before {revision} ({target})")
        self.revision = revision
        self.target = target


@final
class TransformerMissingError(ExecutionError):
    """A request or an answer reached a place of a revision where a person still has to decide."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the revision leaves this open: {what}")
        self.what = what


@final
class ConversionImpossibleError(ExecutionError):
    """A request or an answer reached a change that a revision says nothing can be carried over."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target} cannot be carried over: {reason}")
        self.target = target
        self.reason = reason


@final
class ModuleError(ExecutionError):
    """A module failed, and the handler let the failure through."""

    def __init__(self, module: str, method: str) -> None:
        super().__init__(f"module {module} failed in {method}")
        self.module = module
        self.method = method


@final
class DeadlineExceededError(ExecutionError):
    """A request, hook or module call took longer than it may."""

    def __init__(self, what: str, timeout_s: float) -> None:
        super().__init__(f"{what} took longer than {timeout_s:g} s")
        self.what = what
        self.timeout_s = timeout_s


@final
class ClientDisconnectedError(ExecutionError):
    """The client left before its answer was ready."""


@final
class ShuttingDownError(ExecutionError):
    """The server is draining and takes no more requests."""


@final
class SnapshotError(ExecutionError):
    """Something in the Local Context cannot be copied."""


@final
class PhaseError(ExecutionError):
    """Something was asked of the Local Context at a time when it can no longer be done."""


@final
class SocketClosedError(ExecutionError):
    """A WebSocket was used after its end."""


class SecretError(ExecutionError):
    """A secret cannot be had. Nothing of its value is ever in the message."""


@final
class SecretMissingError(SecretError):
    """No provider has a secret of this name."""


@final
class SecretDeniedError(SecretError):
    """A handler asked for a secret it does not declare."""


@final
class SecretUnavailableError(SecretError):
    """The provider that should have it cannot be asked now."""


@final
class IgnoreFileError(PerdureError):
    """A file that names the findings to be ignored is malformed, or an entry lacks what it must have."""


class Problem(PerdureError):
    """Answer with ``application/problem+json`` (RFC 9457); raise it from a handler or hook.

    Args:
        status: HTTP status, 400 to 599.
        detail: What happened, for the client's developer.
        title: A short sentence for the *type*; the status' own phrase by default.
        type: URI that identifies the kind of problem.
        headers: Response headers to add.
        members: Further members of the body.
    Raises:
        ValueError: *status* is no error status.
    """

    def __init__(
        self, status: int, detail: str = "", *, title: str = "", type: str = "about:blank",
        headers: Mapping[str, str] | None = None, **members: object,
    ) -> None:  # fmt: skip
        if not 400 <= status <= 599:
            raise ValueError(f"a problem's status is 400 to 599, not {status}")
        super().__init__(detail or title or str(status))
        self.status = status
        self.detail = detail
        self.title = title
        self.type = type
        self.headers = dict(headers or {})
        self.members = members
