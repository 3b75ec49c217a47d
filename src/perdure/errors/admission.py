"""The client is told: it is not let in, or not now."""

from typing import final

from perdure.errors.requests import RequestError


@final
class UnauthenticatedError(RequestError):
    """The client did not show who it is, or not well enough; why is for the log alone.

    Args:
        reason: For the log; never sent.
        challenges: Values of ``WWW-Authenticate``.
        headers: ``ratelimit`` and ``ratelimit-policy``, where the attempt was counted.
    """

    def __init__(
        self, reason: str, challenges: tuple[str, ...] = (), headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.challenges = challenges
        self.headers = headers


@final
class ForbiddenError(RequestError):
    """The client may not do this.

    Args:
        reason: For the log; never sent.
        challenges: Values of ``WWW-Authenticate``: which scopes would be enough (RFC 6750).
        headers: ``ratelimit`` and ``ratelimit-policy``, where the attempt was counted.
    """

    def __init__(
        self, reason: str, challenges: tuple[str, ...] = (), headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.challenges = challenges
        self.headers = headers


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
