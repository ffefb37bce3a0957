"""Names as archives write them, made fit to be read."""

from __future__ import annotations

import re
from typing import Any

BODY = re.compile(r"\b(band|choir|chorus|ensemble|orchestra|company|quartet|quintet)\b", re.IGNORECASE)
UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff]+")
SECOND_SPELLING = re.compile(r"\s*\[([^\]]+)\]")


def plain(value: Any) -> str:
    """Text without formatting: nested objects flattened, spaces folded, trailing commas cut, `None` in words taken for nothing."""
    text = UNPRINTABLE.sub(" ", _flat(value)).strip(" ,;")
    return "" if text == "None" else text


def _flat(value: Any) -> str:
    """Text first, then what was emphasised in it: where in the text it stood is lost in such files."""
    if isinstance(value, dict):
        parts = [value.get("_"), *(part for key, part in value.items() if key != "_")]
        return " ".join(filter(None, map(_flat, parts)))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value)))
    return "" if value is None else str(value)


def spell(name: str) -> str:
    """`Bartok [Bartók], Béla` → `Bartók, Béla`: a spelling in brackets replaces as many words as it has."""
    while match := SECOND_SPELLING.search(name):
        words = name[: match.start()].split(" ")
        keep = words[: max(0, len(words) - len(match[1].split()))]
        name = " ".join([*keep, match[1].strip()]) + name[match.end() :]
    return name


def family_name(name: Any) -> str:
    """`Handel,  George  Frideric` → `Handel`."""
    return spell(plain(name)).partition(",")[0].strip()


def person(name: Any) -> str:
    """`Handel,  George  Frideric` → `George Frideric Handel`; `Clinton, Tyrone, Jr.` → `Tyrone Clinton, Jr.`

    A band with a part of it (`Military Band, Brass and Percussion`) stays as it is written.
    """
    parts = [part.strip() for part in spell(plain(name)).split(",") if part.strip()]
    if len(parts) < 2 or (BODY.search(parts[0]) and parts[1] != "The"):
        return ", ".join(parts)
    return ", ".join([f"{parts[1]} {parts[0]}", *parts[2:]])
