"""Reading pages as a person would: text, forms, fields."""

from __future__ import annotations

import re
from html import unescape
from uuid import UUID

from httpx import Response
from starlette.testclient import TestClient

from tests.factories import OnSale


def text_of(answer: Response) -> str:
    """What is to be read on a page, tags and line breaks removed."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def field(answer: Response, name: str, within: str = "") -> str:
    """The value of a form's hidden field; `within` is text of the form's tag."""
    page = answer.text[answer.text.index(within) :]
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match is not None, f"no field {name}"
    return match[1]


def section_of(browser: TestClient, sale: OnSale) -> str:
    """The address of the event's seats."""
    match = re.search(rf"/events/{sale.event.id}/sections/[0-9a-f-]+", browser.get(f"/events/{sale.event.id}").text)
    assert match is not None
    return match[0]


def hold_form(browser: TestClient, sale: OnSale, seats: list[int]) -> dict[str, str | list[str]]:
    """What the seat page's form sends when these seats are chosen."""
    page = browser.get(section_of(browser, sale))
    return {"key": field(page, "key"), "section": field(page, "section"), "category": "", "seat": [str(seat) for seat in seats]}


def hold(browser: TestClient, sale: OnSale, seats: list[int]) -> str:
    """Hold seats; returns the address of the checkout."""
    answer = browser.post(f"/events/{sale.event.id}/hold", data=hold_form(browser, sale, seats))
    assert answer.status_code == 303, text_of(answer)
    assert answer.headers["location"].startswith("/checkout/")
    return str(answer.headers["location"])


def order_page(browser: TestClient, checkout: str) -> str:
    """Pay as a guest up to the provider's page; returns the address of the order."""
    key = field(browser.get(checkout), "key", f'action="{checkout}"')
    answer = browser.post(checkout, data={"key": key, "name": "Ada", "email": "ada@example.org"})
    assert answer.status_code == 303, text_of(answer)
    return str(browser.get(checkout).headers["location"])


def id_in(address: str) -> UUID:
    return UUID(address.rpartition("/")[2])
