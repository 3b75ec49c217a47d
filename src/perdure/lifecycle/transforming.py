"""What versions do to a request, as steps of the request it is done for."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from perdure.context.events import Stage
from perdure.context.local import current_context
from perdure.timescape.chain import Chain

__all__ = ["transform_stage", "transforming"]


def transform_stage(what: Literal["request", "response", "problem"], chain: Chain | None) -> Stage:
    """Return the stage of carrying *what* over *chain*, which names its revisions."""
    stage = Stage("transform", what)
    if chain is not None:
        stage.facts = {"perdure.revisions": chain.revisions}
    return stage


def transforming(stage: Stage) -> AbstractContextManager[object]:
    """Return a context manager that adds *stage* to the events of the request this runs for, if it runs for one."""
    lctx = current_context()
    return nullcontext() if lctx is None else lctx.during(stage)
