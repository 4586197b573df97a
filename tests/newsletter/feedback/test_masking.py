"""What would name somebody is found in the shapes people write it in, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feedback import masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Mail me at jo.o'hara+send@example.org.", "Mail me at (email address)."),
        ("<jo@example.org>", "<(email address)>"),
        ("Ring 01632 960 123 after six", "Ring (phone number) after six"),
        ("Ring (01632) 960123", "Ring (phone number)"),
        ("07700 900123, 07700-900-124", "(phone number), (phone number)"),
        ("+44 7700 900123 or +44 (0)1632 960123", "(phone number) or (phone number)"),
        ("0044 1632 960123", "(phone number)"),
        ("His NHS number is 943 476 5919", "His NHS number is (NHS number)"),
        ("9434765919", "(NHS number)"),
        ("UPN A123456789012 and h801200001001", "UPN (pupil number) and (pupil number)"),
    ],
)
def test_it_is_masked(text: str, masked: str) -> None:
    assert masking.mask(text) == masked
    assert masking.found(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "We waited 52 weeks, from 3 November 2025 to 2 November 2026.",
        "260 of 500 plans, 52% @ 20 weeks",
        "9434765918",  # its last digit does not check
        "Call 111 or 999",
        "Section 19 of the Act 1996, page 1024",
        "In 2023-2024 there were 1,234,567,890 forms",
        "@everyone",
    ],
)
def test_it_is_left_alone(text: str) -> None:
    assert masking.mask(text) == text
    assert masking.found(text) == []


@given(st.text(max_size=2000))
def test_masking_ends_and_masking_again_changes_nothing(text: str) -> None:
    masked = masking.mask(text)
    assert masking.mask(masked) == masked


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_address_never_comes_through(before: str, after: str) -> None:
    assert "reader@example.org" not in masking.mask(f"{before} reader@example.org {after}")
