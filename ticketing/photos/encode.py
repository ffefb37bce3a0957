"""A photo as it is kept: upright, no larger than a screen, WebP, without what its file knew besides (place, camera, thumbnails).

What is kept is drawn anew from pixels: nothing of the file's own bytes gets through. Decoding costs a second or two and up
to 360 MB, so a serving process does it in a lane of its own.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageOps

from ticketing.foundation.errors import Unavailable
from ticketing.foundation.lanes import Lane
from ticketing.photos.rules import LONGEST_SIDE, MOST_BYTES
from ticketing.photos.structure import PhotoDamaged, PhotoTruncated, inspect

QUALITY = 80
MOST_THREADS = 2
"""However many cores there are: memory is what runs out first."""
MOST_WAITING = 12
"""At one or two seconds each, the last of them waits as long as a person does."""

UNREADABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises when a file breaks its own format's rules."""


class PhotosBusy(Unavailable):
    """More photos come in at once than can be prepared: the same request may be sent again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A photo ready to be kept: WebP; width and height in pixels."""

    content: bytes
    width: int
    height: int


def photo_lane() -> Lane:
    """Half of the machine's cores or less, so that others are left to answer."""
    threads = min(MOST_THREADS, max(1, (os.cpu_count() or 2) // 2))
    return Lane("photos", threads, MOST_WAITING, lambda: PhotosBusy("Many photos come in just now: try again in a moment."))


def prepare(file: BinaryIO) -> Kept:
    """Read what was sent, check it, draw it anew. Raises what `inspect` raises, and `PhotoDamaged`."""
    data = file.read(MOST_BYTES + 1)
    found = inspect(data)
    try:
        with Image.open(io.BytesIO(data), formats=[found.format.value]) as image:
            if image.size != (found.width, found.height):
                raise PhotoDamaged("The file says two different sizes.")
            return _draw(image)
    except UNREADABLE as error:
        if "truncated" in str(error):
            raise PhotoTruncated("The file ends before the picture does: send it once more.") from error
        raise PhotoDamaged("The picture can't be read: save it anew and send that.") from error


def _draw(image: Image.Image) -> Kept:
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.format == "JPEG":
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # reduces while it decodes
        picture = image.convert(mode)
    else:
        picture = _eight_bits(image).convert(mode)
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = ImageOps.exif_transpose(picture)
    upright.info.clear()
    out = io.BytesIO()
    upright.save(out, "WEBP", quality=QUALITY, method=4, exif=b"", icc_profile=b"", xmp=b"")
    return Kept(out.getvalue(), upright.width, upright.height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of sixteen bits, which Pillow would not scale by itself."""
    return image.convert("I").point(lambda value: value / 256).convert("L") if image.mode.startswith("I") else image
