"""A copy of an event's seats: order of news, packing, names of states; without a database."""

from __future__ import annotations

import math
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ticketing.inventory.seat_copy import FREE, TAKEN, Code, Published, ReadAt, SeatCopy, SectionFacts, code_of
from ticketing.inventory.seat_news import MOST_BYTES, SeatNews, pack, unpack
from ticketing.inventory.seat_reads import Snapshot

EVENT = UUID(int=1)
SECTION = SectionFacts(UUID(int=2), "Stalls", "seated", 10, 4_500, None, None)
SEATS = 10
START = ReadAt(100, 0)
untils = st.one_of(st.just(FREE), st.just(TAKEN), st.floats(1.0, 1e6))
reads = st.builds(ReadAt, st.integers(90, 110), st.integers(-3, 0))


def copy_of(seats: dict[int, float] | None = None) -> SeatCopy:
    known = dict.fromkeys(range(SEATS), FREE) | (seats or {})
    rows = [(number, until, 0) for number, until in known.items()]
    return SeatCopy(EVENT, public=True, sections=[SECTION], seats=rows, read_at=START)


def codes(published: Published) -> list[int]:
    return [code_of(published.bitmap, seat) for seat in range(published.seats)]


def code(until: float, now: float) -> Code:
    return Code.TAKEN if until == TAKEN else Code.HELD if until > now else Code.FREE


@given(st.lists(st.tuples(reads, st.integers(0, SEATS - 1), untils), max_size=40, unique_by=lambda news: (news[0], news[1])), st.randoms())
def test_the_newest_read_wins_in_whatever_order_news_come(news: list[tuple[ReadAt, int, float]], chance: object) -> None:
    copy = copy_of()
    for read_at, seat, until in news:
        copy.apply(read_at, [(seat, until)])
    copy.expire(500.0)
    published, _ = copy.publish()
    for seat in range(SEATS):
        later = [(read_at, until) for read_at, number, until in news if number == seat and read_at > START]
        until = max(later)[1] if later else FREE
        assert code_of(published.bitmap, seat) == code(until, 500.0)
    assert published.sections[0]["available"] == codes(published).count(Code.FREE)


@given(st.lists(st.dictionaries(st.integers(0, SEATS - 1), untils, max_size=4), min_size=1, max_size=8))
def test_changes_lead_from_each_state_to_the_next(steps: list[dict[int, float]]) -> None:
    copy = copy_of()
    before, change = copy.publish()
    assert change is None
    for number, step in enumerate(steps):
        copy.apply(ReadAt(101 + number, 0), step.items())
        copy.expire(500.0 + number)
        now, change = copy.publish()
        assert (change is None) == (codes(before) == codes(now)) == (before.version == now.version)
        if change is not None:
            assert (change.since, change.now) == (before.version, now)
            differing = [seat for seat in range(SEATS) if codes(before)[seat] != codes(now)[seat]]
            assert list(change.seats) == differing
        before = now


def test_what_is_older_than_a_full_read_is_ignored_and_its_order_is_that_of_snapshots() -> None:
    assert Snapshot.of("90:100:") == Snapshot(90, ReadAt(100, 0))
    assert Snapshot.of("90:100:90,95").read_at < Snapshot.of("95:100:95").read_at < Snapshot.of("100:100:").read_at
    assert Snapshot.of("100:100:").read_at < Snapshot.of("90:101:90,95,100").read_at
    copy = copy_of()
    copy.refresh(ReadAt(120, 0), [(1, TAKEN)])
    copy.apply(ReadAt(119, 0), [(1, FREE), (2, TAKEN)])
    published, _ = copy.publish()
    assert codes(published)[:3] == [Code.FREE, Code.TAKEN, Code.FREE]


def test_extended_hold_does_not_end_when_it_first_would_have() -> None:
    copy = copy_of({3: 50.0})
    copy.apply(ReadAt(101, 0), [(3, 90.0)])
    for now, expected in ((49.0, Code.HELD), (50.0, Code.HELD), (89.9, Code.HELD), (90.0, Code.FREE)):
        copy.expire(now)
        assert codes(copy.publish()[0])[3] == expected


def test_another_plan_is_told_as_such() -> None:
    before, _ = copy_of().publish()
    moved = SeatCopy(EVENT, public=True, sections=[SECTION], seats=[(n, FREE, 0) for n in range(SEATS + 1)], read_at=START)
    _, change = moved.publish(before)
    assert change is not None
    assert change.reshaped
    same, change = copy_of().publish(before)
    assert (same.version, change) == (before.version, None)


def test_missing_numbers_are_no_seats() -> None:
    copy = SeatCopy(EVENT, public=True, sections=[SECTION], seats=[(0, FREE, 0), (5, TAKEN, 0)], read_at=START)
    published, _ = copy.publish()
    assert codes(published) == [Code.FREE, *[Code.NO_SEAT] * 4, Code.TAKEN]
    assert not copy.apply(ReadAt(101, 0), [(3, FREE)])
    assert not copy.apply(ReadAt(101, 0), [(6, FREE)])


@given(st.dictionaries(st.integers(0, 30_000), st.one_of(st.just(FREE), st.just(TAKEN), st.floats(1.79e9, 1.80e9)), max_size=50))
def test_news_arrive_as_they_were_told(seats: dict[int, float]) -> None:
    news = SeatNews(EVENT, b"abcd", 7, ReadAt(2**40, -3), list(seats.items()))
    told = unpack(pack(news))
    assert (told.event_id, told.sender, told.number, told.read_at) == (news.event_id, news.sender, news.number, news.read_at)
    assert [seat for seat, _ in told.seats] == list(seats)
    for (_, there), (_, here) in zip(told.seats, news.seats, strict=True):
        assert there == here or (math.isfinite(here) and -0.001 < there - here < 0.11)


def test_more_seats_than_fit_are_told_as_none() -> None:
    many = SeatNews(EVENT, b"abcd", 7, START, [(seat * 7_919 % 20_000, 1.79e9 + seat * 37 % 601) for seat in range(20_000)])
    payload = pack(many)
    assert len(payload) < MOST_BYTES
    assert unpack(payload).seats == []
    some = SeatNews(EVENT, b"abcd", 7, START, many.seats[:700])
    assert len(unpack(pack(some)).seats) == 700
