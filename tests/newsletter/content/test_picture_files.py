"""Whatever file comes, out comes a small and plain picture, or a sentence; never what was hidden in the file."""

import io
import random
import zlib
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from newsletter.content import picture_files
from newsletter.content.picture_files import LOGO_BYTES, MOST_BYTES, logo, photograph
from newsletter.core.errors import InvalidInput
from tests.picture_samples import jpeg, noise, opened, png, several_jpegs, webp

READABLE = "This file is not a picture we can read: use JPEG, PNG or WebP"


@pytest.mark.parametrize("file", [jpeg(), webp(), png(), noise()], ids=["jpeg", "webp", "png", "noise"])
def test_any_picture_becomes_a_small_one(file: bytes) -> None:
    made = photograph(file)
    picture = opened(made.content)
    assert picture.size == (made.width, made.height)
    assert max(picture.size) <= 1200
    assert len(made.content) <= MOST_BYTES
    assert picture.get_format_mimetype() == made.media_type


def test_photographs_become_jpeg_and_drawings_png() -> None:
    assert photograph(jpeg()).media_type == "image/jpeg"
    assert photograph(png()).media_type == "image/png"


def test_the_shape_stays() -> None:
    made = photograph(jpeg((3000, 1000)))
    assert (made.width, made.height) == (1200, 400)


def test_a_small_picture_is_not_made_larger() -> None:
    made = photograph(jpeg((300, 200)))
    assert (made.width, made.height) == (300, 200)


def test_nothing_that_a_phone_wrote_into_it_is_left() -> None:
    made = photograph(jpeg(orientation=6))
    picture = opened(made.content)
    assert (made.width, made.height) == (900, 1200)  # it was held upright
    assert not picture.getexif()
    assert not {"exif", "comment", "icc_profile", "xmp"} & set(picture.info)
    assert b"phone" not in made.content
    assert b"nursery" not in made.content


def test_of_a_photograph_with_more_of_them_behind_it_the_first_is_taken() -> None:
    made = photograph(several_jpegs("red", "blue"))
    assert (made.width, made.height) == (200, 300)  # it was held upright
    assert opened(made.content).convert("RGB").getpixel((9, 9))[0] > 200  # type: ignore[index]


def test_a_photograph_with_more_of_them_behind_it_may_be_no_larger_than_another() -> None:
    with pytest.raises(InvalidInput, match="more than we can read"):
        photograph(several_jpegs("red", "blue", size=(10_000, 5_001)))


def test_a_picture_whose_note_is_broken_is_still_a_picture() -> None:
    assert photograph(jpeg(exif=b"Exif\0\0not an exif block")).media_type == "image/jpeg"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    file = io.BytesIO()
    grey = Image.linear_gradient("L")
    if mode == "I;16":
        doubled = bytes(byte for value in grey.tobytes() for byte in (value, value))
        picture = Image.frombytes("I;16", grey.size, doubled)
    else:
        picture = grey.convert(mode)
    picture.save(file, "PNG")
    made = opened(photograph(file.getvalue()).content)
    darkest, lightest = made.convert("L").getextrema()
    assert darkest < 60  # type: ignore[operator]
    assert lightest > 190  # type: ignore[operator]


def test_a_picture_in_the_colours_of_a_printer_is_read() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (300, 200), (0, 255, 255, 0)).save(file, "JPEG")
    red, green, blue = opened(photograph(file.getvalue()).content).convert("RGB").getpixel((9, 9))  # type: ignore
    assert red > 200
    assert max(green, blue) < 60


def test_what_is_see_through_becomes_white() -> None:
    assert opened(photograph(png(background=None)).content).convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_of_what_moves_the_first_picture_is_taken() -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (200, 200), colour) for colour in ("red", "blue")]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    made = opened(photograph(file.getvalue()).content)
    assert made.convert("RGB").getpixel((9, 9)) == (255, 0, 0)
    assert getattr(made, "n_frames", 1) == 1


def chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A file of a few hundred bytes that says it is enormous."""
    head = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("sides", [(10_000, 10_000), (6_000, 6_000), (65_535, 65_535), (2**31 - 1, 1), (1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_unpacked(sides: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput):
        photograph(bomb(*sides))


def test_words_that_unpack_to_a_bomb_are_refused() -> None:
    plain = png((200, 100))
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 80_000_000))
    with pytest.raises(InvalidInput):
        photograph(plain[:33] + text + plain[33:])


SCRIPT = b"<script>alert(document.cookie)</script>"


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<!doctype html><title>picture.png</title>" + SCRIPT,
        b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">' + SCRIPT + b"</svg>",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"GIF89a" + b"\1\0\1\0\0\0\0;",
        b"%PDF-1.7\n%EOF",
        b"PK\3\4" + b"\0" * 99,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n",
        b"\x89PNG\r\n\x1a\n" + SCRIPT,
        b"\xff\xd8\xff\xe0" + SCRIPT,
        jpeg()[:9000],
        png()[:300],
        webp()[:3000],
    ],
    ids=["nothing", "html", "svg", "xml", "gif", "pdf", "zip", "eps", "png head", "jpeg head", "cut jpeg", "cut png",
         "cut webp"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_in_a_sentence(file: bytes) -> None:
    with pytest.raises(InvalidInput, match=READABLE) as refused:
        photograph(file)
    assert refused.value.field == "file"


@pytest.mark.parametrize("file", [jpeg() + SCRIPT, png() + SCRIPT, b"".join([png(), b"PK\3\4", SCRIPT])])
def test_of_a_picture_that_is_something_else_as_well_only_the_picture_is_kept(file: bytes) -> None:
    assert SCRIPT not in photograph(file).content


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_picture_or_refused(file: bytes) -> None:
    read_or_refused(file)


SAMPLES = {"jpeg": jpeg((120, 90)), "png": png((120, 90)), "webp": webp((120, 90))}


@given(st.sampled_from(sorted(SAMPLES)), st.randoms(use_true_random=False), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_a_damaged_picture_is_a_picture_or_refused(kind: str, chance: random.Random, damages: int) -> None:
    file = bytearray(SAMPLES[kind])
    for _ in range(damages):
        file[chance.randrange(len(file))] = chance.randrange(256)
    read_or_refused(bytes(file))


def read_or_refused(file: bytes) -> None:
    for make in (photograph, logo):
        try:
            made = make(file)
        except InvalidInput:  # anything else fails the test
            continue
        assert picture_files.kind(made.content)


@pytest.mark.parametrize("size", [(39, 500), (5000, 20), (1, 1)])
def test_a_picture_that_shows_nothing_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match="too small"):
        photograph(jpeg(size))


class TestALogo:
    def test_it_is_small(self) -> None:
        made = logo(jpeg())
        assert made.height <= 240
        assert len(made.content) <= LOGO_BYTES

    def test_one_that_is_white_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="light background"):
            logo(png(colour="#ffffff", background=None))

    def test_one_that_is_pale_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="light background"):
            logo(png(colour="#ffe08a", background=None))

    def test_one_on_nothing_is_put_on_white(self) -> None:
        assert opened(logo(png(background=None)).content).convert("RGB").getpixel((0, 0)) == (255, 255, 255)
