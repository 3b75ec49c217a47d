"""Who a request counts for."""

import pytest

from perdure.context.principal import Principal
from perdure.policy.clients import Clients, is_named
from tests.policy.exchanges import from_address, from_principal


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("203.0.113.7:51044", "@203.0.113.7"),
        ("203.0.113.7", "@203.0.113.7"),
        ("[2001:db8:1:2:3:4:5:6]:51044", "@2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", "@2001:db8:1:2::/64"),
        ("[::1]:51044", "@::/64"),
        ("[::ffff:203.0.113.7]:51044", "@203.0.113.7"),
        ("[fe80::1%eth0]:51044", "@fe80::/64"),
        ("", "@unix"),
        ("not:an:address", "@not:an:address"),
        ("[broken", "@[broken"),
    ],
)
def test_address_is_told_gives_key_without_port(client: str, expected: str) -> None:
    assert expected == Clients().address_key(from_address(client))


def test_ipv6_addresses_of_one_network_are_one_client() -> None:
    clients = Clients()
    keys = {clients.address_key(from_address(f"[2001:db8::{n:x}]:{n}")) for n in range(1, 200)}
    assert 1 == len(keys)


def test_ipv4_addresses_written_as_ipv6_stay_apart() -> None:
    clients = Clients()
    keys = {clients.address_key(from_address(f"[::ffff:203.0.113.{n}]:443")) for n in range(1, 200)}
    assert 199 == len(keys)


def test_principal_is_known_counts_by_name_wherever_it_is() -> None:
    ada = Principal(subject="ada", scheme="staff")
    clients = Clients()
    keys = {clients.client_key(from_principal(ada, f"192.0.2.{n}:1")) for n in range(9)}
    assert {"staff:ada"} == keys


def test_principal_is_unknown_counts_by_address() -> None:
    assert "@192.0.2.1" == Clients().client_key(from_address("192.0.2.1:9"))


def test_key_of_long_subject_is_short_and_its_own() -> None:
    clients = Clients()
    keys = {
        clients.client_key(from_principal(Principal(subject="a" * 8000 + tail, scheme="staff")))
        for tail in ("x", "y", "\ud800")
    }
    assert 3 == len(keys)
    assert all(len(key) <= 128 for key in keys)


def test_only_keys_of_principals_are_names() -> None:
    assert [True, False, False] == [is_named(key) for key in ("staff:ada", "@192.0.2.1", "@unix")]
