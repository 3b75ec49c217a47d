import inspect

import pytest

from perdure.errors import RevisionError
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.revision import Revision


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize(
    "instant", ["", "soon", "2026-02-30", "2026-02-10T00:00:00", "2026-02-10T00:00:00.5Z", "2026-02-10T25:00:00Z"]
)
def test_revision_when_its_instant_is_malformed_is_refused_with_file_and_line(instant: str) -> None:
    line = here() + 2
    with pytest.raises(RevisionError, match=r"RFC 3339") as caught:
        Revision(instant)
    assert str(caught.value).startswith(f"tests/timescape/test_revision.py:{line}: ")


@pytest.mark.parametrize(
    ("label", "after", "said"),
    [
        ("v1", None, "semantic version"),
        ("1.2.3.4", None, "semantic version"),
        ("", None, "semantic version"),
        (None, "x.py", "without folder"),
        (None, "a/b", "without folder"),
        (None, "", "without folder"),
    ],
)
def test_revision_when_an_argument_is_malformed_is_refused(label: str | None, after: str | None, said: str) -> None:
    with pytest.raises(RevisionError, match=said):
        Revision("2026-02-10", label=label, after=after)


def test_revision_when_declared_in_several_ways_keeps_the_order() -> None:
    revision = Revision("2026-02-10T01:00:00+01:00", label="v3.0.0", after="2025-06-01_two_names")

    @revision.request("Money")
    def upgrade(amount: float) -> dict[str, str]:
        return {"amount": str(amount)}

    @revision.response("POST /orders")
    def answer(response: ResponseParts) -> None:
        response.status = 200

    @revision.problem()
    def problem(response: ResponseParts) -> None:
        response.status = 400

    revision.request("Text")(str)
    revision.moved("GET /a", to="GET /b")
    declared = [(each.direction, each.target, each.function) for each in revision.transformers]
    expected = [
        ("request", "Money", upgrade),
        ("response", "POST /orders", answer),
        ("problem", "", problem),
        ("request", "Text", str),
    ]
    assert expected == declared
    assert [(move.old, move.new) for move in revision.moves] == [("GET /a", "GET /b")]
    assert revision.seconds == 1_770_681_600


def test_transformer_when_async_or_a_generator_is_refused_with_its_line() -> None:
    revision = Revision("2026-02-10")
    line = here() + 3
    with pytest.raises(RevisionError, match="async or a generator") as caught:

        @revision.request("Money")
        async def upgrade(amount: float) -> float:
            return amount

    assert str(caught.value).startswith(f"tests/timescape/test_revision.py:{line}: ")
    with pytest.raises(RevisionError, match="async or a generator"):
        revision.response("Money")(lambda value: (yield value))


def test_transformer_when_it_does_not_take_one_argument_is_refused() -> None:
    revision = Revision("2026-02-10")

    def none() -> None: ...
    def two(request: RequestParts, other: object) -> None: ...
    def keyword(*, request: RequestParts) -> None: ...

    for function in (none, two, keyword):
        with pytest.raises(RevisionError, match="exactly one argument"):
            revision.request("POST /orders")(function)  # type: ignore[arg-type]


def test_move_when_malformed_or_repeated_is_refused() -> None:
    revision = Revision("2026-02-10")
    revision.moved("GET /a", to="GET /b")
    with pytest.raises(RevisionError, match="moved already"):
        revision.moved("GET /a", to="GET /c")
    with pytest.raises(RevisionError, match="is no endpoint"):
        revision.moved("Money", to="GET /c")
