"""A real browser for tests of pages: Debian's Chromium, headless, cut off from every network but this machine's own.

It is driven from a thread of its own, because what drives it keeps an event loop running, and Django refuses to talk
to a database beside one. What can't be had is a failure with the name of the package, never a silent skip.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

T = TypeVar("T")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# WCAG 2.2 A and AA, and what axe's makers recommend beside.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ALONE = (
    "--no-sandbox",  # tests run as root in containers, where it cannot start
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
Media = Literal["screen", "print"]


@dataclass(frozen=True)
class Visit:
    """What a page did while it was open. violations: of axe, a line each. outside: what it asked for elsewhere."""

    violations: tuple[str, ...]
    console: tuple[str, ...]
    outside: tuple[str, ...]
    found: Any


class Window:
    """One browser. Its methods may be called from any thread, one at a time."""

    def __init__(self, browser: Browser, thread: ThreadPoolExecutor) -> None:
        self._browser, self._thread = browser, thread

    def visit(
        self,
        url: str,
        *,
        width: int = 1200,
        height: int = 900,
        media: Media = "screen",
        scheme: Literal["light", "dark"] = "light",
        axe: bool = True,
        before: Callable[[Page], object] | None = None,
        then: Callable[[Page], T] | None = None,
    ) -> Visit:
        """Open a page, do `before` with it, have axe look at it, do `then` with it, close it.

        What it asks for beyond its own origin (for a file: beyond itself) is not fetched and is told.
        """
        return self._thread.submit(self._visit, url, width, height, media, scheme, axe, before, then).result()

    def _visit(
        self,
        url: str,
        width: int,
        height: int,
        media: Media,
        scheme: Literal["light", "dark"],
        axe: bool,
        before: Callable[[Page], object] | None,
        then: Callable[[Page], T] | None,
    ) -> Visit:
        own = url if url.startswith("file:") else "/".join(url.split("/")[:3]) + "/"
        outside: list[str] = []
        said: list[str] = []

        def ask(route: Route, request: Request) -> None:
            if request.url.split("#")[0] == url.split("#")[0] or (own != url and request.url.startswith(own)):
                route.continue_()
            else:
                outside.append(request.url)
                route.abort()

        context = self._browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        try:
            context.route("**/*", ask)
            page = context.new_page()
            page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: said.append(f"error: {error}"))
            page.emulate_media(media=media)
            page.goto(url)
            if before is not None:
                before(page)
            violations: tuple[str, ...] = ()
            if axe:
                # Only violations in full: telling every node that passed takes most of the time.
                wanted = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
                seen = Axe().run(page, options=wanted).response
                if not seen["passes"]:
                    raise AssertionError(f"axe looked at nothing on {url}")
                violations = tuple(
                    f"{v['id']} ({v['help']}): {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
                    for v in seen["violations"]
                    for node in v["nodes"]
                )
            found = None if then is None else then(page)
        finally:
            context.close()
        return Visit(violations, tuple(said), tuple(outside), found)


def program() -> str:
    """Where the browser is. Fails the test where there is none: `make test` installs it where it may."""
    for name in PROGRAMS:
        if (found := shutil.which(name)) is not None:
            return found
    pytest.fail("no browser here: install Chromium (Debian: `apt-get install chromium`)", pytrace=False)


@contextmanager
def open_browser() -> Iterator[Window]:
    """A browser until the end of the block."""
    executable = program()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser") as thread:
        driver = thread.submit(lambda: sync_playwright().start()).result()
        try:
            browser = thread.submit(
                lambda: driver.chromium.launch(executable_path=executable, headless=True, args=list(_ALONE))
            ).result()
            try:
                yield Window(browser, thread)
            finally:
                thread.submit(browser.close).result()
        finally:
            thread.submit(driver.stop).result()


@pytest.fixture(scope="session")
def browser() -> Iterator[Window]:
    """One browser for all tests of this process: a conftest imports it from here."""
    with open_browser() as window:
        yield window
