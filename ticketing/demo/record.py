"""What a demo remembers of itself, in `<home>/demo.json`: whose data these are, whether they are whole, who can sign in."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ticketing.foundation.errors import Conflict

FILE = "demo.json"


class NotADemo(Conflict):
    """The home holds something that no demo has made."""


class OtherDemo(Conflict):
    """The data were made with other parameters."""


@dataclass(frozen=True, slots=True)
class DemoRecord:
    seed: int
    buyers: int
    complete: bool = False
    """False from the first row until the last buyer: half-made data are made anew."""
    events: int = 0
    vendors: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    """What the buyers did (`simulation.buyers.BuyersReport`)."""
    sign_ins: tuple[tuple[str, str, str], ...] = ()
    """(role, address, password): good for these data only."""

    def write(self, home: Path) -> None:
        """Replace the record in one step; readable by its owner only."""
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"{FILE}.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(home / FILE)


def read_record(home: Path) -> DemoRecord | None:
    """The record of a home; None where no demo has begun. Raises `NotADemo` for a home that something else has filled."""
    try:
        values = json.loads((home / FILE).read_text())
        return DemoRecord(**{**values, "sign_ins": tuple(tuple(sign_in) for sign_in in values["sign_ins"])})
    except FileNotFoundError:
        if home.exists() and any(entry.name not in OWN_DIRECTORIES for entry in home.iterdir()):
            raise NotADemo(f"{home} holds something that is no demo: set TICKETING_HOME to a directory of the demo's own.") from None
        return None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise NotADemo(f"{home / FILE} is damaged: remove {home} if it was a demo.") from error


OWN_DIRECTORIES = frozenset({"run", "logs"})
"""Made before the record is, and kept when half-made data are removed: they hold what the present command runs with."""
