"""What API keys look like."""

import hashlib
import pickle
import re
import string

import pytest

from perdure.identity.api_keys_text import digest_of, id_of, new_key

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY = new_key().text.reveal()


def counting(size: int) -> bytes:
    return bytes(range(1, size + 1))


def test_key_has_the_form_that_scanners_look_for() -> None:
    key = new_key()
    found = re.fullmatch("pdk_([0-9a-z]{8})_[0-9A-Za-z]{49}", key.text.reveal())
    assert found is not None
    assert key.id == found[1] == id_of(key.text.reveal())


def test_key_holds_all_256_bits_that_were_drawn() -> None:
    digits = new_key(counting).text.reveal()[13:56]
    number = 0
    for digit in digits:
        number = number * 62 + BASE62.index(digit)
    assert counting(32) == number.to_bytes(32)


@pytest.mark.parametrize("byte", [0, 255])
def test_key_of_extreme_bytes_has_the_same_length(byte: int) -> None:
    key = new_key(lambda size: bytes([byte]) * size)
    assert 62 == len(key.text.reveal())
    assert key.id == id_of(key.text.reveal())


def test_digest_is_the_sha_256_of_the_whole_key() -> None:
    key = new_key()
    assert hashlib.sha256(key.text.reveal().encode()).hexdigest() == key.digest == digest_of(key.text.reveal()).hex()


def test_keys_never_repeat() -> None:
    drawn = [new_key() for _ in range(1000)]
    assert 1000 == len({key.text.reveal()[13:] for key in drawn}) == len({key.digest for key in drawn})


def test_new_key_shows_itself_only_when_asked() -> None:
    key = new_key()
    assert key.text.reveal()[13:] not in f"{key} {key!r} {key._asdict()}"
    with pytest.raises(TypeError, match="a Secret is not"):
        pickle.dumps(key)


def test_typo_anywhere_is_told_apart_without_asking_anybody() -> None:
    for place in range(len(KEY)):
        other = "z" if KEY[place] != "z" else "y"
        with pytest.raises(ValueError, match=r"it is no API key|has a typo") as told:
            id_of(KEY[:place] + other + KEY[place + 1 :])
        assert KEY[13:] not in str(told.value)
        if place and KEY[place] != KEY[place - 1]:
            with pytest.raises(ValueError, match=r"it is no API key|has a typo"):
                id_of(KEY[: place - 1] + KEY[place] + KEY[place - 1] + KEY[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "pdk_", KEY[:-1], KEY + "0", f" {KEY}", f"{KEY}\n", KEY.upper(), KEY.replace("_", "-"), KEY[4:],
        KEY * 2, f"Bearer {KEY}", "\ud800" * 62, "ü" * 62, "\0" * 62, "x" * 1_000_000, KEY[:13] + "\uff11" + KEY[14:],
    ],
)  # fmt: skip
def test_id_of_what_is_no_key_is_an_error_that_quotes_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it is no API key$"):
        id_of(text)
    assert 32 == len(digest_of(text)), "whatever a client sends can be compared"
