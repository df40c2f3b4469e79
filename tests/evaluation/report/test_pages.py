"""The pages in a real browser, and as a program reads them: accessible, silent, whole on a phone and in print."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pages import parsed
from playwright.sync_api import Page

from browser import Media, Window
from counterseal.evaluation.report import Report

PAGES = ("report.html", "public.html")
WAYS: tuple[tuple[int, Media], ...] = ((1200, "screen"), (320, "screen"), (1200, "print"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "media"), WAYS)
def test_axe_finds_nothing_and_nothing_leaves(
    browser: Window, report: tuple[Path, Report], name: str, width: int, media: Media
) -> None:
    """WCAG 2.2 AA, with every folded table opened; no word on the console; no request but for the page itself."""

    visit = browser.visit(
        (report[0] / name).as_uri(), width=width, media=media, before=_open_all, then=_wider_than_the_window
    )

    assert visit.violations == ()
    assert visit.console == ()
    assert visit.outside == ()
    assert visit.found == 0, "something is wider than the window and cannot be scrolled in its own place"


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")


def _wider_than_the_window(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_dark_setting_leaves_everything_readable(browser: Window, report: tuple[Path, Report]) -> None:
    assert browser.visit((report[0] / "public.html").as_uri(), scheme="dark").violations == ()


def test_the_browser_would_see_a_fault(browser: Window, tmp_path: Path) -> None:
    """The tests above would fail: axe, the console and requests are really looked at."""
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><body><img src='https://elsewhere.example/x.png'><p style='color:#ddd'>pale</p>"
        "<script>console.log('said')</script></body></html>"
    )

    visit = browser.visit(page.as_uri())

    assert any("image-alt" in v for v in visit.violations)
    assert any("html-has-lang" in v for v in visit.violations)
    assert visit.outside == ("https://elsewhere.example/x.png",)
    assert any("said" in line for line in visit.console)


class TestByKeyboard:
    def test_the_first_stop_skips_to_the_content(self, browser: Window, report: tuple[Path, Report]) -> None:
        def press(page: Page) -> Any:
            page.keyboard.press("Tab")
            script = "(e => [e.textContent, e.getBoundingClientRect().x])(document.activeElement)"
            seen = page.evaluate(script)
            page.keyboard.press("Enter")
            return [*seen, page.evaluate("document.activeElement.id")]

        for name in PAGES:
            text, x, then = browser.visit((report[0] / name).as_uri(), axe=False, then=press).found

            assert text == "Skip to the content"
            assert x >= 0, "it is seen once it has the focus"
            assert then == "main"

    def test_what_scrolls_can_be_scrolled(self, browser: Window, report: tuple[Path, Report]) -> None:
        """On a phone tables and drawings scroll in their own place, and each can be reached."""
        script = """() => [...document.querySelectorAll('.scroll')]
            .filter(e => e.scrollWidth > e.clientWidth)
            .map(e => [e.tabIndex, e.getAttribute('role'),
                !!document.getElementById(e.getAttribute('aria-labelledby'))])"""
        found = browser.visit(
            (report[0] / "report.html").as_uri(), width=360, axe=False, then=_evaluate(script)
        ).found

        assert len(found) > 5
        assert all(each == [0, "group", True] for each in found)


def _evaluate(script: str) -> Callable[[Page], Any]:
    return lambda page: page.evaluate(script)


class TestAsAProgramReadsIt:
    @pytest.mark.parametrize("name", PAGES)
    def test_headings_are_in_order_and_ids_unique(self, report: tuple[Path, Report], name: str) -> None:
        page = parsed(report[1].files[name])
        levels = [int(tag[1]) for tag, _ in page.headings]
        ids = [given["id"] for _, given in page.tags if "id" in given]

        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))
        assert len(ids) == len(set(ids))
        assert all(text.strip() for _, text in page.headings)

    def test_every_table_has_a_caption_and_scopes(self, report: tuple[Path, Report]) -> None:
        page = parsed(report[1].files["report.html"])
        tables = sum(tag == "table" for tag, _ in page.tags)

        assert len(page.captions) == tables > 20
        assert all(page.captions)
        assert all("scope" in given for tag, given in page.tags if tag == "th")

    def test_every_drawing_is_told_in_words_with_a_table_behind_it(self, report: tuple[Path, Report]) -> None:
        text = report[1].files["report.html"].decode()
        drawings = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
        parts = re.split(r"<figure>", text)[1:]

        assert len(drawings) == len(parts) > 12
        assert all("<title id=" in d and "<desc id=" in d and 'role="img"' in d for d in drawings)
        # Threshold against FMR by group has its numbers in the table of that group's FMR before it.
        without = [p for p in parts if "<table>" not in p]
        assert len(without) == 1
        assert "Threshold against the false match rate" in without[0]

    @pytest.mark.parametrize("name", PAGES)
    def test_holds_no_script_no_link_outside_and_a_strict_policy(
        self, report: tuple[Path, Report], name: str
    ) -> None:
        page = parsed(report[1].files[name])
        policy = next(g["content"] for _, g in page.tags if g.get("http-equiv") == "Content-Security-Policy")
        targets = [
            v for _, given in page.tags for k, v in given.items() if k in ("href", "src", "action", "data")
        ]

        assert policy is not None
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert {tag for tag, _ in page.tags} & {
            "script",
            "link",
            "iframe",
            "object",
            "embed",
            "form",
            "img",
        } == set()
        assert all((t or "").startswith("#") for t in targets)
        assert all(not k.startswith("on") and k != "style" for _, given in page.tags for k in given)

    def test_every_link_inside_goes_somewhere(self, report: tuple[Path, Report]) -> None:
        for name in PAGES:
            page = parsed(report[1].files[name])
            ids = {given.get("id") for _, given in page.tags}
            links = [(given.get("href") or "")[1:] for tag, given in page.tags if tag == "a"]

            assert set(links) <= ids
            assert links


def test_the_style_is_let_through_by_the_policy(browser: Window, report: tuple[Path, Report]) -> None:
    """The hash in the policy is that of the style: the page is not bare."""
    for name in PAGES:
        seen = browser.visit(
            (report[0] / name).as_uri(),
            axe=False,
            then=_evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth"),
        )

        assert seen.found != "0px"
