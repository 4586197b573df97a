"""No brand colour can make a mail unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from newsletter.rendering.colours import AA, contrast, palette, readable

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#00594c", "#00594c") == 1


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert palette("#00594c", "#eef4f2").link == "#00594c"
    assert palette("#00594c", "#eef4f2").tint == "#eef4f2"


@given(COLOURS, COLOURS)
def test_every_pair_a_template_uses_can_be_read(brand: str, tint: str) -> None:
    colours = palette(brand, tint)
    for text, on in [
        (colours.on_brand, colours.brand),
        (colours.link, colours.page),
        (colours.link, colours.tint),
        (colours.ink, colours.page),
        (colours.ink, colours.tint),
        (colours.quiet, colours.page),
        (colours.dark_link, colours.dark_page),
        (colours.dark_link, colours.dark_panel),
        (colours.dark_ink, colours.dark_page),
        (colours.dark_ink, colours.dark_panel),
        (colours.dark_quiet, colours.dark_page),
    ]:
        assert contrast(text, on) >= AA


@given(COLOURS, COLOURS)
def test_readable_reaches_what_was_asked_for(colour: str, on: str) -> None:
    assert contrast(readable(colour, on), on) >= AA


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#00594c;x", "#00594G"])
def test_what_is_not_a_colour_is_refused(colour: str) -> None:
    with pytest.raises(InvalidInput, match="#00594c"):
        palette(colour, "#eef4f2")
