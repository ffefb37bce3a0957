"""What can be checked of accessibility without a rule engine: names, one heading, contrast, targets, reflow, in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.world import World, world

Watch = Callable[..., Watched]

NAMELESS = """
() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, [role=img], [role=grid], nav')].filter((element) => {
  const named = element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || element.textContent.trim();
  return !(named || element.labels?.length);
}).map((element) => element.outerHTML.slice(0, 120))
"""

LOW_CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const pixel = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (colour) => {
    const [r, g, b] = [...pixel(colour)].slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (pixel(colour)[3] === 255) return colour;
    }
    return 'Canvas';
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(element);
    if (!(own || element.matches('.seat')) || element.closest('.hero, .visually-hidden, .skip') || style.visibility === 'hidden') continue;
    const text = element.closest('svg') && !element.closest('foreignObject') ? style.fill : style.color;
    const [high, low] = [luminance(text), luminance(background(element))].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${element.outerHTML.slice(0, 90)} ${ratio.toFixed(2)}`);
  }
  return found;
}
"""

SMALL_TARGETS = """
() => [...document.querySelectorAll('button, .button, input:not([type=hidden]), select, nav a, .sections a')].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.height < 24 || box.width < 24;
}).map((element) => element.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=2, seats=200, buyers=1, processes=1) as running:
        yield running


def pages(page: Page, site: World) -> Iterator[str]:
    """Walks from the list to the checkout; yields at every page."""
    page.goto(site.shop)
    yield "list"
    page.goto(f"{site.shop}/?search=nothing+like+it")
    yield "empty list"
    page.goto(f"{site.shop}/sign-in")
    yield "sign-in"
    page.goto(f"{site.shop}/events/{site.events[0]}")
    yield "event"
    page.get_by_role("link", name="Stalls").click()
    page.locator("input[name=seat]").first.check()
    yield "seats"
    page.get_by_role("button", name="Hold these seats").click()
    page.get_by_role("heading", name="Checkout").wait_for()
    yield "checkout"
    page.goto(f"{site.shop}/account")
    yield "account"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_a_contrast_and_a_size_one_can_hit(site: World, watch: Watch, scheme: str) -> None:
    page = watch(color_scheme=scheme).page()
    for name in pages(page, site):
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(LOW_CONTRAST) == [], name
        assert page.evaluate(SMALL_TARGETS) == [], name
        assert page.locator("h1").count() == 1, name
        assert page.locator("main, html[lang]").count() == 2, name
        levels = page.evaluate("() => [...document.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]))")
        assert all(after - before <= 1 for before, after in pairwise(levels)), name


def test_the_measure_of_contrast_finds_pale_text(site: World, watch: Watch) -> None:
    page = watch().page()
    page.goto(site.shop)
    page.evaluate("() => { document.querySelector('h1').style.color = '#aaa'; }")
    assert any("<h1" in found for found in page.evaluate(LOW_CONTRAST))


def test_nothing_is_cut_off_when_the_screen_is_320_wide(site: World, watch: Watch) -> None:
    page = watch(viewport={"width": 320, "height": 640}).page()
    for name in pages(page, site):
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_the_focus_can_be_seen_wherever_it_goes(site: World, watch: Watch) -> None:
    page = watch().page()
    page.goto(f"{site.shop}/events/{site.events[0]}")
    for _ in range(6):
        page.keyboard.press("Tab")
        outline = page.evaluate("() => parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert outline >= 2, page.evaluate("document.activeElement.outerHTML")
