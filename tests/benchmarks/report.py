"""What a benchmark says: one line, with its yardstick and its bar."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


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
