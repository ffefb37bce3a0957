"""What a child process is told: the settings of its parent, as variables of its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ticketing.foundation.settings import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The parent's environment with exactly these settings; the home is absolute, so the working directory does not matter."""
    values = settings.model_dump(mode="json") | {"home": str(settings.home_path)}
    ours = {f"TICKETING_{name.upper()}": str(value) for name, value in values.items() if value is not None}
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith("TICKETING_")}
    return others | ours | {"PYTHONUNBUFFERED": "1"}


def program(name: str) -> str:
    """A program of the environment this Python belongs to (`ticketing`, `prefect`, `streamlit`)."""
    return str(Path(sys.executable).with_name(name))
