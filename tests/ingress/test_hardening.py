"""Proxies, hosts, browsers: what is believed of a request, and what every answer says."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from perdure import Config
from perdure.config import CorsSettings, ProxySettings
from perdure.errors import ConfigError, MalformedRequestError
from perdure.ingress.proxies import TrustedProxies
from tests.ingress.conftest import Server

if TYPE_CHECKING:
    from tests.ingress.wire import Answer


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def hardened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # uvicorn rewrites the peer's address itself by what anybody sends, unless it is told not to.
    options = ("--no-proxy-headers",) if request.param == "uvicorn" else ()
    server = Server(request.param, "hardened:app", tmp_path_factory.mktemp("hardened"), *options)
    yield server
    server.stop()


def get(server: Server, target: str, *fields: str, host: str = "shop.example", method: str = "GET") -> "Answer":
    lines = "".join(f"{field}\r\n" for field in (f"Host: {host}", *fields))
    return server.ask(f"{method} {target} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ((), "127.0.0.1"),
        (("X-Forwarded-For: 203.0.113.7",), "203.0.113.7"),
        (("X-Forwarded-For: 198.51.100.1, 203.0.113.7",), "203.0.113.7"),
        (("X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.1.2.3",), "203.0.113.7"),
        (("X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.7"), "203.0.113.7"),
        (("X-Forwarded-For: 203.0.113.7, nonsense, 10.1.2.3",), "10.1.2.3"),
        (("X-Forwarded-For: 10.1.2.3, 10.1.2.4",), "10.1.2.3"),
        (("X-Forwarded-For: ",), "127.0.0.1"),
        (("Forwarded: for=203.0.113.7",), "127.0.0.1"),
        (("X-Forwarded-For: 2001:db8::7",), "2001:db8::7"),
    ],
)
def test_client_is_the_first_address_from_the_right_that_is_no_proxys(
    fields: tuple[str, ...], client: str, hardened: Server
) -> None:
    found = get(hardened, "/origin", *fields).json()["client"]
    assert client in {found, f"{found}:7"}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"])
@pytest.mark.parametrize("value", ["\xe9, 203.0.113.7", "203.0.113.7, \xff", "gr\xc3\xbcn"])
def test_what_a_proxy_tells_and_cannot_be_read_is_400(name: str, value: str, hardened: Server) -> None:
    known = () if name == "X-Forwarded-For" else ("X-Forwarded-For: 203.0.113.7",)
    assert 400 == get(hardened, "/origin", *known, f"{name}: {value}").status


def test_first_of_several_values_that_cannot_be_read_is_400(hardened: Server) -> None:
    assert 400 == get(hardened, "/origin", "X-Forwarded-For: \xe9", "X-Forwarded-For: 203.0.113.7").status


def test_family_that_is_not_read_may_hold_anything(hardened: Server) -> None:
    answer = get(hardened, "/origin", "Forwarded: \xe9", 'Forwarded: for="', "X-Forwarded-For: 203.0.113.7")
    assert "203.0.113.7" in {(found := answer.json()["client"]), f"{found}:7"}


def test_scheme_and_host_are_what_the_proxy_says(hardened: Server) -> None:
    answer = get(
        hardened, "/origin", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https",
        "X-Forwarded-Host: a.shops.example", host="inner.example",
    )  # fmt: skip
    told = answer.json()
    assert ("https", "a.shops.example") == (told["scheme"], told["host"])
    assert "max-age=3600" == answer.header("strict-transport-security")


def test_without_https_nobody_is_told_to_come_by_it(hardened: Server) -> None:
    assert get(hardened, "/origin").header("strict-transport-security") is None


@pytest.mark.parametrize("host", ["evil.example", "shops.example", "shop.example.evil.example", "xshop.example"])
def test_request_for_another_host_is_421(host: str, hardened: Server) -> None:
    assert 421 == get(hardened, "/origin", host=host).status


@pytest.mark.parametrize("host", ["shop.example", "SHOP.example:8443", "a.shops.example", "b.a.shops.example:1"])
def test_request_for_one_of_its_hosts_is_served(host: str, hardened: Server) -> None:
    assert 200 == get(hardened, "/origin", host=host).status


def test_forwarded_host_does_not_open_the_door_for_another(hardened: Server) -> None:
    fields = ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: evil.example")
    assert 421 == get(hardened, "/origin", *fields).status


def test_several_hosts_are_400_whatever_a_proxy_tells(hardened: Server) -> None:
    fields = ("Host: shop.example", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: a.shops.example")
    assert 400 == get(hardened, "/origin", *fields).status


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.9.8.7:8000", "evil.example", "", "a b", ".", "gr\xfcn"])
def test_health_is_told_whatever_host_is_asked(host: str, path: str, hardened: Server) -> None:
    assert 200 == get(hardened, path, host=host).status


def test_health_is_told_to_clients_that_name_no_host(hardened: Server) -> None:
    assert 200 == hardened.ask(b"GET /healthz HTTP/1.0\r\n\r\n").status


@pytest.mark.parametrize(("host", "status"), [("evil.example", 421), ("", 400), ("a b", 400), ("gr\xfcn", 400)])
@pytest.mark.parametrize("path", ["/docs", "/docs/docs.css", "/openapi.json", "/nothing"])
def test_nothing_else_is_told(path: str, host: str, status: int, hardened: Server) -> None:
    assert status == get(hardened, path, host=host).status


def test_preflight_for_another_host_is_421(hardened: Server) -> None:
    fields = ("Origin: https://page.example", "Access-Control-Request-Method: GET")
    assert 421 == get(hardened, "/origin", *fields, host="evil.example", method="OPTIONS").status


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://evil.example/origin", "shop.example", 421),
        ("http://shop.example/origin", "evil.example", 200),
        ("HTTP://SHOP.example:80/origin?a=1", "evil.example", 200),
        ("http://user@shop.example/origin", "shop.example", 400),
        ("http://evil.example/healthz", "shop.example", 200),
        ("http://shop.example", "shop.example", 404),
    ],
)
def test_host_in_the_target_goes_before_the_header(target: str, host: str, status: int, hardened: Server) -> None:
    assert status == get(hardened, target, host=host).status


def test_handler_reads_the_host_of_the_target(hardened: Server) -> None:
    assert "shop.example:81" == get(hardened, "http://shop.example:81/origin", host="b.shops.example").json()["host"]


@pytest.mark.parametrize(
    "host",
    ["a b", "a/b", "user@shop.example", "shop.example:port", "<script>", "", ".", ".a.example", "a..b", "gr\xfcn"],
)
def test_malformed_host_is_400(host: str, server: Server) -> None:
    assert 400 == get(server, "/items/a", host=host).status


def test_two_hosts_are_400(server: Server) -> None:
    assert 400 == server.ask(b"GET /items/a HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n").status


def test_no_host_is_400(server: Server) -> None:
    assert 400 == server.ask(b"GET /items/a HTTP/1.1\r\nAccept: */*\r\n\r\n").status


def test_what_every_answer_says_yields_to_the_handler(hardened: Server) -> None:
    plain, own, missing = (get(hardened, target) for target in ("/origin", "/framed", "/nothing"))
    assert ["DENY", "SAMEORIGIN", "DENY"] == [each.header("x-frame-options") for each in (plain, own, missing)]
    assert ["nosniff"] * 3 == [each.header("x-content-type-options") for each in (plain, own, missing)]


def test_too_long_target_is_414_and_too_many_parameters_400(hardened: Server) -> None:
    assert 414 == get(hardened, f"/origin?a={'x' * 200}").status
    assert (200, 400) == (get(hardened, "/origin?a&b&c").status, get(hardened, "/origin?a&b&c&d").status)


@pytest.mark.parametrize("origin", ["https://page.example", "https://a.pages.example"])
def test_page_of_a_known_origin_may_read_the_answer(origin: str, hardened: Server) -> None:
    answer = get(hardened, "/origin", f"Origin: {origin}")
    assert (origin, "true", "Origin") == tuple(
        answer.header(name) for name in ("access-control-allow-origin", "access-control-allow-credentials", "vary")
    )
    assert "API-Version" in str(answer.header("access-control-expose-headers"))


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://page.example", "https://page.example.evil", "https://pages.example", "null",
     "https://page.example:444", "https://user@a.pages.example", "https://evil/.pages.example"],
)  # fmt: skip
def test_page_of_another_origin_may_not(origin: str, hardened: Server) -> None:
    answer = get(hardened, "/origin", f"Origin: {origin}")
    assert (200, None) == (answer.status, answer.header("access-control-allow-origin"))
    assert "Origin" == answer.header("vary")


def test_problem_can_be_read_by_the_page_too(hardened: Server) -> None:
    answer = get(hardened, "/nothing", "Origin: https://page.example")
    assert (404, "https://page.example") == (answer.status, answer.header("access-control-allow-origin"))


def test_preflight_names_methods_and_headers(hardened: Server) -> None:
    answer = get(
        hardened, "/origin", "Origin: https://page.example", "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: api-version", method="OPTIONS",
    )  # fmt: skip
    assert 204 == answer.status
    assert "GET, HEAD, OPTIONS" == answer.header("access-control-allow-methods")
    assert "API-Version" in str(answer.header("access-control-allow-headers"))
    assert "600" == answer.header("access-control-max-age")
    assert "https://page.example" == answer.header("access-control-allow-origin")


def test_preflight_of_a_known_origin_is_answered_by_the_routes_own_settings_alone(hardened: Server) -> None:
    fields = ("Origin: https://page.example", "Access-Control-Request-Method: GET")
    answer = get(hardened, "/open", *fields, method="OPTIONS")
    assert ["*"] == [value for name, value in answer.headers if name == "access-control-allow-origin"]


def test_preflight_from_another_origin_is_told_nothing(hardened: Server) -> None:
    answer = get(
        hardened, "/origin", "Origin: https://evil.example", "Access-Control-Request-Method: GET", method="OPTIONS"
    )
    assert (204, None) == (answer.status, answer.header("access-control-allow-origin"))


def test_route_has_origins_of_its_own(hardened: Server) -> None:
    assert "*" == get(hardened, "/open", "Origin: https://any.example").header("access-control-allow-origin")
    for method, allowed in (("GET", "*"), ("POST", None)):
        fields = ("Origin: https://any.example", f"Access-Control-Request-Method: {method}")
        assert allowed == get(hardened, "/open", *fields, method="OPTIONS").header("access-control-allow-origin")


def test_without_settings_a_browser_is_told_nothing(server: Server) -> None:
    answer = server.get("/items/a", "Origin: https://page.example")
    assert (None, None) == (answer.header("access-control-allow-origin"), answer.header("vary"))


class Sent:
    """The part of an exchange that proxies matter to."""

    origin = None
    scheme = "http"
    host = "inner.example"

    def __init__(self, peer: str, **fields: str) -> None:
        self.peer = peer
        self._fields = {name.replace("_", "-"): value for name, value in fields.items()}

    def header_values(self, name: str) -> list[str]:
        value = self._fields.get(name)
        return [] if value is None else [value]

    def has_unreadable(self, name: str) -> bool:
        return not self._fields.get(name, "").isascii()


def origin_of(trusted: tuple[str, ...], sent: Sent, **settings: str) -> tuple[str, str, str] | None:
    proxies = TrustedProxies(ProxySettings(trusted=trusted, **settings))  # type: ignore[arg-type]
    found = proxies.origin_of(sent)  # type: ignore[arg-type]
    return None if found is None else (found.client, found.scheme, found.host)


@pytest.mark.parametrize("peer", ["203.0.113.9:1", "[2001:db8::1]:4", "11.0.0.1:80", ""])
def test_peer_that_is_not_trusted_changes_nothing(peer: str) -> None:
    assert origin_of(("10.0.0.0/8", "::1"), Sent(peer, x_forwarded_for="198.51.100.1")) is None


@pytest.mark.parametrize("peer", ["10.2.3.4:80", "[::ffff:10.2.3.4]:80", "[::1]:9"])
def test_peer_that_is_trusted_is_believed(peer: str) -> None:
    sent = Sent(peer, x_forwarded_for="198.51.100.1:4711")
    assert ("198.51.100.1:4711", "http", "inner.example") == origin_of(("10.0.0.0/8", "::1"), sent)


def test_unix_socket_is_trusted_only_by_name() -> None:
    sent = Sent("", x_forwarded_for="198.51.100.1")
    assert origin_of(("127.0.0.1",), sent) is None
    assert ("198.51.100.1", "http", "inner.example") == origin_of(("unix",), sent)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("for=203.0.113.7;proto=https;host=shop.example", ("203.0.113.7", "https", "shop.example")),
        ("For=\"[2001:db8::7]:4711\"; Proto=HTTPS", ("[2001:db8::7]:4711", "https", "inner.example")),
        ("for=198.51.100.1, for=203.0.113.7;by=10.0.0.1, for=10.0.0.2", ("203.0.113.7", "http", "inner.example")),
        ("for=198.51.100.1;proto=https, for=10.0.0.2;proto=http", ("198.51.100.1", "https", "inner.example")),
        ("for=unknown", None),
        ("for=_hidden, for=10.0.0.2", ("10.0.0.2", "http", "inner.example")),
        ("for=198.51.100.1, for=203.0.113.7; ", ("203.0.113.7", "http", "inner.example")),
        (", ;;for=203.0.113.7;;proto=https ,", ("203.0.113.7", "https", "inner.example")),
        ("for=203.0.113.7;host=\"a b\"", ("203.0.113.7", "http", "inner.example")),
        ("", None),
    ],
)  # fmt: skip
def test_standard_header_is_read_as_the_rfc_says(value: str, found: tuple[str, str, str] | None) -> None:
    assert found == origin_of(("10.0.0.0/8",), Sent("10.0.0.1:2", forwarded=value), header="forwarded")


@pytest.mark.parametrize(
    "value",
    ["for=\"203.0.113.7", "nonsense", "for=\", for=203.0.113.7", "a, for=203.0.113.7", "for=203.0.113.7;=",
     "for=a b, for=203.0.113.7", "x=\", for=\"[2001:db8::7]\"", "\xe9, for=203.0.113.7", " " * 100_000 + "a"],
)  # fmt: skip
def test_standard_header_that_is_malformed_is_refused(value: str) -> None:
    with pytest.raises(MalformedRequestError, match="forwarded"):
        origin_of(("10.0.0.0/8",), Sent("10.0.0.1:2", forwarded=value), header="forwarded")


def test_peer_that_is_not_trusted_may_send_anything() -> None:
    assert origin_of(("10.0.0.0/8",), Sent("11.0.0.1:2", forwarded="\xe9"), header="forwarded") is None


def test_schemes_told_per_hop_belong_to_their_hop() -> None:
    sent = Sent("10.0.0.1:2", x_forwarded_for="203.0.113.7, 10.0.0.2", x_forwarded_proto="https, http")
    assert ("203.0.113.7", "https", "inner.example") == origin_of(("10.0.0.0/8",), sent)


@pytest.mark.parametrize("trusted", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", ""])
def test_what_is_no_address_cannot_be_trusted(trusted: str) -> None:
    with pytest.raises(ConfigError, match=r"proxies\.trusted"):
        ProxySettings(trusted=(trusted,))


@pytest.mark.parametrize(
    "host", ["https://shop.example", "shop example", "*", "a.*.example", "*.", "*..example", "shop.example:80", ""]
)
def test_what_is_no_host_cannot_be_answered_for(host: str) -> None:
    with pytest.raises(ConfigError, match="hosts"):
        Config(hosts=(host,))


@pytest.mark.parametrize(
    "settings",
    [{"origins": ()}, {"origins": ("page.example",)}, {"origins": ("https://page.example/",)},
     {"origins": ("*",), "credentials": True}, {"origins": ("https://a.example",), "max_age_s": 0}],
)  # fmt: skip
def test_cors_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CorsSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"x-a": "a\r\nb: c"}, {"x-a": "ü"}])
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="response_headers"):
        Config(response_headers=headers)
