"""What every server is asked, and what it must answer.

The same bytes go to every server. All requests carry the version and trace headers a client of a versioned API sends:
who does not read them pays only for parsing them.
"""

import json
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["get", "post", "post_oldest"]
"""Name of a scenario, as in ``results.json``."""

KINDS: tuple[Kind, ...] = get_args(Kind)

NEWEST = "2026-02-10"
OLDEST = "2025-01-15"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One request and its answer."""

    kind: Kind
    method: str
    path: str
    version: str
    status: int
    answer: object
    body: bytes = b""
    bad_path: str = ""
    """A path the same route must refuse; empty: the same path."""
    bad_body: bytes = b""
    """A body the same route must refuse: shows that validation is on."""
    headers: dict[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        """Return the headers of the request, those every request has included."""
        return {"accept": "application/json", "api-version": self.version, "traceparent": TRACEPARENT, **self.headers}


def _encode(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _post(kind: Kind, version: str, *, good: object, bad: object, answer: object) -> Scenario:
    return Scenario(
        kind=kind,
        method="POST",
        path="/orders",
        version=version,
        status=201,
        answer=answer,
        body=_encode(good),
        bad_body=_encode(bad),
        headers={"content-type": "application/json"},
    )


def _new_order(quantity: int) -> dict[str, object]:
    return {
        "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
        "lines": [{"sku": "A-1", "quantity": quantity}, {"sku": "B-2", "quantity": 1}],
        "note": "leave at the door",
    }


def _old_order(quantity: int) -> dict[str, object]:
    return {
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "items": [{"sku": "A-1", "qty": quantity}, {"sku": "B-2", "qty": 1}],
        "note": "leave at the door",
    }


_PRICE = {"amount": "12.50", "currency": "EUR"}

SCENARIOS: dict[Kind, Scenario] = {
    "get": Scenario(
        kind="get",
        method="GET",
        path="/users/42",
        bad_path="/users/forty-two",
        version=NEWEST,
        status=200,
        answer={"id": 42, "name": "Ada Lovelace", "email": "ada@example.com", "active": True},
    ),
    "post": _post(
        "post",
        NEWEST,
        good=_new_order(2),
        bad=_new_order(0),
        answer={
            "id": "o-1",
            "status": "pending",
            "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
            "lines": [
                {"sku": "A-1", "quantity": 2, "unit_price": _PRICE},
                {"sku": "B-2", "quantity": 1, "unit_price": _PRICE},
            ],
            "total": {"amount": "37.50", "currency": "EUR"},
            "note": "leave at the door",
        },
    ),
    "post_oldest": _post(
        "post_oldest",
        OLDEST,
        good=_old_order(2),
        bad=_old_order(0),
        answer={
            "id": "o-1",
            "status": "pending",
            "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
            "items": [{"sku": "A-1", "qty": 2, "unit_price": 12.5}, {"sku": "B-2", "qty": 1, "unit_price": 12.5}],
            "total": 37.5,
            "note": "leave at the door",
        },
    ),
}
