"""`python -m tests.benchmarks NAME [--json] [sizes]`: prints one JSON line; exits 1 below the floor."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import contention, holds, onsale, orders, pool, queue, seatmap, visitors

BENCHMARKS = {
    "contention": contention,
    "holds": holds,
    "onsale": onsale,
    "orders": orders,
    "pool": pool,
    "queue": queue,
    "seatmap": seatmap,
    "visitors": visitors,
}


def main() -> int:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, module in BENCHMARKS.items():
        sub = names.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        sub.add_argument("--json", action="store_true", help="only the JSON line")
        module.add_arguments(sub)
    arguments = parser.parse_args()
    lines = BENCHMARKS[arguments.name].run(arguments)
    for line in lines:
        print(line.to_json())
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
