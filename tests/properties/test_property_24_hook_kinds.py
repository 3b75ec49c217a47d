"""Property 24: before/after/catch accept sync and async hooks.

Every hook is drawn: its kind, level, what sort of callable it is, which contexts it names. The oracle: each runs once,
awaited where it is async, and gets what it names.
"""

import asyncio
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, GlobalContext, Hook, LocalContext, Request, Response
from tests.calls import call

CONTEXTS: dict[str, type] = {
    "error": Exception, "req": Request, "res": Response, "lctx": LocalContext, "gctx": GlobalContext
}  # fmt: skip


@dataclass(frozen=True)
class HookSpec:
    kind: str
    level: str
    form: str  # "function", "method", "object", "partial" or "lambda"
    is_async: bool
    takes: tuple[str, ...]
    timeout_s: float | None
    retries: int

    def build(self, note: Callable[..., None]) -> Callable[..., object]:
        """Return a callable of the drawn form that hands what it gets to *note*."""
        got = f"note({', '.join(self.takes)})"
        word, wait = ("async def", "await pause(); ") if self.is_async else ("def", "")
        arguments = ", ".join(self.takes)
        source = f"""
{word} function({arguments}): {wait}{got}
class Owner:
    {word} method(self, {arguments}): {wait}{got}
    {word} __call__(self, {arguments}): {wait}{got}
{word} given(first, {arguments}): {wait}{got}
lambda_ = lambda {arguments}: {got}
"""
        names: dict[str, Any] = {"note": note, "pause": _pause}
        exec(source, names)
        made: dict[str, Callable[..., object]] = {
            "function": names["function"], "method": names["Owner"]().method, "object": names["Owner"](),
            "partial": functools.partial(names["given"], 1),
            "lambda": names["function"] if self.is_async else names["lambda_"],
        }  # fmt: skip
        return made[self.form]


async def _pause() -> None:
    await asyncio.sleep(0)


def subsequences(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [chosen for count in range(len(names) + 1) for chosen in itertools.combinations(names, count)]


@st.composite
def hook_specs(draw: st.DrawFn) -> HookSpec:
    kind = draw(st.sampled_from(["before", "after", "catch"]))
    names = tuple(CONTEXTS) if kind == "catch" else tuple(CONTEXTS)[1:]
    return HookSpec(
        kind, draw(st.sampled_from(["global", "route", "local"])),
        draw(st.sampled_from(["function", "method", "object", "partial", "lambda"])), draw(st.booleans()),
        draw(st.sampled_from(subsequences(names))), draw(st.sampled_from([None, None, 20.0])), draw(st.integers(0, 1)),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(specs=st.lists(hook_specs(), max_size=8), fails=st.booleans())
def test_sync_and_async_hooks_of_any_form_run_once_with_what_they_name(specs: list[HookSpec], fails: bool) -> None:
    app = App("drawn")
    calls: dict[int, list[tuple[object, ...]]] = {number: [] for number in range(len(specs))}

    def note(number: int, *given: object) -> None:
        calls[number].append(given)

    made = [spec.build(functools.partial(note, number)) for number, spec in enumerate(specs)]
    on_route: dict[str, list[Hook]] = {"before": [], "after": [], "catch": []}
    for spec, fn in zip(specs, made, strict=True):
        hook = Hook(fn, spec.timeout_s, spec.retries)
        if spec.level == "global":
            getattr(app, spec.kind)(hook)
        elif spec.level == "route":
            on_route[spec.kind].append(hook)

    @app.before
    def register_local(lctx: LocalContext) -> None:
        for spec, fn in zip(specs, made, strict=True):
            if spec.level == "local":
                getattr(lctx, spec.kind)(fn, timeout_s=spec.timeout_s, retries=spec.retries)

    @app.get("/here", before=on_route["before"], after=on_route["after"], catch=on_route["catch"])
    async def handle() -> str:
        if fails:
            raise ValueError("no")
        return "done"

    assert (500 if fails else 200) == call(app, "GET", "/here").status_code
    runs = {"before": True, "after": not fails, "catch": fails}
    for number, spec in enumerate(specs):
        assert runs[spec.kind] == (len(calls[number]) == 1)
        assert len(calls[number]) <= 1
        for given_to in calls[number]:
            assert all(isinstance(it, CONTEXTS[name]) for name, it in zip(spec.takes, given_to, strict=True))
