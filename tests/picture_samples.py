"""Pictures as people upload them, drawn on the spot."""

import io
import random

from PIL import Image, ImageDraw

SIZE = (1600, 1200)


def jpeg(size: tuple[int, int] = SIZE, *, seed: int = 1, orientation: int | None = None, **options: object) -> bytes:
    """A photograph, as far as a coder of pictures can tell: shades, and a little noise."""
    return _file(_photo(size, seed), "JPEG", quality=92, **_exif(orientation), **options)


def png(size: tuple[int, int] = (800, 400), colour: str = "#00594c", background: str | None = "white") -> bytes:
    """A drawing: a block of one colour on another, or on nothing."""
    drawing = Image.new("RGBA", size, background or (0, 0, 0, 0))
    width, height = size
    ImageDraw.Draw(drawing).rectangle((width // 8, height // 4, width - width // 8, height - height // 4), fill=colour)
    return _file(drawing, "PNG")


def webp(size: tuple[int, int] = SIZE) -> bytes:
    return _file(_photo(size, 2), "WEBP")


def several_jpegs(*colours: str, size: tuple[int, int] = (300, 200)) -> bytes:
    """What phones write when they keep more than one picture in a file, held upright."""
    first, *others = [Image.new("RGB", size, colour) for colour in colours]
    return _file(first, "MPO", save_all=True, append_images=others, exif=_exif(6)["exif"])


def noise(size: tuple[int, int] = (1200, 1200)) -> bytes:
    """Nothing can make this small but less of it."""
    return _file(Image.frombytes("RGB", size, random.Random(3).randbytes(size[0] * size[1] * 3)), "PNG")


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def _photo(size: tuple[int, int], seed: int) -> Image.Image:
    small = Image.frombytes("RGB", (24, 18), random.Random(seed).randbytes(24 * 18 * 3))
    return small.resize(size, Image.Resampling.BICUBIC)


def _exif(orientation: int | None) -> dict[str, object]:
    """What a phone writes into a photograph: how it was held, which one it was, and where."""
    if orientation is None:
        return {}
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Example phone"
    exif.get_ifd(0x8825)[2] = (51.0, 45.0, 7.0)
    return {"exif": exif.tobytes(), "comment": b"taken at the nursery"}


def _file(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
