"""Benchmarks are commands; here each runs once in small, so that it keeps working. Its figures are not judged."""

from __future__ import annotations

import argparse
import json

from tests.benchmarks import contention, holds, onsale, orders, pool, queue, seatmap, visitors


def test_orders_prints_both_figures_and_breaks_nothing() -> None:
    lines = orders.run(argparse.Namespace(seconds=1.5, rounds=1, clients=8, buyers=200))
    assert [line.name for line in lines] == ["orders placed", "orders completed"]
    for line in lines:
        told = json.loads(line.to_json())
        assert told["figure"] > 0
        assert told["yardstick"] > 0
        assert told["details"]["invariants_broken"] == []


def test_holds_prints_its_figure_and_breaks_nothing() -> None:
    (line,) = holds.run(argparse.Namespace(seconds=1, rounds=1, clients=8, buyers=1_000))
    assert line.figure > 0
    assert line.yardstick > 0
    assert line.details["same_rows_ratio"] > 0
    assert line.details["invariants_broken"] == []


def test_contention_sells_every_seat_once() -> None:
    (line,) = contention.run(argparse.Namespace(clients=60, seats=20, seed=1))
    assert (line.details["sold"], line.details["double_sold"]) == (20, 0)
    assert line.details["invariants_broken"] == []


def test_pool_prints_its_figure_and_breaks_nothing() -> None:
    (line,) = pool.run(argparse.Namespace(seconds=1, rounds=1, clients=8, buyers=1_000))
    assert line.figure > 0
    assert line.yardstick > 0
    assert line.details["invariants_broken"] == []


def test_queue_lets_everybody_in_under_the_cap() -> None:
    (line,) = queue.run(argparse.Namespace(buyers=100, shoppers=40, seconds=1, seed=1))
    assert line.details["most_inside"] <= 40
    assert sum(line.details["ends"].values()) == line.details["ends"]["held"] + line.details["ends"].get("walked_away", 0) == 100
    assert line.details["invariants_broken"] == []


def test_seatmap_shows_every_hold_to_every_viewer() -> None:
    (line,) = seatmap.run(argparse.Namespace(seats=2_000, viewers=20, seconds=2, rounds=1, rate=20, clients=4, seed=1))
    assert line.figure > 0
    assert line.yardstick > 0
    assert line.details["not_shown"] == 0
    assert 0 < line.details["bytes"]["octets"] <= line.details["bytes"]["json"]
    assert line.details["invariants_broken"] == []


def test_visitors_buy_with_and_without_a_storm_of_sign_ins() -> None:
    sizes = argparse.Namespace(users=12, think=0.1, seconds=2, rounds=1, storm_clients=30, events=4, seats=400, seed=1)
    calm, storm = visitors.run(sizes)
    for line in (calm, storm):
        told = json.loads(line.to_json())
        assert told["figure"] > 0
        assert told["yardstick"] > 0
        assert (told["details"]["errors"], told["details"]["invariants_broken"]) == ({}, [])
    assert calm.details["bookings"] > 0
    assert storm.details["storm_answers"].keys() <= {"200", "401", "503"}
    assert storm.details["storm_answers"]["200"] > 0
    assert storm.details["storm_answers"]["401"] > 0


def test_onsale_sells_every_seat_to_buyers_calm_and_with_faults() -> None:
    sizes = argparse.Namespace(buyers=120, seats=100, shoppers=30, robots=10, provider_seconds=0.2, yardstick_seconds=0.3, seed=1)
    calm, faults = onsale.run(sizes)
    for line in (calm, faults):
        told = json.loads(line.to_json())["details"]
        assert (told["tickets"], told["unsold"], told["oversold"], told["robots"]) == (100, 0, 0, 0)
        assert told["ends"]["bought"] == told["orders"]
        assert told["ends"]["bought"] + told["ends"]["went home"] == 120
        assert told["invariants_broken"] == []
    assert calm.details["killed_after_seconds"] is None
    assert faults.details["killed_after_seconds"] > 0
    assert faults.details["robots_answers"].keys() >= {200, 409, 429}
    assert faults.details["booking_median_seconds"] > 0.4
