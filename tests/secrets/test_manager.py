"""The Secrets Manager: who is asked, what is kept, who may read."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from perdure.clock import FakeClock
from perdure.config.secrets import SecretSettings
from perdure.context.secret import Secret
from perdure.errors import SecretMissingError, SecretUnavailableError
from perdure.secrets.manager import SecretsManager
from tests.secrets.fakes import FakeProvider, settle


class Kit:
    """A manager of two providers."""

    def __init__(self, settings: SecretSettings) -> None:
        self.clock = FakeClock()
        self.first = FakeProvider(self.clock, "first")
        self.second = FakeProvider(self.clock, "second")
        self.manager = SecretsManager([self.first, self.second], settings, self.clock)

    async def read(self, name: str = "it") -> str:
        return (await self.manager.read(name, "test")).reveal()

    async def wait(self, seconds: float) -> None:
        """Let time pass in eighths of a second, whose sums are exact."""
        for _ in range(int(seconds * 8)):
            self.clock.advance(0.125)
            await settle()


@pytest.fixture
def settings() -> SecretSettings:
    return SecretSettings(ttl_s=10.0, refresh_at=1.0)


@pytest.fixture
async def kit(settings: SecretSettings) -> AsyncIterator[Kit]:
    it = Kit(settings)
    async with it.manager:
        await settle()
        yield it


async def test_the_first_provider_that_has_it_counts(kit: Kit) -> None:
    kit.second.values["it"] = "second's"
    assert "second's" == await kit.read()
    kit.first.values["it"] = "first's"
    await kit.wait(10)
    assert "first's" == await kit.read()


async def test_a_provider_that_is_down_hides_those_after_it(kit: Kit) -> None:
    kit.second.values["it"] = "an old one"
    kit.first.go_down()
    with pytest.raises(SecretUnavailableError, match="first is down"):
        await kit.read()
    assert 0 == kit.second.count


async def test_what_nobody_has_is_missing_and_asked_for_again_soon(kit: Kit) -> None:
    for _ in range(3):
        with pytest.raises(SecretMissingError, match="no provider has the secret it; asked: first, second"):
            await kit.read()
    assert 1 == kit.first.count
    kit.second.values["it"] = "there now"
    await kit.wait(1)
    assert "there now" == await kit.read()


async def test_a_provider_that_is_down_is_not_asked_by_every_reader(kit: Kit) -> None:
    kit.first.go_down()
    for _ in range(5):
        with pytest.raises(SecretUnavailableError):
            await kit.read()
    assert 1 == kit.first.count
    await kit.wait(1)
    kit.first.fault = None
    kit.first.values["it"] = "back"
    assert "back" == await kit.read()


async def test_without_stale_s_a_value_ends_with_its_time(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    await kit.read()
    kit.first.go_down()
    await kit.wait(9.875)
    assert "value" == await kit.read()
    await kit.wait(0.125)
    with pytest.raises(SecretUnavailableError):
        await kit.read()


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=10.0, stale_s=5.0)])
async def test_with_stale_s_a_value_counts_on_while_its_provider_is_down(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    await kit.read()
    kit.first.go_down()
    await kit.wait(14.75)
    assert "value" == await kit.read()
    await kit.wait(0.25)
    with pytest.raises(SecretUnavailableError):
        await kit.read()


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=10.0, stale_s=1000.0)])
async def test_stale_s_does_not_keep_what_was_removed(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    await kit.read()
    kit.first.values.clear()
    await kit.wait(10)
    with pytest.raises(SecretMissingError):
        await kit.read()


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=10.0, stale_s=1000.0)])
async def test_a_stale_value_is_replaced_when_its_provider_is_back(kit: Kit) -> None:
    kit.first.values["it"] = "old"
    await kit.read()
    kit.first.go_down()
    await kit.wait(30)
    assert "old" == await kit.read()
    kit.first.fault = None
    kit.first.values["it"] = "new"
    await kit.wait(1)
    assert "new" == await kit.read()


async def test_many_readers_ask_once_and_one_that_gives_up_takes_nothing_from_the_others(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    kit.first.held = asyncio.Event()
    readers = [asyncio.create_task(kit.read()) for _ in range(50)]
    await settle()
    readers[0].cancel()
    await settle()
    kit.first.held.set()
    assert ["value"] * 49 == await asyncio.gather(*readers[1:])
    assert readers[0].cancelled()
    assert 1 == kit.first.count


async def test_when_all_readers_give_up_what_they_asked_for_is_there_for_the_next(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    kit.first.held = asyncio.Event()
    reader = asyncio.create_task(kit.read())
    await settle()
    reader.cancel()
    await settle()
    kit.first.held.set()
    await settle()
    assert "value" == await kit.read()
    assert 1 == kit.first.count


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=10.0)])
async def test_what_is_not_used_is_not_refreshed(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    await kit.read()
    await kit.wait(30)
    assert 1 == kit.first.count


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=10.0)])
async def test_a_refresh_that_fails_is_tried_again_while_the_old_value_counts(kit: Kit) -> None:
    kit.first.values["it"] = "old"
    await kit.read()
    await kit.read()
    kit.first.go_down()
    await kit.wait(9)
    assert "old" == await kit.read()
    kit.first.fault = None
    kit.first.values["it"] = "new"
    await kit.wait(0.625)
    assert "new" == await kit.read()


async def test_a_rotation_is_noticed_long_before_the_time_is_over(kit: Kit) -> None:
    kit.first.values["it"], kit.first.stamps["it"] = "old", 1
    assert "old" == await kit.read()
    kit.first.values["it"], kit.first.stamps["it"] = "new", 2
    await kit.wait(2)
    assert "new" == await kit.read()
    kit.first.values.clear()
    kit.first.stamps["it"] = 3
    await kit.wait(2)
    with pytest.raises(SecretMissingError):
        await kit.read()


@pytest.mark.parametrize("settings", [SecretSettings(ttl_s=1.0, timeout_s=0.05)])
async def test_a_provider_that_does_not_answer_is_given_up(kit: Kit) -> None:
    kit.first.held = asyncio.Event()
    with pytest.raises(SecretUnavailableError, match=r"first does not answer within 0\.05 s") as raised:
        await kit.read()
    assert raised.value.__cause__ is None


async def test_a_provider_that_breaks_is_unavailable_and_its_error_is_not_repeated(kit: Kit) -> None:
    kit.first.fault = RuntimeError("postgres://shop:hunter2@db")
    with pytest.raises(SecretUnavailableError, match="first failed with RuntimeError") as raised:
        await kit.read()
    assert "hunter2" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("value", ["", b""])
async def test_an_empty_secret_is_none_to_use_and_hides_later_providers(kit: Kit, value: str | bytes) -> None:
    kit.first.values["it"] = value
    kit.second.values["it"] = "something"
    with pytest.raises(SecretUnavailableError, match="it is empty"):
        await kit.read()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", ".env", "a b", "a\n", "a\x00", "é", "-x", "x" * 129, "%2e%2e", "a?b", "a#b"],
)
async def test_a_name_that_leads_elsewhere_is_missing_and_nobody_is_asked(kit: Kit, name: str) -> None:
    with pytest.raises(SecretMissingError, match="is no name of a secret"):
        await kit.read(name)
    assert 0 == kit.first.count


async def test_bytes_are_kept_as_they_are(kit: Kit) -> None:
    kit.first.values["it"] = b"\xff\n"
    assert b"\xff\n" == (await kit.manager.read("it", "test")).reveal_bytes()


async def test_after_its_end_nothing_is_given_and_it_can_begin_again() -> None:
    kit = Kit(SecretSettings())
    kit.first.values["it"] = "value"
    with pytest.raises(SecretUnavailableError, match="not running"):
        await kit.read()
    for _ in range(2):
        async with kit.manager:
            assert "value" == await kit.read()
        with pytest.raises(SecretUnavailableError, match="not running"):
            await kit.read()
    assert (2, False) == (kit.first.count, kit.first.is_running)


async def test_who_still_waits_at_the_end_is_told() -> None:
    kit = Kit(SecretSettings())
    kit.first.held = asyncio.Event()
    async with kit.manager:
        reader = asyncio.create_task(kit.read())
        await settle()
    with pytest.raises(SecretUnavailableError, match="the server stops"):
        await reader


async def test_every_access_is_audited(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.first.values["it"] = "hunter2"
    caplog.set_level(logging.INFO, "perdure.audit")
    await kit.manager.view_for("identity").get("it")
    await kit.manager.view().get("it")
    with pytest.raises(SecretMissingError):
        await kit.read("other\n")
    kit.first.go_down()
    with pytest.raises(SecretUnavailableError):
        await kit.read("third")
    facts = [
        (vars(each)["secret"], vars(each)["reader"], vars(each)["outcome"])
        for each in caplog.records
        if each.name == "perdure.audit"
    ]
    assert [
        ("it", "identity", "fetched"), ("it", "outside requests", "cached"), ("other\\n", "test", "missing"),
        ("third", "test", "unavailable"),
    ] == facts  # fmt: skip
    assert "hunter2" not in caplog.text


async def test_both_loops_of_a_program_that_has_two_are_served() -> None:
    kit = Kit(SecretSettings())
    kit.first.values["it"] = "value"
    kit.first.held = asyncio.Event()
    async with kit.manager:
        waiting = asyncio.create_task(kit.read())
        await settle()
        kit.first.held = None
        assert "value" == await asyncio.to_thread(lambda: asyncio.run(kit.read()))
        waiting.cancel()


async def test_a_secret_is_the_same_object_while_it_is_cached(kit: Kit) -> None:
    kit.first.values["it"] = "value"
    first, second = await kit.manager.read("it", "a"), await kit.manager.read("it", "b")
    assert first is second
    assert Secret("value") == first
