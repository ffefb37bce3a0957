"""Photos over HTTP: who may send, see, decide and delete them."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest
from PIL import Image
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.photos import pictures
from tests.photos.conftest import Hall, Person, a_member
from ticketing.accounts.access_tokens import Access, Scope
from ticketing.accounts.rules import MemberRole, UserKind
from ticketing.accounts.tables import UserAccount
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Role
from ticketing.photos.rules import MOST_BYTES, MOST_FORM_BYTES, MOST_PER_EVENT


def test_a_photo_is_sent_approved_shown_and_deleted(hall: Hall) -> None:
    answer = hall.send(hall.guest, pictures.jpeg())
    photo = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/images/{photo['id']}")
    assert (photo["state"], photo["width"], photo["height"], photo["decided_at"]) == ("pending", 320, 240, None)
    assert (photo["event_id"], photo["event_title"]) == (str(hall.sale.event.id), "Evening concert")
    assert hall.files() == {f"{photo['id']}.webp"}
    assert hall.listed(f"/api/events/{photo['event_id']}/images") == []
    waiting = hall.listed(f"/api/vendors/{hall.sale.vendor.id}/images?state=pending", hall.moderator)
    assert waiting == hall.listed(f"/api/users/{hall.guest.id}/images", hall.guest) == [photo["id"]]

    approved = hall.decide(photo, "approve").json()
    assert (approved["state"], approved["decided_at"] is None) == ("approved", False)
    assert hall.ask("GET", f"/api/events/{photo['event_id']}/images").json() == {"images": [approved], "next_cursor": None}
    file = hall.ask("GET", photo["url"])
    assert (file.headers["content-type"], file.headers["x-content-type-options"]) == ("image/webp", "nosniff")
    assert Image.open(io.BytesIO(file.content)).size == (320, 240)

    assert hall.ask("DELETE", f"/api/users/{hall.guest.id}/images/{photo['id']}", hall.guest).status_code == 204
    assert hall.files() == set()
    problem(hall.ask("GET", photo["url"]), 404, "photo-not-found")
    assert hall.listed(f"/api/events/{photo['event_id']}/images") == []
    with hall.database.transaction() as session:
        told = text("select action, actor_id from audit_entry where subject_id = :photo order by id")
        actions = session.execute(told, {"photo": photo["id"]}).all()
    assert [(action, actor) for action, actor in actions] == [
        ("photo.sent", hall.guest.id),
        ("photo.approved", hall.moderator.id),
        ("photo.deleted", hall.guest.id),
    ]


def test_who_was_not_there_sends_nothing(hall: Hall) -> None:
    problem(hall.send(hall.stranger), 403, "event-not-attended")
    problem(hall.send(hall.guest, event_id=uuid4()), 403, "event-not-attended")
    with hall.database.transaction() as session:
        to_come = factories.make_event_on_sale(session)
    hall.ticket(hall.guest, to_come)
    problem(hall.send(hall.guest, event_id=to_come.event.id), 403, "event-not-attended")
    assert hall.files() == set()


@pytest.mark.parametrize(("state", "status"), [("valid", 201), ("used", 201), ("cancelled", 403), ("listed", 403)])
def test_a_ticket_counts_that_is_valid_or_was_used(hall: Hall, state: str, status: int) -> None:
    with hall.database.transaction(Role.OWNER) as session:
        session.execute(text("update ticket set state = :s where holder_id = :h"), {"s": state, "h": hall.guest.id})
    assert hall.send(hall.guest).status_code == status


@pytest.mark.parametrize("status", ["cancelled", "postponed"])
def test_an_event_that_did_not_take_place_has_no_photos(hall: Hall, status: str) -> None:
    with hall.database.transaction(Role.OWNER) as session:
        session.execute(text("update event set status = :s where id = :e"), {"s": status, "e": hall.sale.event.id})
    problem(hall.send(hall.guest), 403, "event-not-attended")


def test_what_a_claimed_guest_bought_counts(hall: Hall) -> None:
    account = hall.person()
    guest = hall.person(kind=UserKind.GUEST)
    sale = hall.past_event(guest)
    problem(hall.send(account, event_id=sale.event.id), 403, "event-not-attended")
    before = hall.sent(guest, event_id=sale.event.id)
    with hall.database.transaction() as session:
        session.get_one(UserAccount, guest.id).claimed_by_id = account.id
    photo = hall.sent(account, event_id=sale.event.id)
    assert hall.listed(f"/api/users/{account.id}/images", account) == [photo["id"], before["id"]]
    assert hall.ask("DELETE", f"/api/users/{account.id}/images/{before['id']}", account).status_code == 204


def test_nobody_acts_for_somebody_else(hall: Hall) -> None:
    photo = hall.sent()
    problem(hall.send(hall.stranger, to=hall.guest.id), 404, "user-not-found")
    problem(hall.ask("GET", f"/api/users/{hall.guest.id}/images", hall.stranger), 404, "user-not-found")
    problem(hall.ask("DELETE", f"/api/users/{hall.guest.id}/images/{photo['id']}", hall.moderator), 404, "user-not-found")
    problem(hall.ask("DELETE", f"/api/users/{hall.stranger.id}/images/{photo['id']}", hall.stranger), 404, "photo-not-found")
    problem(hall.ask("POST", f"/api/users/{hall.guest.id}/images"), 401, "unauthenticated")
    assert hall.files() == {f"{photo['id']}.webp"}


def test_until_it_is_approved_only_its_sender_and_its_vendor_see_a_photo(hall: Hall) -> None:
    with hall.database.transaction() as session:
        scanner = a_member(session, hall.sale.vendor.id, MemberRole.SCANNER)
    for word in (None, "reject"):
        photo = hall.sent()
        if word:
            assert hall.decide(photo, word).json()["state"] == "rejected"
        for who in (hall.guest, hall.moderator, scanner):
            file = hall.ask("GET", photo["url"], who)
            assert (file.status_code, file.headers["cache-control"]) == (200, "private, no-store")
        for other in (None, hall.stranger, hall.other_moderator):
            problem(hall.ask("GET", photo["url"], other), 404, "photo-not-found")
        for path in (f"events/{hall.sale.event.id}", f"venues/{hall.sale.event.venue_id}"):
            assert hall.listed(f"/api/{path}/images") == []


def test_an_access_token_shows_what_it_is_good_for(hall: Hall) -> None:
    photo = hall.sent()
    with hall.database.transaction() as session:
        owner = a_member(session, hall.sale.vendor.id, MemberRole.OWNER)
    body = {"name": "App", "redirect_uris": ["https://app.example.org/"], "scopes": ["profile", "buy", "events"]}
    made = hall.ask("POST", f"/api/vendors/{hall.sale.vendor.id}/clients", owner, json=body)
    program = UUID(made.json()["id"])
    tokens = hall.client.app.state.access_tokens  # type: ignore[attr-defined]

    def status(who: UUID, scope: Scope) -> int:
        return hall.ask("GET", photo["url"], Person(who, tokens.make(Access(who, program, frozenset({scope})), now=utc_now()))).status_code

    assert [status(hall.guest.id, scope) for scope in (Scope.PROFILE, Scope.BUY, Scope.EVENTS)] == [200, 404, 404]
    assert [status(hall.moderator.id, scope) for scope in (Scope.EVENTS, Scope.PROFILE)] == [200, 404]
    assert status(program, Scope.EVENTS) == 200
    assert status(program, Scope.PROFILE) == 404


def test_only_the_events_own_vendor_decides(hall: Hall) -> None:
    photo = hall.sent()
    for word in ("approve", "reject"):
        foreign = hall.decide(photo, word, hall.other_moderator)
        absent = hall.ask("POST", f"/api/images/{uuid4()}/{word}", hall.other_moderator)
        problem(foreign, 404, "photo-not-found")
        assert foreign.json() | {"image_id": ""} == absent.json() | {"image_id": ""}
        problem(hall.decide(photo, word, hall.guest), 403, "role-missing")
    problem(hall.ask("GET", f"/api/vendors/{hall.sale.vendor.id}/images", hall.other_moderator), 404, "vendor-not-found")
    for role in MemberRole:
        with hall.database.transaction() as session:
            member = a_member(session, hall.sale.vendor.id, role)
        assert hall.listed(f"/api/vendors/{hall.sale.vendor.id}/images?state=pending", member) == [photo["id"]]
        if role in (MemberRole.FINANCE, MemberRole.SCANNER):
            problem(hall.decide(photo, "approve", member), 403, "role-missing")
    assert hall.decide(photo, "reject").status_code == 200


def test_the_database_shows_and_gives_a_vendor_its_own_photos_only(hall: Hall) -> None:
    photo = hall.sent()
    with hall.database.transaction() as session:
        other = factories.make_vendor(session).id
    for vendor_ids, seen in (([hall.sale.vendor.id], [photo["id"]]), ([other], []), ([], [])):
        with hall.database.transaction(Role.VENDOR, vendor_ids=vendor_ids) as session:
            assert [str(found) for found in session.execute(text("select id from photo")).scalars()] == seen
            changed = session.execute(text("update photo set state = 'rejected', decided_at = now(), decided_by_id = id"))
            assert changed.rowcount == len(seen)  # type: ignore[attr-defined]
            session.rollback()
    with hall.database.transaction() as session:
        sql = "select has_column_privilege('ticketing_vendor', 'photo', 'user_id', 'select')"
        assert session.execute(text(sql)).scalar_one() is False


def test_what_is_decided_stays(hall: Hall) -> None:
    for first in ("approve", "reject"):
        photo = hall.sent()
        assert hall.decide(photo, first).status_code == 200
        for second in ("approve", "reject"):
            problem(hall.decide(photo, second), 409, "transition-not-allowed")


def test_of_two_who_decide_at_once_one_does(hall: Hall) -> None:
    for _ in range(4):
        photo = hall.sent(data=pictures.png(64, 64))
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(partial(hall.decide, photo), ["approve", "reject"] * 3))
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
        with hall.database.transaction() as session:
            sql = "select action from audit_entry where subject_id = :p and action <> 'photo.sent'"
            decided = session.execute(text(sql), {"p": photo["id"]}).scalars().all()
        assert decided == [f"photo.{answer.json()['state']}" for answer in answers if answer.status_code == 200]


def test_a_person_sends_so_many_of_an_event_and_no_more_also_at_once(hall: Hall) -> None:
    small = pictures.png(16, 16)
    for _ in range(MOST_PER_EVENT - 2):
        photo = hall.sent(data=small)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: hall.send(hall.guest, small), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    problem(hall.send(hall.guest, small), 409, "too-many-photos")
    assert len(hall.files()) == MOST_PER_EVENT
    assert hall.ask("DELETE", f"/api/users/{hall.guest.id}/images/{photo['id']}", hall.guest).status_code == 204
    hall.sent(data=small)
    other = hall.past_event(hall.guest)
    hall.sent(data=small, event_id=other.event.id)


def test_approved_photos_are_listed_by_event_venue_and_artist_in_pages_newest_first(hall: Hall) -> None:
    with hall.database.transaction(Role.OWNER) as session:
        artist = uuid4()
        session.execute(text("insert into artist (id, name) values (:a, 'Ada Ensemble')"), {"a": artist})
        link = "insert into event_artist (event_id, artist_id, role, position) values (:e, :a, 'ensemble', 0)"
        session.execute(text(link), {"e": hall.sale.event.id, "a": artist})
    elsewhere = hall.past_event(hall.guest)
    hall.approved(data=pictures.png(16, 16), event_id=elsewhere.event.id)
    ids = [hall.approved(data=pictures.png(16, 16))["id"] for _ in range(5)][::-1]
    hall.sent(data=pictures.png(16, 16))
    for path in (f"events/{hall.sale.event.id}", f"venues/{hall.sale.event.venue_id}", f"artists/{artist}"):
        first = hall.ask("GET", f"/api/{path}/images?limit=3").json()
        second = hall.ask("GET", f"/api/{path}/images?limit=3&cursor={first['next_cursor']}").json()
        assert [photo["id"] for photo in first["images"] + second["images"]] == ids, path
        assert second["next_cursor"] is None
    for kind in ("venues", "artists"):
        problem(hall.ask("GET", f"/api/{kind}/{uuid4()}/images"), 404, "place-not-found")
    problem(hall.ask("GET", f"/api/events/{uuid4()}/images"), 404, "event-not-public")


def test_an_event_off_the_lists_shows_its_photos_to_who_has_its_address(hall: Hall) -> None:
    photo = hall.approved()
    with hall.database.transaction(Role.OWNER) as session:
        session.execute(text("update event set visibility = 'hidden' where id = :e"), {"e": hall.sale.event.id})
    assert hall.listed(f"/api/events/{hall.sale.event.id}/images") == [photo["id"]]
    assert hall.listed(f"/api/venues/{hall.sale.event.venue_id}/images") == []


PROBLEMS: dict[str, tuple[Callable[[], bytes], int]] = {
    "photo-empty": (lambda: b"", 422),
    "not-a-photo": (lambda: b"GIF89a" + pictures.jpeg(), 422),
    "photo-animated": (lambda: pictures.frames("WEBP"), 422),
    "photo-ambiguous": (lambda: pictures.jpeg() + pictures.archive(), 422),
    "photo-truncated": (lambda: pictures.jpeg()[:-500], 422),
    "photo-too-many-pixels": (lambda: pictures.bomb_png(20_000, 20_000), 422),
    "photo-too-large": (lambda: pictures.jpeg() + bytes(MOST_BYTES), 413),
    "body-too-large": (lambda: pictures.jpeg() + bytes(MOST_FORM_BYTES), 413),
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_file_that_is_no_plain_photo_is_refused_and_nothing_is_kept(hall: Hall, kind: str) -> None:
    make, status = PROBLEMS[kind]
    problem(hall.send(hall.guest, make()), status, kind)
    assert hall.files() == set()
    assert hall.listed(f"/api/users/{hall.guest.id}/images", hall.guest) == []


def test_a_form_that_is_not_acceptable_is_refused(hall: Hall) -> None:
    path = f"/api/users/{hall.guest.id}/images"
    event = {"event_id": str(hall.sale.event.id)}
    file = {"image": ("a.jpg", pictures.jpeg())}
    problem(hall.ask("POST", path, hall.guest, json=event), 415, "form-expected")
    problem(hall.ask("POST", path, hall.guest, data=event), 415, "form-expected")
    problem(hall.ask("POST", path, hall.guest), 415, "form-expected")
    for wrong in ("", "x", "\0", "' or 1=1", "a" * 900):
        problem(hall.ask("POST", path, hall.guest, data={"event_id": wrong}, files=file), 422, "invalid")
    assert hall.ask("POST", path, hall.guest, data=event, files={"picture": file["image"]}).json()["fields"].keys() == {"image"}
    assert hall.ask("POST", path, hall.guest, data=event | {"image": "text"}, files={"other": file["image"]}).status_code == 422
    for answer in (
        hall.ask("POST", path, hall.guest, data=event | {"event_id": "a" * 5_000}, files=file),
        hall.ask("POST", path, hall.guest, data=event, files=[("image", file["image"])] * 3),
        hall.ask("POST", path, hall.guest, data=event | {f"f{n}": "" for n in range(9)}, files=file),
    ):
        problem(answer, 400, "form-broken")
    assert hall.files() == set()


DISPOSITION = b'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
BROKEN = {
    "nothing": b"",
    "no boundary": b"zzzz",
    "odd header": b"--x\r\n\x00\xff: a\r\n\r\nhi\r\n--x--\r\n",
    "no header": b"--x\r\nabc\r\n\r\nhi\r\n--x--\r\n",
    "no name": b"--x\r\nContent-Disposition: form-data\r\n\r\nhi\r\n--x--\r\n",
    "odd name": b"--x\r\nContent-Disposition: form-data; name=\"\xff\x00\"; filename*=utf-99''%ff\r\n\r\nhi\r\n--x--\r\n",
    "odd value": b'--x\r\nContent-Disposition: form-data; name="event_id"\r\n\r\n\xff\xfe\x00\r\n--x--\r\n',
    "long header": b"--x\r\nA: " + b"b" * 30_000 + b"\r\n" + DISPOSITION + b"hi\r\n--x--\r\n",
    "many headers": b"--x\r\n" + b"A: b\r\n" * 3_000 + DISPOSITION + b"hi\r\n--x--\r\n",
    "no end": b"--x\r\n" + DISPOSITION + b"hi",
    "something behind the end": b"--x--\r\nfoo--x",
}
KINDS = (
    "; boundary=x",
    "; boundary=x; charset=bogus",
    "; boundary=x; charset=utf-16",
    "",
    '; boundary="',
    "; boundary=" + "y" * 3_000,
    "x",
)


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_form_is_refused(hall: Hall, what: str) -> None:
    for kind in KINDS:
        headers = {"Authorization": f"Bearer {hall.guest.token}", "Content-Type": "multipart/form-data" + kind}
        answer = hall.client.post(f"/api/users/{hall.guest.id}/images", content=BROKEN[what], headers=headers)
        assert answer.status_code in (400, 422), (kind, answer.text)
        assert answer.json()["type"] in ("/problems/form-broken", "/problems/invalid"), (kind, answer.text)


def test_only_where_photos_go_a_body_may_be_large(hall: Hall) -> None:
    large = {"image": ("a.jpg", pictures.jpeg() + bytes(100_000))}
    for path in ("/api/webhooks", f"/api/users/{hall.guest.id}", f"/api/users/{hall.guest.id}/images/x", "/api/register"):
        problem(hall.ask("POST", path, hall.guest, files=large), 413, "body-too-large")
    chunks = (b"x" * 65_536 for _ in range(200))
    token = {"Authorization": f"Bearer {hall.guest.token}", "Content-Type": "multipart/form-data; boundary=x"}
    problem(hall.client.post(f"/api/users/{hall.guest.id}/images", content=chunks, headers=token), 413, "body-too-large")
