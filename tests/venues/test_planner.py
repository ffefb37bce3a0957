"""New seats for groups: compared with trying everything, and what is said of groups without any."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest

from ticketing.reseating.planner import Group, Member, Place, plan_groups, seating
from ticketing.reseating.rules import Unplaced

PLANS = 600


def row_of(count: int, *, row: int = 0, level: int = 10, first: int = 0, accessible: Sequence[int] = ()) -> list[Place]:
    return [
        Place(
            row * 100 + first + n, (0, row), first + n, level, x=first + n, y=row * 2, accessible=n in accessible, reserved=n in accessible
        )
        for n in range(count)
    ]


def party(size: int, *, level: int = 10, x: float = 0, y: float = 0) -> Group:
    return Group((Member(level),) * size, x, y)


def small_hall(chance: random.Random) -> tuple[list[Place], list[Group]]:
    """Up to 14 free seats in up to 4 rows with gaps, up to 5 groups; two prices, some accessible seats, and groups that need one."""
    places: list[Place] = []
    for row in range(chance.randint(1, 4)):
        for position in range(chance.randint(1, 6)):
            if chance.random() < 0.8 and len(places) < 14:
                accessible = chance.random() < 0.15
                reserved = accessible or chance.random() < 0.1
                place = Place(row * 10 + position, (0, row), position, chance.choice([10, 10, 20]), position, row, accessible, reserved)
                places.append(place)
    groups = []
    for _ in range(chance.randint(1, 5)):
        needs_access = chance.random() < 0.15
        size = chance.choice([1, 2, 2, 3, 4])
        members = [Member(chance.choice([10, 10, 10, 20])) for _ in range(size)]
        if needs_access:
            members[0] = Member(members[0].level, accessible=True, reserved=True)
        groups.append(Group(tuple(members), chance.random() * 6, chance.random() * 4))
    return places, groups


def may_sit(group: Group, places: Sequence[Place]) -> bool:
    """Every order of the members, in plain words."""
    reserved = any(member.reserved or member.accessible for member in group.members)
    if not reserved and any(place.reserved or place.accessible for place in places):
        return False
    return any(
        all(p.level >= m.level and (p.accessible or not m.accessible) for m, p in zip(group.members, order, strict=True))
        for order in permutations(places)
    )


def side_by_side(places: Sequence[Place], size: int) -> Iterator[list[Place]]:
    at = {(place.row, place.position): place for place in places}
    for row, position in at:
        wanted = [at.get((row, position + n)) for n in range(size)]
        if None not in wanted:
            yield [place for place in wanted if place is not None]


def most_placeable(places: Sequence[Place], groups: Sequence[Group]) -> int:
    """By trying every window, or none, for every group."""
    windows = [[{p.seat_no for p in part} for part in side_by_side(places, len(g.members)) if may_sit(g, part)] for g in groups]

    def most(n: int, taken: frozenset[int]) -> int:
        if n == len(groups):
            return 0
        with_it = [1 + most(n + 1, taken | window) for window in windows[n] if not window & taken]
        return max([most(n + 1, taken), *with_it])

    return most(0, frozenset())


@pytest.mark.parametrize("seed", range(6))
def test_as_many_groups_are_placed_as_by_trying_everything(seed: int) -> None:
    chance = random.Random(seed)
    differences, placed_in_all = 0, 0
    for _ in range(PLANS // 6):
        places, groups = small_hall(chance)
        plan = plan_groups(places, groups)
        check(plan.seats, places, groups)
        assert plan.complete
        assert plan.seats.keys() | plan.unplaced.keys() == set(range(len(groups)))
        differences += most_placeable(places, groups) - len(plan.seats)
        placed_in_all += len(plan.seats)
    assert differences == 0
    assert placed_in_all > PLANS // 6


def test_without_its_search_the_planner_is_found_out() -> None:
    """The control."""
    left_over = 0
    for seed in range(6):
        chance = random.Random(seed)
        for _ in range(PLANS // 6):
            places, groups = small_hall(chance)
            left_over += most_placeable(places, groups) - len(plan_groups(places, groups, budget=0).seats)
    assert left_over > 0


def check(seats: object, places: Sequence[Place], groups: Sequence[Group]) -> None:
    """Each seat once, free, of the price or better, side by side in one row, accessible where needed, reserved only for who needs it."""
    assert isinstance(seats, dict)
    by_no = {place.seat_no: place for place in places}
    given = [seat_no for found in seats.values() for seat_no in found]
    assert len(given) == len(set(given))
    for n, found in seats.items():
        new = [by_no[seat_no] for seat_no in found]
        assert len({place.row for place in new}) == 1
        positions = sorted(place.position for place in new)
        assert positions == list(range(positions[0], positions[0] + len(new)))
        for member, place in zip(groups[n].members, new, strict=True):
            assert place.level >= member.level
            assert place.accessible or not member.accessible
            assert not place.reserved or groups[n].reserved


def test_the_same_input_gives_the_same_plan() -> None:
    places, groups = small_hall(random.Random(7))
    assert plan_groups(places, groups) == plan_groups(list(reversed(places)), groups)


def test_greedy_choices_are_undone_when_they_leave_a_group_over() -> None:
    """The pair alone would take the near row of three; then the three had nowhere to go."""
    places = [*row_of(3), *row_of(2, row=9)]
    plan = plan_groups(places, [party(2), party(3)])
    assert (set(plan.seats[1]), set(plan.seats[0])) == ({0, 1, 2}, {900, 901})


def test_the_nearest_and_cheapest_seats_are_taken() -> None:
    places = [*row_of(4, level=20), *row_of(4, row=1), *row_of(4, row=5)]
    assert plan_groups(places, [party(2, x=3, y=2)]).seats[0] == (102, 103)


def test_a_better_seat_will_do_and_a_cheaper_one_will_not() -> None:
    assert plan_groups(row_of(2, level=20), [party(2)]).seats[0] == (0, 1)
    assert plan_groups(row_of(2, level=9), [party(2)]).unplaced == {0: Unplaced.NO_SEATS}


@pytest.mark.parametrize(
    ("places", "groups", "reason"),
    [
        (row_of(1), [party(2)], Unplaced.NO_SEATS),
        ([*row_of(1), *row_of(1, row=1)], [party(2)], Unplaced.NOT_TOGETHER),
        ([*row_of(1), *row_of(1, first=2)], [party(2)], Unplaced.NOT_TOGETHER),
        (row_of(3), [Group((Member(10, accessible=True),))], Unplaced.NO_ACCESSIBLE_SEATS),
        (row_of(2, accessible=(0, 1)), [party(1)], Unplaced.NO_SEATS),
        (row_of(3), [party(2), party(2)], Unplaced.NEEDED_BY_OTHERS),
    ],
)
def test_the_reason_is_said_when_a_group_has_no_seats(places: list[Place], groups: list[Group], reason: Unplaced) -> None:
    plan = plan_groups(places, groups)
    assert list(plan.unplaced.values()) == [reason]
    assert len(plan.seats) == len(groups) - 1


def test_a_wheelchair_user_and_companion_keep_their_kind_of_seats() -> None:
    group = Group((Member(10, accessible=True, reserved=True), Member(10, reserved=True)))
    places = [*row_of(4), *row_of(4, row=3, accessible=(1,))]
    plan = plan_groups(places, [group, party(2)])
    assert plan.seats[0][0] == 301
    assert set(plan.seats[1]) <= {0, 1, 2, 3}


@pytest.mark.parametrize("seed", range(3))
def test_members_are_matched_exactly(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        size = chance.randint(1, 4)
        places = [Place(n, (0, 0), n, chance.choice([1, 2, 3]), accessible=(a := chance.random() < 0.5), reserved=a) for n in range(size)]
        group = Group(tuple(Member(chance.choice([1, 2, 3]), accessible=chance.random() < 0.4) for _ in range(size)))
        assert (seating(group, places) is not None) == may_sit(group, places)


def test_a_search_that_is_broken_off_says_so() -> None:
    chance = random.Random(1)
    places = [place for row in range(12) for place in row_of(7, row=row)]
    groups = [party(chance.choice([2, 3, 4])) for _ in range(40)]
    plan = plan_groups(places, groups, budget=50)
    check(plan.seats, places, groups)
    assert not plan.complete


def test_that_no_more_fit_is_known_without_looking_at_every_choice() -> None:
    """Ten rows of seven take one group of four each, whatever is tried."""
    places = [place for row in range(10) for place in row_of(7, row=row)]
    plan = plan_groups(places, [party(4) for _ in range(30)], budget=1)
    assert (len(plan.seats), plan.complete) == (10, True)


def test_a_large_hall_is_planned_in_seconds() -> None:
    places = [place for row in range(60) for place in row_of(40, row=row)]
    groups = [party(1 + n % 6, x=n % 40, y=n % 60) for n in range(150)]
    plan = plan_groups(places, groups)
    check(plan.seats, places, groups)
    assert plan.complete
    assert len(plan.seats) == len(groups)
