"""Making a value that shows a failure as small as can be.

Hypothesis shrinks what it has drawn. What the corners of a type gave, or what it has stopped working on, is cut down
here: a part less, or a simpler one, as long as the value stays valid and goes on failing in the same way.
"""

from collections.abc import Callable, Iterator

from perdure.timescape.proving.plain import fresh, size

__all__ = ["shrink"]

_LIMIT_TRIES = 800
_PLAIN: tuple[object, ...] = (None, False, 0, 1, "", "0", "a", [], {})


def shrink(value: object, still_fails: Callable[[object], bool]) -> object:
    """Return the smallest value that was found to fail, after some hundred tries.

    Args:
        value: Fails.
        still_fails: Tells whether another value is valid and fails like it.
    """
    best, tries, place, has_shrunk = value, 0, 0, False
    while tries < _LIMIT_TRIES:
        for index, candidate in enumerate(_simpler(best)):
            # What did not help before one part was cut hardly helps right after it, so that is tried again at last.
            if index < place or size(candidate) >= size(best):
                continue
            tries += 1
            if still_fails(fresh(candidate)):
                best, place, has_shrunk = candidate, index, True
                break
            if tries == _LIMIT_TRIES:
                break
        else:
            if not has_shrunk:
                break
            place, has_shrunk = 0, False
    return best


def _simpler(value: object) -> Iterator[object]:
    """Yield what may stand for *value*, the boldest first."""
    yield from _PLAIN
    match value:
        case dict():
            yield from ({other: each for other, each in value.items() if other != name} for name in value)
            for name, each in value.items():
                yield from ({**value, name: simpler} for simpler in _simpler(each))
        case list():
            yield from ([item] for item in value)
            half = len(value) // 2
            yield from (value[:half], value[half:]) if half else ()
            yield from (value[:index] + value[index + 1 :] for index in range(len(value)))
            for index, each in enumerate(value):
                yield from ([*value[:index], simpler, *value[index + 1 :]] for simpler in _simpler(each))
        case str():
            half = len(value) // 2
            yield from (value[:half], value[half:])
            if len(value) <= 40:
                yield from (value[:index] + value[index + 1 :] for index in range(len(value)))
        case bool() | None:
            return
        case int() | float():
            yield from (int(value), round(value, 2), int(value) // 2, int(value) // 10)
