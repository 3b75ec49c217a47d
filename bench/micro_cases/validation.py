"""Bodies in and out: the order every server in the first table decodes and encodes."""

import msgspec
from harness.scenarios import SCENARIOS
from structs import NewOrder, Order, place

from micro_cases.timing import Call
from perdure.gtype.codec import Codec, compile_codec
from perdure.gtype.registry import gtype_of

_RAW = SCENARIOS["post"].body


def _codec(of: type) -> Codec:
    return compile_codec(gtype_of(of), of, native=True)


def _order() -> Order:
    return place(msgspec.json.decode(_RAW, type=NewOrder))


def decode() -> Call:
    """Decode and validate a valid body."""
    decode_json = _codec(NewOrder).decode_json
    return lambda: decode_json(_RAW)


def decode_bare() -> Call:
    """Decode it by msgspec alone, to compare with."""
    decoder = msgspec.json.Decoder(NewOrder)
    return lambda: decoder.decode(_RAW)


def encode() -> Call:
    """Encode an answer."""
    encode_json, order = _codec(Order).encode_json, _order()
    return lambda: encode_json(order)


def check_response() -> Call:
    """Validate the bytes of an answer."""
    codec = _codec(Order)
    raw = codec.encode_json(_order())
    return lambda: codec.check_json(raw)
