"""Benchmarks are commands; here each runs once in small, so that it keeps working. Its figures are not judged."""

from __future__ import annotations

import argparse
import json

from tests.benchmarks import orders


def test_orders_prints_both_figures_and_breaks_nothing() -> None:
    lines = orders.run(argparse.Namespace(seconds=1.5, rounds=1, clients=8, buyers=200))
    assert [line.name for line in lines] == ["orders placed", "orders completed"]
    for line in lines:
        told = json.loads(line.to_json())
        assert told["figure"] > 0
        assert told["yardstick"] > 0
        assert told["details"]["invariants_broken"] == []
