"""The root of all errors."""

import copyreg


class PerdureError(Exception):
    """The root of all errors Perdure raises; every one can be pickled, with its message and attributes."""

    def __reduce__(self) -> tuple[object, ...]:
        # By default it would be made anew from its message, which most take no such argument for.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]
