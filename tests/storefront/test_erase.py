"""My data and erasing my account, in a browser."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.buying import buy
from tests.storefront.conftest import NewBrowser, NewEvent
from tests.storefront.reading import text_of

PASSWORD = "correct horse battery"


@pytest.fixture
def ada(new_browser: NewBrowser) -> tuple[TestClient, str]:
    browser, email = new_browser(), f"{uuid4().hex}@example.org"
    assert browser.post("/register", data={"email": email, "password": PASSWORD, "name": "Ada"}).status_code == 303
    return browser, email


def test_my_data_is_downloaded_from_the_account_page(ada: tuple[TestClient, str]) -> None:
    browser, email = ada
    assert 'href="/account/data"' in browser.get("/account").text
    answer = browser.get("/account/data")
    assert "attachment" in answer.headers["content-disposition"]
    assert [row["value"] for row in answer.json()["data"]["accounts"]["user_contact"]["rows"]] == [email]


def test_account_is_erased_when_its_owner_is_sure(ada: tuple[TestClient, str], new_browser: NewBrowser) -> None:
    browser, email = ada
    assert 'href="/account/erase"' in browser.get("/account").text
    assert "no way back" in text_of(browser.get("/account/erase"))
    for wrong in ({}, {"sure": "yes", "password": "wrong password"}):
        assert browser.post("/account/erase", data=wrong).status_code == 422
    answer = browser.post("/account/erase", data={"sure": "yes", "password": PASSWORD})
    assert (answer.status_code, "You are erased" in answer.text) == (200, True)
    assert browser.get("/account").headers["location"] == "/sign-in"
    assert new_browser().post("/sign-in", data={"email": email, "password": PASSWORD}).status_code != 303


def test_tickets_to_come_stand_in_the_way_until_they_are_given_up(ada: tuple[TestClient, str], app: FastAPI, new_event: NewEvent) -> None:
    browser, _ = ada
    buy(app.state.booking, new_event(), browser.get("/api/me").json()["user_id"], seats=[0, 1])
    assert "2 tickets for events to come" in text_of(browser.get("/account/erase"))
    refused = browser.post("/account/erase", data={"sure": "yes"})
    assert (refused.status_code, "give them up" in text_of(refused)) == (409, True)
    assert "You are erased" in browser.post("/account/erase", data={"sure": "yes", "give_up": "yes"}).text


def test_data_and_erasing_need_somebody_who_is_signed_in(browser: TestClient) -> None:
    for answer in (browser.get("/account/data"), browser.get("/account/erase"), browser.post("/account/erase", data={"sure": "yes"})):
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
