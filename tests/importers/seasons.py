"""Small season files for tests, in the shape of an orchestra's archive."""

from __future__ import annotations

import json
from typing import Any


def concert(**overrides: Any) -> dict[str, Any]:
    """An evening in Manhattan on 12 September 2024."""
    return {
        "eventType": "Subscription Season",
        "Location": "Manhattan, NY",
        "Venue": "Main Hall",
        "Date": "2024-09-12T04:00:00Z",
        "Time": "7:30PM",
    } | overrides


def work(**overrides: Any) -> dict[str, Any]:
    return {
        "ID": "1*",
        "composerName": "Handel,  George  Frideric",
        "workTitle": "WATER MUSIC",
        "conductorName": "Zhang, Xian",
        "soloists": [{"soloistName": "Fleming, Renee", "soloistInstrument": "Soprano", "soloistRoles": "S"}],
    } | overrides


INTERMISSION: dict[str, Any] = {"ID": "0*", "interval": "Intermission", "soloists": []}


def programme(number: int = 1, concerts: list[Any] | None = None, **overrides: Any) -> dict[str, Any]:
    return {
        "id": f"programme-{number}",
        "programID": str(number),
        "orchestra": "The Orchestra",
        "season": "2024-25",
        "concerts": [concert()] if concerts is None else concerts,
        "works": [work(), INTERMISSION],
    } | overrides


def season(*programmes: Any) -> bytes:
    return json.dumps({"programs": list(programmes)}, indent=1).encode()
