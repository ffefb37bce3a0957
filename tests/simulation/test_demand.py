"""Demand is drawn beforehand: the same seed, the same buyers; nobody comes before sales open or after they close."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ticketing.catalog.plan import parse_plan
from ticketing.simulation.demand import Offer, Outcome, Visit, draw_visits
from ticketing.simulation.places import Places, _Section
from ticketing.simulation.programme import CATEGORY_SHARE, ORGANISERS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OFFERS = [
    Offer(UUID(int=1), NOW - timedelta(weeks=10), NOW - timedelta(weeks=2), "Europe/Berlin", 400, 1.0),
    Offer(UUID(int=2), NOW - timedelta(weeks=3), NOW + timedelta(weeks=5), "Asia/Tokyo", 900, 2.0),
    Offer(UUID(int=3), NOW + timedelta(weeks=1), NOW + timedelta(weeks=9), "Europe/London", 900, 9.0),
    Offer(UUID(int=4), NOW - timedelta(hours=5), NOW + timedelta(weeks=9), "Europe/London", 100, 1.0),
]


def visits(seed: int) -> list[Visit]:
    return draw_visits(OFFERS, buyers=800, rng=random.Random(seed), until=NOW)


def test_visits_are_the_same_when_the_seed_is() -> None:
    assert visits(1) == visits(1)
    assert visits(1) != visits(2)


def test_visits_lie_inside_the_sale_and_before_now() -> None:
    offers = {offer.event_id: offer for offer in OFFERS}
    drawn = visits(3)
    assert drawn == sorted(drawn, key=lambda visit: (visit.at, visit.buyer))
    for visit in drawn:
        offer = offers[visit.event_id]
        assert offer.sales_open_at <= visit.at < min(offer.sales_close_at, NOW)
    assert {visit.buyer for visit in drawn} == set(range(800))
    assert UUID(int=3) not in {visit.event_id for visit in drawn}


def test_every_outcome_happens_and_paying_is_the_most_common() -> None:
    counts = Counter(visit.outcome for visit in visits(4))
    assert set(counts) == set(Outcome)
    assert counts.most_common(1)[0][0] is Outcome.PAYS


@pytest.mark.parametrize("organiser", ORGANISERS, ids=lambda organiser: organiser.slug)
def test_every_house_has_a_plan_that_can_be_priced(organiser: object) -> None:
    for house in organiser.houses:  # type: ignore[attr-defined]
        plan = parse_plan(house.plan(house.name))
        assert plan.seat_count + plan.standing_capacity > 0
        assert set(plan.categories) <= CATEGORY_SHARE.keys()


def test_parties_sit_together_while_a_row_has_room() -> None:
    rows = [[row * 10 + seat for seat in range(10)] for row in range(3)]
    section = _Section(rows, {seat for row in rows for seat in row})
    places = Places(sections=[section], section_of={seat: section for row in rows for seat in row})
    rng = random.Random(5)
    chosen = [places.choose(4, rng) for _ in range(6)]
    for choice in chosen:
        assert choice is not None
        assert len({seat // 10 for seat in choice.seats}) == 1
        assert choice.seats[-1] - choice.seats[0] == 3
    assert places.free == 6
    apart = places.choose(6, rng)
    assert apart is not None
    assert len(set(apart.seats)) == 6
    assert places.choose(1, rng) is None
    places.give_back(apart)
    assert places.free == 6
