"""How API keys look: as tables for people, as JSON for programs; never the keys themselves, nor their hashes."""

from collections.abc import Sequence

import msgspec

from perdure.cli.console import say, write
from perdure.cli.tables import print_table
from perdure.cli.versions_desk import shown_time
from perdure.store.api_keys import ApiKey

__all__ = ["print_key", "print_keys", "print_new_key"]


def print_keys(keys: Sequence[ApiKey], now_s: float, *, as_json: bool) -> None:
    """Print all keys, oldest first."""
    if as_json:
        _print_json([_record(key, now_s) for key in keys])
        return
    if not keys:
        say("there are no API keys yet: perdure keys create --subject NAME")
        return
    headings = ("ID", "SUBJECT", "STATE", "ROLES", "SCOPES", "CREATED", "EXPIRES", "LAST USED")
    rows = [
        (
            key.id, key.subject, key.state(now_s), " ".join(key.roles), " ".join(key.scopes),
            shown_time(key.created_s) or "", shown_time(key.expires_s) or "", shown_time(key.last_used_s) or "never",
        )
        for key in keys
    ]  # fmt: skip
    print_table(headings, rows)


def print_key(key: ApiKey, now_s: float, *, as_json: bool) -> None:
    """Print all there is to say about one key."""
    if as_json:
        _print_json(_record(key, now_s))
        return
    revoked = None if key.revoked_s is None else f"{shown_time(key.revoked_s)} by {key.revoked_by}"
    facts = {
        "id": key.id, "subject": key.subject, "state": key.state(now_s), "roles": " ".join(key.roles),
        "scopes": " ".join(key.scopes), "created": f"{shown_time(key.created_s)} by {key.created_by}",
        "expires": shown_time(key.expires_s) or "never", "revoked": revoked,
        "last used": shown_time(key.last_used_s) or "never",
    }  # fmt: skip
    for name, fact in facts.items():
        if fact:
            say(f"{name + ':':<12}{fact}")


def print_new_key(key: ApiKey, text: str, carrier: str, *, as_json: bool) -> None:
    """Print a key that was just created, for the only time.

    Args:
        text: The key itself.
        carrier: Where in a request it goes, for people.
    """
    if as_json:
        _print_json({"key": text, **_record(key, key.created_s)})
        return
    facts = [f"the roles {' '.join(key.roles)}" if key.roles else "", " ".join(key.scopes) and _scopes(key)]
    facts.append(f"until {shown_time(key.expires_s)}" if key.expires_s is not None else "")
    shown = ", ".join(filter(None, facts))
    say(f"created {key.id} for {key.subject}{f', with {shown}' if shown else ''}")
    say(text)
    say(f"It is shown this once; only its hash is kept. It goes in {carrier}.")


def _scopes(key: ApiKey) -> str:
    return f"the scopes {' '.join(key.scopes)}"


def _record(key: ApiKey, now_s: float) -> dict[str, object]:
    return {
        "id": key.id, "subject": key.subject, "state": key.state(now_s), "roles": key.roles, "scopes": key.scopes,
        "created": shown_time(key.created_s), "created_by": key.created_by, "expires": shown_time(key.expires_s),
        "revoked": shown_time(key.revoked_s), "revoked_by": key.revoked_by, "last_used": shown_time(key.last_used_s),
    }  # fmt: skip


def _print_json(value: object) -> None:
    write(msgspec.json.format(msgspec.json.encode(value), indent=2))
