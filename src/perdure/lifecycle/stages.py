"""The stages every request goes through, as far as they are not hooks."""

from typing import Final, Literal

from perdure.context.events import Stage
from perdure.timescape.chain import Chain

__all__ = ["HANDLER", "RESPONSE", "VALIDATION", "transform_stage"]

VALIDATION: Final = Stage("validation", "request")
HANDLER: Final = Stage("handler", "handler")
RESPONSE: Final = Stage("response", "response")


def transform_stage(what: Literal["request", "response", "problem"], chain: Chain) -> Stage:
    """Return the stage of carrying *what* over *chain*, which names its revisions."""
    stage = Stage("transform", what)
    stage.facts = {"perdure.revisions": chain.revisions}
    return stage
