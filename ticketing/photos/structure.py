"""What a file is, from its bytes alone: nothing is decoded before its kind, size and end are known.

PNG, JPEG and WebP are told by content, whatever the file calls itself. Each is walked from its first part to its last, which shows
files that were cut off, that move, or that are something else as well.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from enum import StrEnum

from ticketing.foundation.errors import Invalid
from ticketing.photos.rules import MOST_BYTES, MOST_PIXELS, MOST_SCANS


class PhotoTooLarge(Invalid):
    """More bytes than a photo may have."""

    status = 413


class PhotoEmpty(Invalid):
    """A file without content."""


class NotAPhoto(Invalid):
    """Neither PNG nor JPEG nor WebP, whatever its name says."""


class PhotoTooManyPixels(Invalid):
    """`details`: `width` and `height` as the file says them, and `most_pixels`."""


class PhotoAnimated(Invalid):
    """It has several frames."""


class PhotoTruncated(Invalid):
    """It ends before the picture does."""


class PhotoDamaged(Invalid):
    """It says what it is, and can't be read as that."""


class PhotoAmbiguous(Invalid):
    """It is a picture and something else at once: an archive, a web page."""


class PhotoFormat(StrEnum):
    """The value is Pillow's name."""

    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WEBP"


@dataclass(frozen=True, slots=True)
class Structure:
    """What a file's parts say; width and height in pixels, as it is stored."""

    format: PhotoFormat
    width: int
    height: int
    animated: bool
    end: int
    """Where the picture ends, in bytes from the file's beginning."""


PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)
"""Between compressed data: neither a stuffed byte nor a restart."""
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
END_OF_IMAGE, START_OF_SCAN, WITHOUT_LENGTH = 0xD9, 0xDA, frozenset({0x01, *range(0xD0, 0xD9)})
MARKUP = re.compile(rb"<script|<!doctype|<iframe|<svg[\s>]", re.IGNORECASE)
"""Long enough not to come about by chance in what is compressed."""
PHONE_VIDEO = re.compile(rb".{1,4}ftyp", re.DOTALL)
"""Behind zeros, of which its length may begin with some."""
SAMSUNG_END = b"SEFT"


def inspect(data: bytes) -> Structure:
    """The structure of a photo that may be decoded.

    Raises `PhotoEmpty`, `PhotoTooLarge`, `NotAPhoto`, `PhotoTruncated`, `PhotoDamaged`, `PhotoAnimated`, `PhotoTooManyPixels`,
    `PhotoAmbiguous`.
    """
    if not data:
        raise PhotoEmpty("The file is empty.", fields={"image": "is empty"})
    if len(data) > MOST_BYTES:
        raise PhotoTooLarge(f"A photo has at most {MOST_BYTES // 1_000_000} MB.", most_bytes=MOST_BYTES)
    found = _walk(data)
    if found.width < 1 or found.height < 1:
        raise PhotoDamaged("The picture has no size.")
    if found.animated:
        raise PhotoAnimated("The picture moves: send a still one.")
    if found.width * found.height > MOST_PIXELS:
        sentence = f"A photo has at most {MOST_PIXELS // 1_000_000} megapixels."
        raise PhotoTooManyPixels(sentence, width=found.width, height=found.height, most_pixels=MOST_PIXELS)
    if MARKUP.search(data) or not _ends_well(found.format, data[found.end :]) or zipfile.is_zipfile(io.BytesIO(data)):
        raise PhotoAmbiguous("The file is a picture and something else as well: save the picture alone and send that.")
    return found


def _walk(data: bytes) -> Structure:
    try:
        if data.startswith(PNG_START):
            return _png(data)
        if data.startswith(JPEG_START):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except IndexError as error:
        raise _cut_off() from error
    raise NotAPhoto("Photos are PNG, JPEG or WebP files.", fields={"image": "is neither PNG nor JPEG nor WebP"})


