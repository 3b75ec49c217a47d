"""The server failed while it served."""

from typing import final

from perdure.errors.base import PerdureError
from perdure.errors.values import Fault, Place


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
    """The server is draining and takes no more requests, or ended before one was answered."""


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
