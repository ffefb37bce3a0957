"""Text on our PDFs: a font that every reader has inside the file, and others for the letters it lacks.

reportlab brings Bitstream Vera, which has the Latin letters. Chinese, Japanese and Korean, and Greek and Cyrillic, are set in the
standard Asian fonts, which PDF readers know without having them in the file. Letters that neither has lose their accents, and as a
last resort are shown as a question mark: the QR code and the ticket's code, which are plain, are what lets a visitor in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

PLAIN, BOLD, ASIAN, KOREAN = "Vera", "VeraBd", "HeiseiKakuGo-W5", "HYGothic-Medium"
ELLIPSIS = "…"


@cache
def fonts() -> None:
    """Have the fonts at hand; once per process."""
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    for name in (ASIAN, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


@cache
def _letters(font: str) -> frozenset[int]:
    face = pdfmetrics.getFont(font).face  # type: ignore[attr-defined]
    return frozenset(face.charToGlyph)


def _font_of(letter: str, font: str) -> str | None:
    if ord(letter) in _letters(font):
        return font
    name = unicodedata.name(letter, "")
    if name.startswith("HANGUL"):
        return KOREAN
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA", "GREEK", "CYRILLIC", "FULLWIDTH", "IDEOGRAPHIC")) and ord(letter) < 0x10000:
        return ASIAN
    return None


def _settable(text: str, font: str) -> Iterator[tuple[str, str]]:
    """(font, letter) for each letter that can be shown."""
    for letter in unicodedata.normalize("NFC", text):
        if not letter.isprintable():
            continue
        if found := _font_of(letter, font):
            yield found, letter
            continue
        bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
        for part in bare or "?":
            yield font, part if ord(part) in _letters(font) else "?"


def runs(text: str, font: str) -> list[tuple[str, str]]:
    """The text as (font, letters) in the order they are set."""
    fonts()
    return [(name, "".join(letter for _, letter in group)) for name, group in groupby(_settable(text, font), key=lambda item: item[0])]


def width_of(text: str, font: str, size: float) -> float:
    """In points."""
    return sum(float(pdfmetrics.stringWidth(letters, name, size)) for name, letters in runs(text, font))


def write(canvas: Canvas, x: float, y: float, text: str, *, font: str = PLAIN, size: float, most: float) -> None:
    """Set a line from `x` on, cut short where it would be wider than `most` points."""
    if width_of(text, font, size) > most:
        while text and width_of(text + ELLIPSIS, font, size) > most:
            text = text[:-1]
        text += ELLIPSIS
    for name, letters in runs(text, font):
        canvas.setFont(name, size)
        canvas.drawString(x, y, letters)
        x += float(pdfmetrics.stringWidth(letters, name, size))


def write_right(canvas: Canvas, x: float, y: float, text: str, *, font: str = PLAIN, size: float) -> None:
    """Set a line that ends at `x`."""
    write(canvas, x - width_of(text, font, size), y, text, font=font, size=size, most=1e6)
