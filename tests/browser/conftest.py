"""A real Chromium on really running processes. Whatever a page asks of another machine, or says in the console, fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SLOWEST_ANSWER_MS = 30_000
"""Two cores may be busy with other tests; what is waited for usually comes at once."""

expect.set_options(timeout=SLOWEST_ANSWER_MS)
HERE = frozenset({"localhost", "127.0.0.1"})


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if request.config.getoption("--require-browser"):
            pytest.fail("no Chromium was found, and --require-browser was given")
        pytest.skip("browser tests did not run: no Chromium was found (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A context that notes what pages ask of other machines, and what they complain of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self._request(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in HERE:
            self.elsewhere.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def page(self) -> Page:
        return self.context.new_page()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open contexts; at the end no page may have complained, or asked another machine for anything."""
    opened: list[Watched] = []

    def open_context(**options: object) -> Watched:
        watched = Watched(browser.new_context(**{"viewport": {"width": 1180, "height": 860}} | options))  # type: ignore[arg-type]
        opened.append(watched)
        return watched

    yield open_context
    for watched in opened:
        watched.context.close()
        assert watched.elsewhere == []
        assert watched.complaints == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a screenshot when pictures were asked for."""
    directory: Path | None = request.config.getoption("--screenshots")

    def take(page: Page, name: str) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=directory / f"{name}.png")

    return take
