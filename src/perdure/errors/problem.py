"""An answer a handler chose."""

from collections.abc import Mapping

from perdure.errors.base import PerdureError


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
