"""From what a request left behind to its spans: a tree, each within the time of the one above it.

Made after the request, and only for those that are exported. The request's own course, from validation to response, is
a sequence, so its spans stand side by side below the whole. What is done besides says by its marks what it is a part of
(`perdure.context.steps`), else it is a part of what the course was at.
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from perdure.context.events import REQUEST, Mark, Moments, Stage, marks_of

__all__ = ["Span", "spans_of"]

_COURSE: Final = frozenset({"validation", "transform", "hook", "handler", "response", "compensation"})
"""Kinds of stages of which a request is in one at a time."""
_STEPS_MOST: Final = 1000
"""Of one request: one that calls modules in an endless loop must not fill the memory."""


@final
class Span:
    """Something that took time: the request, or a part of it. Times are in seconds, on one clock."""

    __slots__ = ("begun", "ended", "error", "id", "omitted", "parent", "stage")

    def __init__(self, stage: Stage | None, begun: float, ended: float, parent: "Span | None") -> None:
        self.stage = stage
        """None for the routing: the version, credentials, rate limits; all that comes before the Local Context."""
        self.begun = begun
        self.ended = ended
        """Negative while it is under way."""
        self.parent = parent
        self.error: BaseException | None = None
        self.id = b""
        """Eight bytes; given when it is written."""
        self.omitted = 0
        """Of a request's span: how many steps more there were than are told."""


def spans_of(moments: Moments, stages: Sequence[Stage], started: float, routed: float, ended: float) -> list[Span]:
    """Return the request's span, and those below it, each after its parent.

    Args:
        moments: What happened; see `perdure.context.events`.
        stages: Those of the request's plan.
        routed: When the Local Context took over; 0 where that is not known.
        ended: When the answer was ready. What is still under way then ends then.
    """
    root = Span(REQUEST, started, max(started, ended), None)
    spans = [root]
    if routed:
        spans.append(Span(None, started, routed, root))
    _place(marks_of(moments, stages), root, spans)
    for span in spans[1:]:
        _fit(span, root, routed)
    return spans


def _place(marks: Iterable[tuple[Mark, float]], root: Span, spans: list[Span]) -> None:
    """Add a span to *spans* for each start, with its parent, its end and its error as the marks tell them."""
    course = root
    steps: dict[int, Span] = {}
    under_way: list[Span] = []
    for mark, at in marks:
        stage = mark.stage
        if stage is REQUEST:
            root.error = mark.error
        elif mark.kind == "start":
            inside = mark.inside
            is_course = stage.kind in _COURSE
            if not is_course and len(steps) >= _STEPS_MOST:
                root.omitted += 1
                continue
            parent = root if is_course else course if inside is None else steps.get(id(inside), course)
            span = Span(stage, at, -1.0, parent)
            spans.append(span)
            under_way.append(span)
            if is_course:
                course = span
            else:
                steps[id(mark)] = span
        else:
            found = _ended_by(mark, steps, under_way)
            if found is not None:
                under_way.remove(found)
                found.ended, found.error = at, mark.error
                if found is course:
                    course = root


def _ended_by(mark: Mark, steps: dict[int, Span], under_way: list[Span]) -> Span | None:
    """Return the span that *mark* ends: the one it names, else the last of its stage that is under way."""
    if mark.begun is not None:
        span = steps.get(id(mark.begun))
        return span if span in under_way else None
    return next((span for span in reversed(under_way) if span.stage is mark.stage), None)


def _fit(span: Span, root: Span, routed: float) -> None:
    """Put *span* into the time of its parent; one that outlives it is a part of what is above that.

    Work that a handler spawned, or a task of its own that nobody waited for, may go on when it has returned.
    """
    if span.ended < 0:
        span.ended = root.ended
    if span.stage is not None and span.begun < routed:
        span.begun = routed  # the first stage begins with the request, on the request's own record
    parent = span.parent or root
    while parent is not root and span.ended > parent.ended:
        parent = parent.parent or root
    span.parent = parent
    span.begun = min(max(span.begun, parent.begun), parent.ended)
    span.ended = max(span.begun, min(span.ended, parent.ended))
