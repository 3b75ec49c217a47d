import pytest

from perdure.context.origin import Origin
from perdure.context.principal import Principal
from perdure.rollout.clients import ClientNames
from tests.rollout.builds import asking


@pytest.mark.parametrize(
    ("peer", "address"),
    [("127.0.0.1:51044", "127.0.0.1"), ("[::1]:51044", "::1"), ("2001:db8::7", "2001:db8::7"),
     ("2001:db8::1:443", "2001:db8::1:443"), ("", "")],
)  # fmt: skip
def test_client_that_nothing_names_is_its_address_without_port(peer: str, address: str) -> None:
    exchange = asking()
    exchange.origin = Origin(peer, "http", "shop.example")
    assert address == ClientNames(None).client_of(exchange)


def test_client_is_the_address_unless_a_header_is_configured() -> None:
    exchange = asking("10.1.1.1", {"x-client-id": "ada"})
    assert "10.1.1.1" == ClientNames(None).client_of(exchange)
    assert "ada" == ClientNames("X-Client-ID").client_of(exchange)


@pytest.mark.parametrize("headers", [{}, {"x-client-id": ""}])
def test_client_without_the_header_is_its_address(headers: dict[str, str]) -> None:
    assert "10.1.1.1" == ClientNames("x-client-id").client_of(asking("10.1.1.1", headers))


def test_client_is_who_it_showed_to_be_wherever_it_calls_from() -> None:
    exchange = asking("10.1.1.1", {"x-client-id": "till 3"})
    exchange.principal = Principal(subject="ada", scheme="staff")
    assert "staff:ada" == ClientNames(None).client_of(exchange)
    assert "till 3" == ClientNames("x-client-id").client_of(exchange)


def test_client_that_calls_itself_very_long_names_is_cut() -> None:
    assert 128 == len(ClientNames("x").client_of(asking(headers={"x": "a" * 5000})))
