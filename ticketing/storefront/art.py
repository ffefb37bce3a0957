"""A small picture of its own for every show, drawn from its title: nothing is fetched, nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from markupsafe import Markup

WIDTH, HEIGHT = 400, 200
HUES = {
    "chanson": 345,
    "classical": 225,
    "comedy": 28,
    "concert": 262,
    "dance": 312,
    "electronic": 190,
    "family": 150,
    "folk": 90,
    "jazz": 40,
    "opera": 8,
    "rock": 205,
    "theatre": 350,
    "world": 168,
}
Digest = bytes


def art(title: str, category: str) -> Markup:
    """An SVG; a category has its hue and motif, a title its arrangement."""
    digest = hashlib.sha256(title.encode()).digest()
    kind = hashlib.sha256(category.lower().encode()).digest()[0]
    hue = (HUES.get(category.lower(), kind * 360 // 256) + digest[0] % 30 - 15) % 360
    motif = MOTIFS[kind % len(MOTIFS)]
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="art" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="hsl({hue} 52% 24%)"/>'
        f'<circle cx="{digest[1] * WIDTH // 255}" cy="{HEIGHT}" r="190" fill="hsl({(hue + 28) % 360} 62% 42%)" opacity="0.55"/>'
        f"{motif(digest, hue)}</svg>"
    )


def _spots(digest: Digest, hue: int) -> str:
    return "".join(
        f'<circle cx="{digest[i] * WIDTH // 255}" cy="{digest[i + 1] * HEIGHT // 255}" r="{16 + digest[i + 2] % 70}"'
        f' fill="hsl({(hue + digest[i + 2] % 60) % 360} 72% {50 + digest[i] % 22}%)" opacity="0.{30 + digest[i + 1] % 40}"/>'
        for i in range(2, 23, 3)
    )


def _waves(digest: Digest, hue: int) -> str:
    x, y = 60 + digest[2] * 280 // 255, 40 + digest[3] * 150 // 255
    return "".join(
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="hsl({(hue + radius // 4) % 360} 75% 66%)"'
        f' stroke-width="{2 + digest[4 + number % 20] % 9}" opacity="0.{75 - number * 5}"/>'
        for number, radius in enumerate(range(18, 260, 22))
    )


def _bars(digest: Digest, hue: int) -> str:
    bars = []
    for number in range(24):
        height = 24 + digest[number + 4] * 150 // 255
        bars.append(
            f'<rect x="{8 + number * 16}" y="{(HEIGHT - height) // 2}" width="9" height="{height}" rx="4.5"'
            f' fill="hsl({(hue + number * 3) % 360} 74% {56 + digest[number] % 16}%)" opacity="0.8"/>'
        )
    return "".join(bars)


def _hills(digest: Digest, hue: int) -> str:
    layers = []
    for number in range(4):
        y = 60 + number * 34
        peaks = " ".join(f"S{x - 40} {y + digest[(number * 7 + x // 80) % 32] % 60 - 40} {x} {y}" for x in range(80, 481, 80))
        shape = f"M0 {y} {peaks} V{HEIGHT} H0 Z"
        layers.append(f'<path d="{shape}" fill="hsl({(hue + 12 * number) % 360} 58% {60 - number * 11}%)" opacity="0.75"/>')
    return "".join(layers)


MOTIFS: tuple[Callable[[Digest, int], str], ...] = (_spots, _waves, _bars, _hills)
