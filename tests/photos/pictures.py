"""Pictures for tests, made by Pillow, and files that only look like pictures."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"


def picture(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    """Left red, right blue, with some noise, so that no format makes nothing of it."""
    noise = np.random.default_rng(7).integers(0, 40, (height, width, 3), dtype=np.uint8)
    noise[:, : width // 2, 0] += 200
    noise[:, width // 2 :, 2] += 200
    return Image.fromarray(noise, "RGB").convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 320, height: int = 240, **options: Any) -> bytes:
    return encoded(picture(width, height), "JPEG", **options)


def png(width: int = 320, height: int = 240) -> bytes:
    return encoded(picture(width, height), "PNG")


def webp(width: int = 320, height: int = 240, **options: Any) -> bytes:
    return encoded(picture(width, height), "WEBP", **options)


def chunk(name: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb_png(width: int, height: int) -> bytes:
    """Some kilobytes that are a valid black picture of any size."""
    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(compressor.compress(row * 100) for _ in range(height // 100)) + compressor.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return PNG_START + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def located_jpeg() -> bytes:
    """With a place, a camera, a comment, a colour profile, and taken with the phone on its side: red is to come out on top."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SECRETCAMERA", 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return jpeg(exif=exif, comment=b"SECRETCOMMENT", icc_profile=b"SECRETPROFILE" * 20)


def frames(kind: str) -> bytes:
    """An animation of two pictures."""
    return encoded(picture(), kind, save_all=True, append_images=[picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)], duration=100)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("run.js", "alert(1)")
    return out.getvalue()


def archive_inside_jpeg() -> bytes:
    """A JPEG to its end, and a zip to whoever reads from there: the archive lies in the comment, the rest of the picture in its own."""
    inner = bytearray(archive())
    plain = jpeg()
    inner[-2:] = struct.pack("<H", len(plain) - 2)
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", len(inner) + 2) + bytes(inner) + plain[2:]


def with_second_size() -> bytes:
    """A PNG that says a small size first and a huge one after it."""
    plain = png()
    header_end = 8 + 25
    return plain[:header_end] + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)) + plain[header_end:]
