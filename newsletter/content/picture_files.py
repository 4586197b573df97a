"""Makes of a file that somebody uploaded a picture that may be sent: small, upright, and with nothing hidden in it.

Nothing of the file itself is kept. Its pixels are drawn anew, so that where and when a photograph was taken, by which
phone, and whatever else was put into the file, stays behind: these are photographs of children. Knows no database.
"""

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from PIL import Image, ImageOps

from newsletter.core.errors import InvalidInput
from newsletter.rendering.colours import contrast

#: The longer side, in pixels: twice what is shown, for sharp screens.
LONGEST_SIDE = 1200
#: A few of these, and a mail is still small.
MOST_BYTES = 100_000
#: Shorter than this, nobody sees what it shows.
SHORTEST_SIDE = 40
#: How many pixels a file may unpack to. JPEG is unpacked at the size that is needed, the others whole.
MOST_PIXELS = {"JPEG": 50_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}
#: What many phones write: a JPEG with more of them behind it, in other sizes or from another eye. The first is meant.
_SEVERAL_JPEGS = "MPO"

#: A logo: as wide as a mail at most, twice for sharp screens, and of a height that leaves room for the news.
LOGO_SIDES = (800, 240)
LOGO_BYTES = 30_000
#: WCAG 2.2, success criterion 1.4.11: what is needed to make out a graphic.
_SEEN = 3.0

#: How many times as large as a JPEG a hasty PNG is at least, before nobody tries to make it smaller than that.
_PHOTOGRAPH = 5

#: Modes whose points may be mixed before anything else is done with them.
_SHRINK_AS_THEY_ARE = {"L", "LA", "RGB", "RGBA", "CMYK"}

_UNREADABLE = "This file is not a picture we can read: use JPEG, PNG or WebP"
_KINDS = {b"\xff\xd8\xff": ("image/jpeg", "jpg"), b"\x89PNG\r\n\x1a\n": ("image/png", "png")}


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture that may be sent."""

    content: bytes
    media_type: str  # "image/jpeg" or "image/png"
    width: int
    height: int


def photograph(content: bytes) -> MadePicture:
    """A picture for an update, from a JPEG, PNG or WebP file. Raises `InvalidInput` with a sentence for the form."""
    drawn = _drawn(content, (LONGEST_SIDE, LONGEST_SIDE))
    if min(drawn.size) < SHORTEST_SIDE:
        raise InvalidInput("This picture is too small, or far too narrow, to see what it shows", field="file")
    return _packed(drawn, MOST_BYTES)


def logo(content: bytes) -> MadePicture:
    """A logo, on white. Raises `InvalidInput` with a sentence for the form, also where it could not be seen there."""
    drawn = _drawn(content, LOGO_SIDES)
    if min(drawn.size) < SHORTEST_SIDE // 2:
        raise InvalidInput("This logo is too small, or far too narrow, to be seen", field="file")
    if not _stands_out(drawn):
        raise InvalidInput(
            "This logo can hardly be seen on white. Use the version that is made for a light background", field="file"
        )
    return _packed(drawn, LOGO_BYTES)


def kind(content: bytes) -> tuple[str, str] | None:
    """Media type and the end of the name, by what the bytes begin with; None for what we never made."""
    return next((found for begins, found in _KINDS.items() if content.startswith(begins)), None)


def _drawn(content: bytes, sides: tuple[int, int]) -> Image.Image:
    """The picture on white, upright, no larger than these sides, with nothing of the file but its pixels."""
    try:
        with Image.open(io.BytesIO(content), formats=tuple(MOST_PIXELS)) as opened:
            width, height = opened.size
            kind = "JPEG" if opened.format == _SEVERAL_JPEGS else str(opened.format)
            if width * height > MOST_PIXELS[kind]:
                raise InvalidInput(
                    f"This picture has {width:,} by {height:,} pixels, which is more than we can read. Make it smaller",
                    field="file",
                )
            longest = max(sides)
            opened.draft("RGB", (longest, longest))  # JPEG alone: unpacks no more than is needed
            opened.load()
            _turn_upright(opened)
            return _on_white(opened, sides)
    except InvalidInput:
        raise
    except Exception:  # whatever a decoder makes of bytes that were made to break it
        raise InvalidInput(_UNREADABLE, field="file") from None


def _turn_upright(picture: Image.Image) -> None:
    """Turn it as the camera was held."""
    with contextlib.suppress(Exception):  # the note about it is broken: the picture need not be
        ImageOps.exif_transpose(picture, in_place=True)


def _on_white(picture: Image.Image, sides: tuple[int, int]) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # sixteen bits a pixel: only the upper eight are shown
        picture = picture.point(lambda value: value / 256).convert("L")
    if picture.mode in _SHRINK_AS_THEY_ARE and "transparency" not in picture.info:
        picture.thumbnail(sides, Image.Resampling.LANCZOS)  # first: the rest is then done with little memory
    with_alpha = picture.convert("RGBA")
    with_alpha.thumbnail(sides, Image.Resampling.LANCZOS)
    clean = Image.new("RGB", with_alpha.size, "white")
    clean.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return clean


def _packed(picture: Image.Image, most_bytes: int) -> MadePicture:
    """As PNG where that is smaller, as it is for drawings; else as JPEG, of less quality or size until it fits."""
    jpegs = _jpegs(picture)
    first, _ = next(jpegs)
    plain = _plain(picture, first)
    for jpeg, drawn in chain([(first, picture)], jpegs):
        if plain is not None and len(plain) <= most_bytes and len(plain) <= len(jpeg):
            return MadePicture(plain, "image/png", *picture.size)
        if len(jpeg) <= most_bytes:
            return MadePicture(jpeg, "image/jpeg", *drawn.size)
    raise InvalidInput("This picture stays too large for an email. Use one with less detail", field="file")


def _plain(picture: Image.Image, jpeg: bytes) -> bytes | None:
    """It as PNG; None for a photograph, which is many times as large as PNG, and takes a second to find that out."""
    if len(_written(picture, "PNG", compress_level=1)) > len(jpeg) * _PHOTOGRAPH:
        return None
    return _written(picture, "PNG", optimize=True)


def _jpegs(picture: Image.Image) -> Iterator[tuple[bytes, Image.Image]]:
    while min(picture.size) >= SHORTEST_SIDE // 2:
        for quality in (85, 75, 65, 55):
            yield _written(picture, "JPEG", quality=quality, optimize=True, progressive=True), picture
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5), Image.Resampling.LANCZOS)


def _written(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _stands_out(picture: Image.Image) -> bool:
    """Whether something in it can be made out on white: one point in a hundred, at least."""
    small = picture.copy()
    small.thumbnail((120, 120))
    points = small.tobytes()
    colours = Counter(points[start : start + 3] for start in range(0, len(points), 3))
    seen = sum(count for colour, count in colours.items() if contrast(f"#{colour.hex()}", "#ffffff") >= _SEEN)
    return seen * 100 >= small.width * small.height
