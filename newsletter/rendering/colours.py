"""Colours that can be read: contrast as WCAG 2.2 measures it, and the palette of a mail from one brand colour.

A partnership chooses a brand colour and a tint. Everything else follows from them here, so that no choice of theirs
can make a mail unreadable, in light or in dark mode.
"""

import colorsys
import re
from dataclasses import dataclass

from newsletter.core.errors import InvalidInput

#: WCAG 2.2, success criterion 1.4.3, for text of any size.
AA = 4.5
#: 1.4.6: what we ask of running text.
AAA = 7.0

_WHITE = "#ffffff"
_INK = "#1d2b28"
_DARK_PAGE = "#141c1a"
_DARK_PANEL = "#1f2a27"
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours written `#rrggbb`: 1 (the same) to 21 (black on white).

    Raises `InvalidInput` for anything that is not such a colour.
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, on: str, *, ratio: float = AA) -> str:
    """`colour`, made only as much darker or lighter as it takes to reach `ratio` on the background `on`.

    Its hue stays; a lightened colour loses some of its saturation, which would glare on a dark page.
    """
    if contrast(colour, on) >= ratio:
        return colour.lower()
    darker = _luminance(on) > 0.18
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    for step in range(1, 51):
        towards = lightness * (1 - step / 50) if darker else lightness + (1 - lightness) * step / 50
        red, green, blue = colorsys.hls_to_rgb(hue, towards, saturation if darker else min(saturation, 0.5))
        moved = "#" + "".join(f"{round(channel * 255):02x}" for channel in (red, green, blue))
        if contrast(moved, on) >= ratio:
            return moved
    return "#000000" if darker else _WHITE


@dataclass(frozen=True, slots=True)
class Palette:
    """Every colour a mail template may use; the `dark_` ones take over where the reader prefers dark."""

    brand: str
    on_brand: str
    link: str
    tint: str
    page: str = _WHITE
    ink: str = _INK
    quiet: str = "#50605c"
    line: str = "#cfdad6"
    dark_page: str = _DARK_PAGE
    dark_panel: str = _DARK_PANEL
    dark_ink: str = "#e6eeeb"
    dark_quiet: str = "#b7c5c0"
    dark_line: str = "#43524d"
    dark_link: str = ""


def palette(brand: str, tint: str) -> Palette:
    """The colours of a mail for a partnership's brand colour and tint."""
    if contrast(_INK, tint) < AAA or contrast("#50605c", tint) < AA:
        tint = "#eef2f1"
    return Palette(
        brand=brand.lower(),
        on_brand=_WHITE if contrast(_WHITE, brand) >= AA else readable(_INK, brand),
        link=readable(readable(brand, _WHITE), tint),
        tint=tint.lower(),
        dark_link=readable(brand, _DARK_PANEL, ratio=AAA),
    )


def _channels(colour: str) -> tuple[int, int, int]:
    if not _HEX.fullmatch(colour):
        raise InvalidInput(f"“{colour[:20]}” is not a colour. Write it as # and six digits, like #00594c")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
