import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.context.addresses import host_of, with_port


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51044", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:db8::1:443", "2001:db8::1:443"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:51044", "2001:db8::7"),
        ("[fe80::1%eth0]:51044", "fe80::1%eth0"),
        ("::1", "::1"),
        ("", ""),
        ("unknown", "unknown"),
        ("[broken", "[broken"),
    ],
)
def test_host_of_an_address_is_without_port_and_brackets(address: str, host: str) -> None:
    assert host == host_of(address)


@given(st.ip_addresses().map(str), st.integers(0, 65535))
def test_host_of_an_address_with_port_is_that_which_it_was_made_from(host: str, port: int) -> None:
    assert host == host_of(with_port(host, port)) == host_of(host)
