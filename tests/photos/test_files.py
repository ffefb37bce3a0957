"""What becomes of a file that somebody sends: the photo that is kept, or the problem by its name."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable

import pytest
from PIL import Image

from tests.photos import pictures
from ticketing.foundation.errors import TicketingError
from ticketing.photos.encode import Kept, prepare
from ticketing.photos.rules import LONGEST_SIDE, MOST_BYTES, MOST_SCANS
from ticketing.photos.structure import (
    NotAPhoto,
    PhotoAmbiguous,
    PhotoAnimated,
    PhotoDamaged,
    PhotoEmpty,
    PhotoTooLarge,
    PhotoTooManyPixels,
    PhotoTruncated,
    inspect,
)


def kept(data: bytes) -> tuple[Kept, Image.Image]:
    """What is kept, and the picture in it."""
    result = prepare(io.BytesIO(data))
    image = Image.open(io.BytesIO(result.content))
    assert (image.format, image.size) == ("WEBP", (result.width, result.height))
    return result, image


def colour(image: Image.Image, x: float, y: float) -> str:
    """Red or blue, at a place given in shares of width and height."""
    red, _, blue = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))  # type: ignore[misc]
    return "red" if red > blue else "blue"


@pytest.mark.parametrize("make", [pictures.jpeg, pictures.png, pictures.webp, lambda: pictures.jpeg(progressive=True)])
def test_a_photo_is_kept_as_it_looks(make: Callable[[], bytes]) -> None:
    _, image = kept(make())
    assert image.size == (320, 240)
    assert (colour(image, 0.25, 0.5), colour(image, 0.75, 0.5)) == ("red", "blue")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_is_kept(mode: str) -> None:
    grey = pictures.picture(mode="L")
    image = grey.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else pictures.picture(mode=mode)
    _, result = kept(pictures.encoded(image, "PNG"))
    shade = result.convert("L").getpixel((240, 120))
    assert isinstance(shade, int | float)
    if mode in ("L", "LA", "I;16"):
        assert abs(shade - grey.getpixel((240, 120))) < 25  # type: ignore[operator]


def test_a_cmyk_jpeg_is_kept() -> None:
    _, image = kept(pictures.encoded(pictures.picture(mode="CMYK"), "JPEG"))
    assert (colour(image, 0.25, 0.5), colour(image, 0.75, 0.5)) == ("red", "blue")


def test_transparency_stays() -> None:
    image = pictures.picture(mode="RGBA")
    image.putalpha(0)
    _, result = kept(pictures.encoded(image, "PNG"))
    assert result.getchannel("A").getextrema() == (0, 0)


def test_nothing_is_kept_of_what_the_file_knew_besides_and_the_photo_stands_upright() -> None:
    data = pictures.located_jpeg()
    assert b"SECRETCAMERA" in data
    result, image = kept(data)
    assert image.size == (240, 320)
    assert (colour(image, 0.5, 0.2), colour(image, 0.5, 0.8)) == ("red", "blue")
    assert not image.getexif()
    assert image.info.keys() <= {"loop", "background", "timestamp", "duration"}
    assert not [word for word in (b"SECRET", b"EXIF", b"ICCP", b"XMP ") if word in result.content]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = pictures.picture() if orientation == 1 else pictures.picture().transpose(undo[orientation])
    for kind in ("JPEG", "PNG", "WEBP"):
        _, image = kept(pictures.encoded(stored, kind, exif=exif))
        assert image.size == (320, 240)
        assert (colour(image, 0.25, 0.5), colour(image, 0.75, 0.5)) == ("red", "blue"), kind


def test_a_large_photo_is_kept_no_larger_than_a_screen() -> None:
    result, _ = kept(pictures.jpeg(3_000, 1_500))
    assert (result.width, result.height) == (LONGEST_SIDE, LONGEST_SIDE // 2)


def test_what_a_phone_puts_behind_a_picture_is_left_out() -> None:
    plain = pictures.jpeg()
    video = b"\0\0\0\x18ftypmp42" + b"SECRETVIDEO" * 100
    for behind in (b"\0" * 100, pictures.jpeg(64, 64), video, b"SEFHx" * 20 + b"SEFT"):
        result, _ = kept(plain + behind)
        assert (result.width, result.height) == (320, 240)
        assert b"SECRETVIDEO" not in result.content


def twice_sized_jpeg() -> bytes:
    plain = pictures.jpeg()
    at = plain.index(b"\xff\xc0")
    frame = plain[at : at + 2 + int.from_bytes(plain[at + 2 : at + 4], "big")]
    return plain[:at] + frame + plain[at:]


def many_scans() -> bytes:
    plain = pictures.jpeg(progressive=True)
    at = plain.rindex(b"\xff\xda")
    return plain[:at] + plain[at:-2] * (MOST_SCANS + 1) + plain[-2:]


REFUSED: dict[str, tuple[Callable[[], bytes], type[TicketingError]]] = {
    "nothing": (lambda: b"", PhotoEmpty),
    "text": (lambda: b"I was there!", NotAPhoto),
    "web page": (lambda: b"<!doctype html><script>alert(1)</script>", NotAPhoto),
    "drawing with script": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", NotAPhoto),
    "archive": (pictures.archive, NotAPhoto),
    "gif": (lambda: pictures.encoded(pictures.picture(), "GIF"), NotAPhoto),
    "tiff": (lambda: pictures.encoded(pictures.picture(), "TIFF"), NotAPhoto),
    "bmp": (lambda: pictures.encoded(pictures.picture(), "BMP"), NotAPhoto),
    "gif and jpeg": (lambda: b"GIF89a" + pictures.jpeg(), NotAPhoto),
    "one byte too many": (lambda: pictures.jpeg() + bytes(MOST_BYTES), PhotoTooLarge),
    "jpeg and archive": (lambda: pictures.jpeg() + pictures.archive(), PhotoAmbiguous),
    "png and archive": (lambda: pictures.png() + pictures.archive(), PhotoAmbiguous),
    "webp and archive": (lambda: pictures.webp() + pictures.archive(), PhotoAmbiguous),
    "jpeg with an archive inside": (pictures.archive_inside_jpeg, PhotoAmbiguous),
    "jpeg and page": (lambda: pictures.jpeg() + b"<html><body onload=alert(1)>", PhotoAmbiguous),
    "jpeg with script in its comment": (lambda: pictures.jpeg(comment=b"--><ScRiPt src=//x>"), PhotoAmbiguous),
    "png and page": (lambda: pictures.png() + b"<html>", PhotoAmbiguous),
    "webp and page": (lambda: pictures.webp() + b"<html>", PhotoAmbiguous),
    "jpeg and program": (lambda: pictures.jpeg() + b"\x7fELF" + bytes(100), PhotoAmbiguous),
    "moving png": (lambda: pictures.frames("PNG"), PhotoAnimated),
    "moving webp": (lambda: pictures.frames("WEBP"), PhotoAnimated),
    "bomb": (lambda: pictures.bomb_png(20_000, 20_000), PhotoTooManyPixels),
    "just too many pixels": (lambda: pictures.bomb_png(5_001, 4_000), PhotoTooManyPixels),
    "hidden bomb": (pictures.with_second_size, PhotoDamaged),
    "huge jpeg": (lambda: resized_jpeg(65_000, 65_000), PhotoTooManyPixels),
    "huge webp": (lambda: resized_webp(16_000, 16_000), PhotoTooManyPixels),
    "jpeg without size": (lambda: resized_jpeg(0, 100), PhotoDamaged),
    "jpeg with two sizes": (twice_sized_jpeg, PhotoDamaged),
    "jpeg of endless passes": (many_scans, PhotoDamaged),
    "half a jpeg": (lambda: half(pictures.jpeg()), PhotoTruncated),
    "half a png": (lambda: half(pictures.png()), PhotoTruncated),
    "half a webp": (lambda: half(pictures.webp()), PhotoTruncated),
    "a jpeg's beginning": (lambda: pictures.jpeg()[:3], PhotoTruncated),
    "a png's beginning": (lambda: pictures.PNG_START, PhotoTruncated),
    "a webp's beginning": (lambda: pictures.webp()[:12], PhotoTruncated),
    "png without rows": (lambda: cut_rows(pictures.png()), PhotoTruncated),
}


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def resized_jpeg(width: int, height: int) -> bytes:
    data = bytearray(pictures.jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def resized_webp(width: int, height: int) -> bytes:
    data = bytearray(pictures.webp())
    assert data[12:16] == b"VP8 "
    data[26:30] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return bytes(data)


def cut_rows(data: bytes) -> bytes:
    """A PNG in good order whose only content chunk was emptied."""
    at = data.index(b"IDAT") - 4
    return data[:at] + pictures.chunk(b"IDAT", b"") + pictures.chunk(b"IEND", b"")


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_plain_photo_is_refused_by_name(what: str) -> None:
    make, error = REFUSED[what]
    with pytest.raises(error):
        prepare(io.BytesIO(make()))


def test_the_largest_photo_is_kept() -> None:
    result, _ = kept(pictures.bomb_png(5_000, 4_000))
    assert (result.width, result.height) == (2_048, 1_638)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    data = pictures.bomb_png(20_000, 20_000)
    assert len(data) < 60_000
    tracemalloc.start()
    with pytest.raises(PhotoTooManyPixels) as caught:
        prepare(io.BytesIO(data))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert caught.value.details["width"] == 20_000


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_anywhere_ends_in_a_photo_or_a_named_problem() -> None:
    """No byte turned, left out or doubled may lead to anything else."""
    chance = random.Random(11)
    sources = [pictures.located_jpeg(), pictures.jpeg(64, 64, progressive=True), pictures.png(64, 64), pictures.webp(64, 64)]
    sources += [pictures.webp(64, 64, lossless=True), pictures.encoded(pictures.picture(64, 64, "P"), "PNG", transparency=3)]
    outcomes = set()
    for number in range(900):
        data = bytearray(sources[number % len(sources)])
        near_the_beginning = len(data) if number % 2 else min(len(data), 200)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(near_the_beginning)
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 30)]
                case _:
                    data[at:at] = data[at : at + 30]
            near_the_beginning = min(near_the_beginning, len(data))
        try:
            prepare(io.BytesIO(bytes(data)))
            outcomes.add("kept")
        except TicketingError as error:
            outcomes.add(error.problem_type)
    assert {"kept", "photo-damaged", "photo-truncated", "not-a-photo"} <= outcomes


def test_inspecting_reads_what_pillow_reads() -> None:
    for data in (pictures.jpeg(317, 211), pictures.png(317, 211), pictures.webp(317, 211), pictures.webp(317, 211, lossless=True)):
        found = inspect(data)
        assert (found.width, found.height, found.end) == (317, 211, len(data))
