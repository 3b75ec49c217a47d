"""Drawing values by chance that follows from the seed alone.

Hypothesis puts constants among what it draws that it reads in the source of the modules loaded just then, other than
installed packages. So what it draws depends on what else the process has imported, and on where the code lies: another
machine, or the same process a little later, would find other values. Here it draws without them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from threading import RLock
from types import ModuleType
from typing import Final, final

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["Chance"]

_TURN: Final = RLock()
"""What is replaced belongs to the whole process, so one thread at a time does it."""


@final
class Chance:
    """Draws values, the same ones for the same seed.

    Args:
        seed: What they follow from.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._permitted: dict[object, object] = {}

    def find(
        self, strategy: SearchStrategy[object], label: str, condition: Callable[[object], bool], *,
        examples: int, phases: list[Phase],
    ) -> None:  # fmt: skip
        """Draw from *strategy* until *condition* is true of a value.

        Args:
            strategy: What to draw from.
            label: Of what is drawn: another one gets other chances.
            condition: Called with every value.
            examples: How many to draw at most.
            phases: Whether what was found is made smaller.
        Raises:
            NoSuchExample: It was true of none.
            Unsatisfiable: Nothing could be drawn.
            Flaky: It was true of a value only once.
        """
        quiet = settings(
            max_examples=examples, phases=phases, database=None, deadline=None, derandomize=False, print_blob=False,
            verbosity=Verbosity.quiet, suppress_health_check=list(HealthCheck), backend="hypothesis",
        )  # fmt: skip
        chance = Random(f"{self._seed} {label}")  # noqa: S311 - the point is to repeat it
        with self._without_constants_of_code():
            find(strategy, condition, settings=quiet, random=chance)

    @contextmanager
    def _without_constants_of_code(self) -> Iterator[None]:
        with _TURN, ExitStack() as undo:
            for module, name, stand_in in self._stand_ins():
                if hasattr(module, name):
                    undo.callback(setattr, module, name, getattr(module, name))
                    setattr(module, name, stand_in)
            yield

    def _stand_ins(self) -> Iterator[tuple[ModuleType, str, object]]:
        """Yield what to replace inside Hypothesis, which has no setting for it; nothing where it has other names."""
        try:
            from hypothesis.internal.conjecture import providers
            from hypothesis.internal.constants_ast import Constants
        except ImportError:  # a release that reads no constants
            return
        none = Constants()
        yield providers, "_get_local_constants", lambda: none
        # What it remembers to be permitted in which place was picked from those constants.
        yield providers, "CONSTANTS_CACHE", self._permitted
