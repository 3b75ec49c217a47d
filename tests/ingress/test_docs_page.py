"""The page of ``/docs`` in a browser."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import Server, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

SHOP = Path(__file__).parents[2] / "examples" / "shop"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium: the system's, else the one Playwright installed."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            path = CHROMIUM if CHROMIUM.exists() else None
            found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.skip(f"NO BROWSER: the page of /docs is not looked at; run 'playwright install chromium' ({error})")
        yield found
        found.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shop")
    with serve(SHOP / "app.py", log=folder / "log", env={"SHOP_DB": str(folder / "shop.db")}) as server:
        yield server


class Watched:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._listen(message.type, message.text))

    def _listen(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Deprecated: "):  # what the policy forbids is one
            self.complaints.append(text)

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector(".opblock")

    @property
    def urls(self) -> list[str]:
        """What was asked for, in order."""
        return [request.url for request in self.requests]

    def versions_asked_for(self, path: str) -> list[str]:
        """Return the version that each request for *path* names in its header."""
        paths = ((request.url.split("?")[0], request) for request in self.requests)
        return [request.headers["api-version"] for url, request in paths if url.endswith(path)]


@pytest.fixture
def watched(browser: "Browser", request: pytest.FixtureRequest) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    found = Watched(page)
    yield found
    screenshots = os.environ.get("SCREENSHOTS")
    if screenshots is not None:
        page.screenshot(path=Path(screenshots) / f"{request.node.name}.png", full_page=True)
    page.close()


def test_page_shows_versions_switches_them_and_sends_the_one_chosen(watched: Watched, shop: Server) -> None:
    page = watched.page
    watched.open(f"{shop.url}/docs")
    labels = page.locator("#version option").all_inner_texts()
    assert ["v3.0.0 · 2026-02-10 (latest, stable)", "v2.0.0 · 2025-06-01", "v1.0.0 · 2025-01-15"] == labels
    assert page.locator("#operations-orders-cancel_order .opblock-summary-method").all_inner_texts() == ["POST"]

    page.select_option("#version", "2025-01-15")
    page.wait_for_selector(".title:has-text('v1.0.0')")
    assert f"{shop.url}/docs?version=v1.0.0" == page.url
    assert page.locator("#operations-orders-cancel_order .opblock-summary-method").all_inner_texts() == ["DELETE"]

    block = page.locator("#operations-products-get_product")
    block.locator(".opblock-summary").click()
    block.locator(".try-out__btn").click()
    block.locator("tr[data-param-name='sku'] input").fill("tea-earl-grey")
    block.locator(".execute").click()
    answer = block.locator(".live-responses-table tbody .response-col_description").inner_text()
    assert re.search(r'"price": [0-9]', answer), "the price is no number, as it was in v1.0.0"
    assert "api-version: 2025-01-15" in answer

    assert ["2026-02-10", "2025-01-15"] == watched.versions_asked_for("/openapi.json")
    assert ["2025-01-15"] == watched.versions_asked_for("/products/tea-earl-grey")
    assert [] == [url for url in watched.urls if not url.startswith((f"{shop.url}/", "data:"))]
    assert [] == watched.complaints


def test_link_to_a_version_shows_it_whatever_else_is_in_the_url(watched: Watched, shop: Server) -> None:
    elsewhere = "https://example.com/evil.json"
    watched.open(f"{shop.url}/docs?version=v2.0.0&url={elsewhere}&configUrl={elsewhere}#/orders/cancel_order")
    page = watched.page
    assert "2025-06-01" == page.input_value("#version")
    assert "v2.0.0" in page.inner_text(".info .title")
    page.wait_for_selector("#operations-orders-cancel_order.is-open")
    assert page.locator("#document").get_attribute("href") == f"{shop.url}/openapi.json?version=2025-06-01"
    assert [] == [url for url in watched.urls if not url.startswith((f"{shop.url}/", "data:"))]
    assert [] == watched.complaints


def test_page_behind_a_prefix_of_a_proxy_finds_everything(watched: Watched, shop: Server) -> None:
    page = watched.page

    def take_off_prefix(route: "Route") -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/shop/v/", "/", 1)))

    page.route(f"{shop.url}/shop/v/**", take_off_prefix)
    watched.open(f"{shop.url}/shop/v/docs")
    block = page.locator("#operations-products-list_products")
    block.locator(".opblock-summary").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    assert "apron-linen" in block.locator(".live-responses-table tbody .response-col_description").inner_text()
    assert ["2026-02-10"] == watched.versions_asked_for("/shop/v/products")
    outside = [url for url in watched.urls if not url.startswith((f"{shop.url}/shop/v/", "data:"))]
    assert [] == outside
    assert [] == watched.complaints


def test_title_of_an_app_cannot_run_in_the_page(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        'from perdure import App\napp = App("<script>alert(1)</script><img src=x onerror=alert(1)>")\n'
        '@app.get("/x")\nasync def x() -> int:\n    "<img src=x onerror=alert(1)> [a](javascript:alert(1))"\n'
        "    return 1\n"
    )
    with serve(tmp_path / "app.py", log=tmp_path / "log") as server:
        watched.page.on("dialog", lambda dialog: watched.complaints.append(dialog.message))
        watched.open(f"{server.url}/docs?version=v9%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        assert "no version answers to" in watched.page.inner_text(".notice")
        watched.page.locator(".opblock-summary").click()
        watched.page.wait_for_selector(".opblock.is-open")
        assert watched.page.is_hidden("#version")
        assert "<img" in watched.page.inner_text("header h1")
        assert [] == [url for url in watched.urls if not url.startswith((f"{server.url}/", "data:"))]
        assert [] == [complaint for complaint in watched.complaints if complaint == "1"]
