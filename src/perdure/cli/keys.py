"""`perdure keys`: API keys for programs that call an app, created, looked at and revoked while it is served."""

from typing import Annotated

from cyclopts import App as CommandLine
from cyclopts import Parameter

from perdure.cli.console import complain, say
from perdure.cli.keys_desk import KeyDesk, checked_names, checked_subject, open_key_desk
from perdure.cli.keys_tables import print_key, print_keys, print_new_key
from perdure.cli.moments import duration, end
from perdure.cli.operator import operator
from perdure.cli.options import HERE, Switch, Where
from perdure.cli.plan import EXIT_OK
from perdure.errors import DecisionError

__all__ = ["commands"]

_PRUNABLE_S = 3600.0

_HELP = """Create, list, revoke and prune API keys.

A key is shown once, when it is created; the store keeps its hash. Servers on the same store obey within a second.
Exit codes as for perdure itself; 1 too for what cannot be meant, and then nothing is changed.
"""

_Many = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]

commands = CommandLine(name="keys", help=_HELP, help_format="plaintext")


@commands.command
def create(
    *, subject: str, role: _Many = (), scope: _Many = (), expires: str | None = None, quiet: Switch = False,
    json: Switch = False, where: Where = HERE,
) -> int:  # fmt: skip
    """Create a key and print it, this once.

    Parameters
    ----------
    subject
        Who is let in with it: the name of a program. Several keys may have one subject; limits count them together.
    role
        What it is, as handlers ask for; repeatable.
    scope
        What it may, as handlers ask for; repeatable.
    expires
        When it ends: after 90d or 12h, or at a date or RFC 3339 instant. Never by default.
    quiet
        Print nothing but the key.
    json
        Print an object with the key and all about it.
    """
    subject = checked_subject(subject)
    roles, scopes = checked_names(role, scope)
    with open_key_desk(where) as desk:
        expires_s = None if expires is None else end(expires, desk.now_s)
        drawn, key = desk.create(subject, roles, scopes, expires_s, operator())
        if quiet and not json:
            say(drawn.text.reveal())
        else:
            print_new_key(key, drawn.text.reveal(), _carrier(desk), as_json=json)
        if desk.config.auth.api_keys is None:
            complain(
                f"{desk.app} takes no API keys yet: add AuthSettings(api_keys=ApiKeySettings()) to its Config, or "
                "[auth.api_keys] to perdure.toml"
            )
    return EXIT_OK


@commands.command(name="list")
def list_keys(*, json: Switch = False, where: Where = HERE) -> int:
    """List the keys: whose they are, what they may, when they were last used; revoked and expired ones too.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    with open_key_desk(where, is_looking=True) as desk:
        print_keys(desk.store.api_keys(desk.app), desk.now_s, as_json=json)
    return EXIT_OK


@commands.command
def show(key: str, /, *, json: Switch = False, where: Where = HERE) -> int:
    """Show all there is to say about one key.

    Parameters
    ----------
    key
        Its id, or the key itself, as it was found somewhere.
    json
        Print JSON instead of text.
    """
    with open_key_desk(where, is_looking=True) as desk:
        print_key(desk.find(key), desk.now_s, as_json=json)
    return EXIT_OK


@commands.command
def revoke(key: str, /, *more: str, where: Where = HERE) -> int:
    """Let keys in no more, for ever; all of them, or none where one is unknown.

    Parameters
    ----------
    key
        Its id, or the key itself, as it was found somewhere.
    more
        Further keys.
    """
    with open_key_desk(where, is_looking=True) as desk:
        found = {each.id: each for each in map(desk.find, (key, *more))}
        for each in found.values():
            with desk.operations.of(f"revoke {each.id} of {each.subject}"):
                is_news = desk.store.revoke_api_key(desk.app, each.id, actor=operator(), at_s=desk.now_s)
            say(f"{each.id} of {each.subject} {'is' if is_news else 'was already'} revoked")
    return EXIT_OK


@commands.command
def prune(*, older_than: str = "90d", dry_run: Switch = False, where: Where = HERE) -> int:
    """Forget keys that were revoked or expired long ago; the journal goes on telling who created and revoked them.

    Parameters
    ----------
    older_than
        For how long they must have been of no use: 90d or 12h; an hour at least, within which all servers know.
    dry_run
        Say which would be forgotten.
    """
    age_s = duration(older_than)
    if age_s < _PRUNABLE_S:
        raise DecisionError(f"--older-than {older_than} is less than an hour; some server may still take such a key")
    with open_key_desk(where, is_looking=True) as desk:
        ended = desk.ended(age_s) if dry_run else desk.prune(age_s, operator())
    for key in ended:
        say(f"{'would forget' if dry_run else 'forgot'} {key.id} of {key.subject}, {key.state(desk.now_s)}")
    if not ended:
        say(f"no key was revoked or expired more than {older_than} ago")
    return EXIT_OK


def _carrier(desk: KeyDesk) -> str:
    settings = desk.config.auth.api_keys
    if settings is None:
        return "the header X-API-Key"
    return f"the header {settings.header}" if settings.header is not None else f"the query parameter {settings.query}"
