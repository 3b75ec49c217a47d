"""Reading data by a recorded type, as the server does for an older client, without what makes servers quick.

A codec compiles decoders in C first, which pays off over millions of requests, not over a hundred values.
"""

from collections.abc import Mapping
from typing import final

from perdure.errors import InvalidValueError
from perdure.gtype.codec_normal import compile_normaliser
from perdure.gtype.nodes import GType
from perdure.gtype.strings import compile_strings
from perdure.gtype.validator import compile_validator

__all__ = ["DataReader"]


@final
class DataReader:
    """Judges and reads plain data by one type.

    Attributes:
        validator: What judges.
    """

    def __init__(self, gtype: GType) -> None:
        self.validator = compile_validator(gtype)
        self._normalise = compile_normaliser(gtype, prune=True)
        self._read_texts = compile_strings(gtype, self.validator, self.read)

    def read(self, data: object) -> object:
        """Return *data* without unknown members and with recorded defaults, in parts the same object.

        Raises:
            InvalidValueError: It is not valid.
        """
        faults = self.validator.faults(data)
        if faults:
            raise InvalidValueError(faults)
        return self._normalise(data)

    def read_texts(self, texts: Mapping[str, list[str]]) -> object:
        """Return what *texts* by member name stand for, as in a query; raises as `read`."""
        return self._read_texts(texts)