def _cut_off() -> PhotoTruncated:
    return PhotoTruncated("The file ends before the picture does: send it once more.")


def _number(data: bytes, at: int, length: int, order: str = "big") -> int:
    """Raises `IndexError` behind the end."""
    if at + length > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + length], "little" if order == "little" else "big")


def _png(data: bytes) -> Structure:
    """Chunks: length, name, content, checksum. `acTL` comes before the picture where it moves."""
    if data[12:16] != b"IHDR":
        raise PhotoDamaged("The file begins like a PNG and is none.") if len(data) >= 16 else _cut_off()
    width, height = _number(data, 16, 4), _number(data, 20, 4)
    at, animated = len(PNG_START), False
    while True:
        length, name = _number(data, at, 4), data[at + 4 : at + 8]
        at += 12 + length
        if at > len(data):
            raise _cut_off()
        animated |= name == b"acTL"
        if name == b"IEND":
            return Structure(PhotoFormat.PNG, width, height, animated, at)


def _jpeg(data: bytes) -> Structure:
    """Segments up to the first scan, then compressed data with markers between."""
    at, scans, size = 2, 0, (0, 0)
    while True:
        marker = JPEG_MARKER.search(data, at) if scans else JPEG_MARKER.match(data, at)
        if marker is None:
            if scans or at + 1 >= len(data):
                raise _cut_off()
            raise PhotoDamaged("The file begins like a JPEG and is none.")
        kind, at = marker[1][0], marker.end()
        if kind == END_OF_IMAGE:
            if not scans:
                raise PhotoDamaged("The file begins like a JPEG and holds no picture.")
            return Structure(PhotoFormat.JPEG, *size, False, at)
        if kind in WITHOUT_LENGTH:
            continue
        if kind in START_OF_FRAME:
            if size != (0, 0):
                raise PhotoDamaged("The file says its size twice.")
            size = _number(data, at + 5, 2), _number(data, at + 3, 2)
        scans += kind == START_OF_SCAN
        if scans > MOST_SCANS:
            raise PhotoDamaged("The picture is drawn in more passes than any camera writes.")
        at += _number(data, at, 2)
        if at > len(data):
            raise _cut_off()


def _webp(data: bytes) -> Structure:
    """RIFF: the length of the whole, then chunks of name, length, content, even in length. The first one says what it is."""
    end = 8 + _number(data, 4, 4, "little")
    end += end % 2
    if end > len(data):
        raise _cut_off()
    name, animated = data[12:16], False
    if name == b"VP8X":
        animated = bool(_number(data, 20, 1) & 0x02)
        size = 1 + _number(data, 24, 3, "little"), 1 + _number(data, 27, 3, "little")
    elif name == b"VP8L":
        bits = _number(data, 21, 4, "little")
        size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif name == b"VP8 ":
        size = _number(data, 26, 2, "little") & 0x3FFF, _number(data, 28, 2, "little") & 0x3FFF
    else:
        raise PhotoDamaged("The file begins like a WebP and is none.")
    at = 12
    while at < end:
        animated |= data[at : at + 4] in (b"ANIM", b"ANMF")
        length = _number(data, at + 4, 4, "little")
        at += 8 + length + length % 2
    if at > end:
        raise PhotoDamaged("The file's parts do not fit into it.")
    return Structure(PhotoFormat.WEBP, *size, animated, end)


def _ends_well(kind: PhotoFormat, rest: bytes) -> bool:
    """Whether nothing stands behind the picture but what cameras put there: padding, further JPEGs (depth, brightness), a phone's
    few seconds of video or notes. All of it is left out when the picture is kept."""
    if kind is not PhotoFormat.JPEG:
        return not rest
    rest = rest.lstrip(b"\0")
    return not rest or rest.startswith(JPEG_START) or bool(PHONE_VIDEO.match(rest)) or rest.endswith(SAMSUNG_END)
