"""Addresses as they go over the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core import addresses
from newsletter.core.errors import InvalidInput
from newsletter.providers.wire import MAXIMUM_OCTETS, needs_utf8, wire_form


@given(st.text(max_size=300) | st.text("ab@.\r\n<> \0ü", max_size=20))
def test_nothing_that_could_end_a_command_gets_through(text: str) -> None:
    try:
        whole = wire_form(text)
    except ValueError:
        return
    assert not set(whole) & set('\r\n\0<> ,;"')
    assert whole.isprintable() or not whole.isascii()
    assert len(whole.encode()) <= MAXIMUM_OCTETS
    assert whole.rpartition("@")[2].isascii()


@given(st.emails())
def test_every_address_that_can_sign_up_can_be_written_to(text: str) -> None:
    try:
        address = addresses.parse(text)
    except InvalidInput:
        return
    assert wire_form(address).rpartition("@")[0] == address.rpartition("@")[0]


@pytest.mark.parametrize(
    ("address", "wire", "utf8"),
    [
        ("o'brien+send@example.org", "o'brien+send@example.org", False),
        ("a@bücher.example.org", "a@xn--bcher-kva.example.org", False),
        ("jürgen@bücher.example.org", "jürgen@xn--bcher-kva.example.org", True),
    ],
)
def test_domains_travel_in_ascii(address: str, wire: str, utf8: bool) -> None:
    assert wire_form(address) == wire
    assert needs_utf8(wire) == utf8
