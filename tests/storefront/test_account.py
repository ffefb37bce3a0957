"""My account, in a browser."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.storefront.conftest import NewBrowser
from ticketing.storefront.view import program_name

PASSWORD = "correct horse battery"


@pytest.fixture
def ada(new_browser: NewBrowser) -> tuple[TestClient, str]:
    browser, email = new_browser(), f"{uuid4().hex}@example.org"
    assert browser.post("/register", data={"email": email, "password": PASSWORD, "name": "Ada"}).status_code == 303
    return browser, email


def test_account_page_needs_somebody_who_is_signed_in(browser: TestClient) -> None:
    for answer in (browser.get("/account"), browser.post("/account", data={"name": "x", "email": "x@example.org"})):
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_name_and_address_are_changed(ada: tuple[TestClient, str]) -> None:
    browser, email = ada
    assert browser.post("/account", data={"name": "Grace", "email": email}).status_code == 303
    page = browser.get("/account").text
    assert 'value="Grace"' in page
    assert email in page
    wrong = browser.post("/account", data={"name": "Grace", "email": "grace@example.com", "password": "wrong"})
    assert (wrong.status_code, "present password" in wrong.text) == (422, True)
    assert browser.post("/account", data={"name": "Grace", "email": "grace@example.com", "password": PASSWORD}).status_code == 303
    assert "A link is on its way to grace@example.com" in browser.get("/account").text


def test_preferences_are_changed(ada: tuple[TestClient, str]) -> None:
    browser, _ = ada
    hours = {"quiet": "yes", "start": "21:30", "end": "06:00", "zone": "Europe/Berlin"}
    assert browser.post("/account/preferences", data=hours).status_code == 303
    assert browser.get("/api/preferences").json() == {
        "channels": {"email": True, "push": True},
        "quiet_hours": {"start": "21:30", "end": "06:00", "zone": "Europe/Berlin"},
        "kinds": {"your_turn": False},
    }
    assert 'value="21:30"' in browser.get("/account").text
    assert browser.post("/account/preferences", data=hours | {"zone": "Mars"}).status_code == 422
    assert browser.post("/account/preferences", data={"kinds": "your_turn"}).status_code == 303
    assert browser.get("/api/preferences").json()["kinds"] == {"your_turn": True}


def test_another_session_is_ended(ada: tuple[TestClient, str], new_browser: NewBrowser) -> None:
    browser, email = ada
    other = new_browser()
    assert other.post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
    ends = re.findall(r'action="(/account/sessions/[\w-]+/end)"', browser.get("/account").text)
    assert len(ends) == 2
    assert browser.post(ends[0]).status_code == 303
    assert other.get("/account").headers["location"] == "/sign-in"
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
            "Safari on iPhone",
        ),
        ("python-httpx/0.28.1", "python-httpx"),
        (None, "Unknown program"),
    ],
)
def test_sessions_are_named_so_that_people_know_them(user_agent: str | None, name: str) -> None:
    assert program_name(user_agent) == name
