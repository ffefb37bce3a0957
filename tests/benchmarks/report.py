"""What a benchmark says: one line, with its yardstick and its bar."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Line:
    """`met`: above every floor. Ratios are of one run on one machine, medians of interleaved rounds."""

    name: str
    sizes: dict[str, Any]
    figure: float
    unit: str
    yardstick: float
    ratio: float
    goal: dict[str, float]
    floor: dict[str, float]
    met: bool
    details: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its living children."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)
