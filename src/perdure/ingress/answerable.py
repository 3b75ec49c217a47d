"""An exchange that waits for its answer."""

from abc import abstractmethod
from collections.abc import Awaitable

from mypy_extensions import mypyc_attr

from perdure.context.exchange import Exchange
from perdure.lifecycle.reply import Reply

__all__ = ["AnswerableExchange"]


@mypyc_attr(allow_interpreted_subclasses=True)
class AnswerableExchange(Exchange):
    """What servers bring: everything behind the door sees no more of it than an `Exchange`."""

    __slots__ = ()

    @abstractmethod
    def send(self, reply: Reply) -> Awaitable[None] | None:
        """Send *reply*; what is returned, if anything, is to be awaited."""
