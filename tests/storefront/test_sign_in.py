"""Registering, signing in and out, the way to the dashboards."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.factories import unique
from tests.storefront.conftest import NewBrowser, NewEvent
from tests.storefront.reading import hold, text_of
from ticketing.accounts.rules import MemberRole
from ticketing.accounts.service import add_member
from ticketing.foundation.settings import Settings

PASSWORD = "correct horse battery"


def register(browser: TestClient, name: str = "Ada") -> str:
    email = f"{unique('ada')}@example.org"
    answer = browser.post("/register", data={"email": email, "password": PASSWORD, "name": name})
    assert answer.headers["location"] == "/"
    return email


def test_header_shows_who_is_signed_in_when_registered(browser: TestClient) -> None:
    register(browser, "Ada Lovelace")
    assert "Signed in as Ada Lovelace" in text_of(browser.get("/"))


def test_cookie_is_kept_from_scripts_and_other_sites_when_signed_in(new_browser: NewBrowser) -> None:
    email = register(new_browser())
    answer = new_browser().post("/sign-in", data={"email": email, "password": PASSWORD})
    assert answer.headers["location"] == "/orders"
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("ticketing_session=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie  # the installation's address is http://


def test_reason_is_given_and_address_kept_when_the_password_is_wrong(browser: TestClient, new_browser: NewBrowser) -> None:
    email = register(new_browser())
    answer = browser.post("/sign-in", data={"email": email, "password": "wrong password"})
    assert answer.status_code == 401
    assert "Address and password don't go together" in text_of(answer)
    assert f'value="{email}"' in answer.text
    assert "set-cookie" not in answer.headers


def test_registering_is_refused_when_the_address_is_taken_or_the_password_short(new_browser: NewBrowser) -> None:
    email = register(new_browser())
    taken = new_browser().post("/register", data={"email": email, "password": PASSWORD, "name": "Eve"})
    assert (taken.status_code, "sign in instead" in text_of(taken)) == (409, True)
    short = new_browser().post("/register", data={"email": "x@example.org", "password": "short", "name": "Eve"})
    assert (short.status_code, "12 to 128 characters" in text_of(short)) == (422, True)


def test_cookie_opens_nothing_when_signed_out(browser: TestClient) -> None:
    register(browser)
    token = browser.cookies["ticketing_session"]
    assert browser.post("/sign-out").headers["location"] == "/"
    browser.cookies.set("ticketing_session", token)
    assert browser.get("/orders").headers["location"] == "/sign-in"


def test_order_belongs_to_the_account_when_signed_in_before_holding(browser: TestClient, new_event: NewEvent) -> None:
    email = register(browser)
    assert f"Your tickets go to {email}" in text_of(browser.get(hold(browser, new_event(), [1])))


def test_desk_stays_shut_when_a_buyer_signs_in(browser: TestClient, new_browser: NewBrowser) -> None:
    email = register(new_browser())
    answer = browser.post("/sign-in", data={"email": email, "password": PASSWORD, "desk": "yes"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_member_is_sent_to_the_dashboards_only_when_the_form_names_another_place(
    app: FastAPI, settings: Settings, new_browser: NewBrowser, new_event: NewEvent
) -> None:
    email, member = register(owner := new_browser()), new_browser()
    vendor_id = new_event().vendor.id
    with app.state.database.transaction() as session:
        add_member(session, vendor_id=vendor_id, user_id=owner.get("/api/me").json()["user_id"], role=MemberRole.OWNER)
    form = {"email": email, "password": PASSWORD, "desk": "yes", "next": "http://elsewhere.example"}
    answer = member.post("/sign-in?for=desk&next=http://elsewhere.example", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, settings.desk_url)
    assert answer.headers["set-cookie"].startswith("ticketing_desk=")
    assert member.get("/orders").headers["location"] == "/sign-in"  # the desk's cookie opens the desk only
