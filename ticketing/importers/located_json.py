"""JSON with the place of its parts, so that a report can name lines."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

SPACE = re.compile(r"[ \t\r\n]*")


class LocatedJson:
    """A complete JSON document. Objects and lists in it are named by the offset of their first character."""

    def __init__(self, text: str) -> None:
        """Raises `ValueError` or `RecursionError` when the text is not complete JSON."""
        self._text = text
        self._decoder = json.JSONDecoder()
        self.value: Any = json.loads(text)
        self.start = self._skip(0)
        self._line_ends = [match.start() for match in re.finditer("\n", text)]

    def line(self, offset: int) -> int:
        """From 1."""
        return bisect_left(self._line_ends, offset) + 1

    def member(self, start: int, wanted: str) -> int | None:
        """The offset of the value that an object has under a key; of the last one, if the key stands twice."""
        found = None
        at = self._skip(start + 1)
        while self._text[at] == '"':
            key, end = self._decoder.raw_decode(self._text, at)
            at = self._skip(self._skip(end) + 1)  # past the colon
            if key == wanted:
                found = at
            at = self._past_value(at)
        return found

    def elements(self, start: int) -> Iterator[int]:
        """The offsets of a list's elements."""
        at = self._skip(start + 1)
        while self._text[at] != "]":
            yield at
            at = self._past_value(at)

    def _past_value(self, at: int) -> int:
        """The start of what follows a value: the next member or element, or the closing bracket."""
        at = self._skip(self._decoder.raw_decode(self._text, at)[1])
        return self._skip(at + 1) if self._text[at] == "," else at

    def _skip(self, at: int) -> int:
        match = SPACE.match(self._text, at)
        assert match is not None
        return match.end()
