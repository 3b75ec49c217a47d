"""Property 25: hook order over all levels, reverse for after and catch.

Hooks are registered in a drawn order, levels and kinds mixed, on an app, a mounted router, a route and the request
itself. The oracle sorts by level, and within a level by time of registration.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, LocalContext, Router
from tests.calls import call

LEVELS = ["global", "router", "route", "local"]
KINDS = ["before", "after", "catch"]
Registration = tuple[str, str]
"""Kind and level."""

registrations = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(LEVELS)), max_size=16)


def expected(hooks: list[Registration], *, fails: bool) -> list[str]:
    """Return the names of the hooks in the order in which they must run."""
    numbered = [(LEVELS.index(level), number, kind) for number, (kind, level) in enumerate(hooks)]
    ascending = [f"{kind} {number}" for _, number, kind in sorted(numbered) if kind == "before"]
    ending = "catch" if fails else "after"
    descending = [f"{kind} {number}" for _, number, kind in sorted(numbered, reverse=True) if kind == ending]
    return [*ascending, "handler", *descending]


@settings(max_examples=200, deadline=None)
@given(hooks=registrations, fails=st.booleans(), mounted_first=st.booleans())
def test_hooks_run_in_order_of_level_and_registration(
    hooks: list[Registration], fails: bool, mounted_first: bool
) -> None:
    ran: list[str] = []

    def make(number: int, kind: str, is_async: bool) -> object:
        def note() -> None:
            ran.append(f"{kind} {number}")

        async def note_later() -> None:
            note()

        return note_later if is_async else note

    made = {number: make(number, kind, number % 2 == 0) for number, (kind, _) in enumerate(hooks)}

    def of(kind: str, level: str) -> list[object]:
        return [made[number] for number, each in enumerate(hooks) if each == (kind, level)]

    app = App("drawn")
    router = Router(
        "/under", before=of("before", "router"), after=of("after", "router"), catch=of("catch", "router")  # type: ignore[arg-type]
    )  # fmt: skip
    if mounted_first:
        app.mount(router)

    @app.before
    def register_local(lctx: LocalContext) -> None:
        for number, (kind, level) in enumerate(hooks):
            if level == "local":
                getattr(lctx, kind)(made[number])

    @router.get("/here", before=of("before", "route"), after=of("after", "route"), catch=of("catch", "route"))  # type: ignore[arg-type]
    async def handle() -> str:
        ran.append("handler")
        if fails:
            raise ValueError("no")
        return "done"

    for number, (kind, level) in enumerate(hooks):
        if level == "global":
            getattr(app, kind)(made[number])
    if not mounted_first:
        app.mount(router)

    assert (500 if fails else 200) == call(app, "GET", "/under/here").status_code
    assert expected(hooks, fails=fails) == ran
