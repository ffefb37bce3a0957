"""Photos on the order's page and on the event's."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.buying import place_order
from tests.photos import pictures
from tests.photos.making import Visit, visit
from tests.storefront.conftest import NewBrowser, NewEvent
from tests.storefront.reading import field, text_of
from ticketing.accounts.http import COOKIES
from ticketing.accounts.rules import Audience
from ticketing.foundation.db import Role
from ticketing.orders import service as orders
from ticketing.photos import moderation
from ticketing.photos.rules import MOST_BYTES, MOST_FORM_BYTES, MOST_PER_EVENT, PhotoState


class Visitor:
    """Somebody who was at an event, before the order's page."""

    def __init__(self, app: FastAPI, browser: TestClient) -> None:
        self.app, self.browser = app, browser
        self.visit: Visit = visit(app)
        browser.cookies.set(COOKIES[Audience.SHOP], self.visit.token)
        with app.state.database.transaction() as session:
            (self.order,) = orders.list_orders(session, buyer_id=self.visit.user_id)
        self.path = f"/orders/{self.order.id}"

    def send(self, data: bytes) -> str:
        """Through the page's own form; the text of the page that follows."""
        page = self.browser.get(self.path)
        form = {"event_id": field(page, "event_id", within=f'action="{self.path}/photos"')}
        answer = self.browser.post(f"{self.path}/photos", data=form, files={"image": ("a.jpg", data)})
        if answer.status_code == 303:
            assert answer.headers["location"] == f"{self.path}#photos"
            answer = self.browser.get(self.path)
        return text_of(answer)

    def photos(self) -> list[str]:
        return re.findall(r'<img src="(/api/images/[^"]+)"', self.browser.get(self.path).text)

    def decide(self, address: str, to: PhotoState) -> None:
        vendor = self.order.vendor_id
        with self.app.state.database.transaction(Role.VENDOR, vendor_ids=[vendor]) as session:
            moderation.decide_photo(
                session, vendor_ids=[vendor], photo_id=UUID(address.rpartition("/")[2]), to=to, actor_id=vendor, now=self.order.placed_at
            )


@pytest.fixture
def visitor(app: FastAPI, browser: TestClient) -> Visitor:
    return Visitor(app, browser)


def test_a_photo_is_sent_shown_when_approved_and_deleted(visitor: Visitor, new_browser: NewBrowser) -> None:
    event_page = f"/events/{visitor.visit.event_id}"
    assert "Waiting for the organiser" in visitor.send(pictures.jpeg())
    (address,) = visitor.photos()
    assert visitor.browser.get(address).headers["content-type"] == "image/webp"
    assert "Photos from visitors" not in new_browser().get(event_page).text
    visitor.decide(address, PhotoState.APPROVED)
    assert "Shown to everybody" in text_of(visitor.browser.get(visitor.path))
    shown = new_browser().get(event_page)
    assert f'<img src="{address}"' in shown.text
    assert "<script" not in shown.text
    photo = address.rpartition("/")[2]
    assert visitor.browser.post(f"{visitor.path}/photos/{photo}/delete").status_code == 303
    assert visitor.photos() == []
    assert "Photos from visitors" not in new_browser().get(event_page).text
    assert new_browser().get(address).status_code == 404


def test_a_rejected_photo_is_not_shown(visitor: Visitor, new_browser: NewBrowser) -> None:
    visitor.send(pictures.jpeg())
    visitor.decide(visitor.photos()[0], PhotoState.REJECTED)
    assert "Not shown" in text_of(visitor.browser.get(visitor.path))
    assert "Photos from visitors" not in new_browser().get(f"/events/{visitor.visit.event_id}").text


def test_a_file_that_is_no_photo_is_explained_on_a_page(visitor: Visitor) -> None:
    assert "Photos are PNG, JPEG or WebP files." in visitor.send(b"GIF89a")
    assert "A photo has at most 5 MB." in visitor.send(pictures.jpeg() + bytes(MOST_BYTES))
    assert "A photo has at most 5 MB here." in visitor.send(bytes(MOST_FORM_BYTES))
    answer = visitor.browser.post(f"{visitor.path}/photos", data={"event_id": "x"}, files={"image": ("a.jpg", b"x")})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert visitor.browser.post(f"{visitor.path}/photos", data={"event_id": "x"}).status_code == 415
    many = [("image", ("a.jpg", b"x"))] * 3
    assert "The form could not be read" in text_of(visitor.browser.post(f"{visitor.path}/photos", files=many))
    chunks = (b"x" * 65_536 for _ in range(200))
    answer = visitor.browser.post(f"{visitor.path}/photos", content=chunks, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, "larger than this page takes" in answer.text) == (413, True)
    assert visitor.photos() == []


def test_the_form_ends_with_the_last_photo_that_may_be_sent(visitor: Visitor) -> None:
    for _ in range(MOST_PER_EVENT):
        visitor.send(pictures.png(16, 16))
    page = visitor.browser.get(visitor.path)
    assert 'type="file"' not in page.text
    assert "delete one to send another" in text_of(page)


def test_nobody_sends_before_the_event_or_for_somebody_else(visitor: Visitor, new_browser: NewBrowser, new_event: NewEvent) -> None:
    sale = new_event()
    coming = place_order(visitor.app.state.booking, sale, visitor.visit.user_id, places=1)
    assert 'type="file"' not in visitor.browser.get(f"/orders/{coming.id}").text
    form = {"event_id": str(sale.event.id)}
    answer = visitor.browser.post(f"/orders/{coming.id}/photos", data=form, files={"image": ("a.jpg", pictures.jpeg())})
    assert answer.status_code == 403
    visitor.send(pictures.jpeg())
    photo = visitor.photos()[0].rpartition("/")[2]
    stranger = new_browser()
    assert stranger.post(f"{visitor.path}/photos", files={"image": ("a.jpg", pictures.jpeg())}).headers["location"] == "/sign-in"
    stranger.cookies.set(COOKIES[Audience.SHOP], visit(visitor.app).token)
    assert stranger.post(f"{visitor.path}/photos/{photo}/delete").status_code == 404
    assert len(visitor.photos()) == 1


def test_another_sites_form_sends_nothing(visitor: Visitor) -> None:
    form = {"event_id": str(visitor.visit.event_id)}
    file = {"image": ("a.jpg", pictures.jpeg())}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert visitor.browser.post(f"{visitor.path}/photos", data=form, files=file, headers=headers).status_code == 403
    assert visitor.photos() == []


def test_older_photos_are_a_page_away(visitor: Visitor, new_browser: NewBrowser) -> None:
    visitor.send(pictures.png(16, 16))
    (address,) = visitor.photos()
    visitor.decide(address, PhotoState.APPROVED)
    database = visitor.app.state.database
    with database.transaction(Role.OWNER) as session:
        columns = "vendor_id, event_id, user_id, state, width, height, file_bytes, decided_at, decided_by_id"
        copy = f"insert into photo (id, {columns}) select gen_random_uuid(), {columns} from photo where id = :id"
        for _ in range(25):
            session.execute(text(copy), {"id": address.rpartition("/")[2]})
    seen: set[str] = set()
    browser, path = new_browser(), f"/events/{visitor.visit.event_id}"
    first = browser.get(path)
    older = re.search(r'href="(/events/[^"]+photos_before=[^"#]+)#photos"', first.text)
    assert older is not None
    for page in (first, browser.get(older[1])):
        seen |= set(re.findall(r'<img src="(/api/images/[^"]+)"', page.text))
    assert len(seen) == 26
