"""Likely typing errors in an address: pointed out where they are one, and never where the domain is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.addresses import _REAL_TOO, COMMON_DOMAINS, likely_typo

LOCALS = st.from_regex(r"[a-z][a-z0-9.+'-]{0,20}[a-z0-9]", fullmatch=True)
COMMON = st.sampled_from(sorted(COMMON_DOMAINS))
RIGHT = st.one_of(
    COMMON,
    st.sampled_from(sorted(_REAL_TOO)),
    st.from_regex(r"[a-z][a-z-]{2,15}[a-z]\.(oxon\.sch\.uk|sch\.uk|gov\.uk|nhs\.uk|ac\.uk|org\.uk)", fullmatch=True),
    st.sampled_from(["school.org", "bbc.co.uk", "ouh.nhs.uk", "nhs.uk", "nhs.net", "education.gov.uk", "example.org"]),
)


@given(local=LOCALS, domain=RIGHT)
def test_a_right_domain_is_never_called_a_slip(local: str, domain: str) -> None:
    assert likely_typo(f"{local}@{domain}") is None


@given(local=LOCALS, domain=COMMON, data=st.data())
def test_a_slip_of_one_letter_leads_back_or_is_another_right_domain(
    local: str, domain: str, data: st.DataObject
) -> None:
    name, _, ending = domain.partition(".")
    place = data.draw(st.integers(0, max(0, len(name) - 2)))
    slip = data.draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 : place + 2] + name[place : place + 1] + name[place + 2 :],
                name[:place] + name[place] + name[place:],
                name[:place] + name[place + 1 :],
            ]
        )
    )
    suggested = likely_typo(f"{local}@{slip}.{ending}")
    if suggested is not None:
        assert suggested.rpartition("@")[2] in COMMON_DOMAINS
        assert suggested.startswith(f"{local}@")
        assert likely_typo(suggested) is None
    elif len(name) > 4:
        assert f"{slip}.{ending}" in COMMON_DOMAINS | _REAL_TOO


@given(local=LOCALS, domain=st.text(st.characters(exclude_characters="@\n"), max_size=40))
def test_whatever_is_suggested_is_different_and_is_not_itself_a_slip(local: str, domain: str) -> None:
    suggested = likely_typo(f"{local}@{domain}")
    if suggested is not None:
        assert suggested != f"{local}@{domain}"
        assert likely_typo(suggested) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmial.con", "gmail.com"),
        ("gmail.co.uk", "gmail.com"),
        ("homtail.com", "hotmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotmail.co", "hotmail.com"),
        ("hotmail.co.u", "hotmail.co.uk"),
        ("outlok.com", "outlook.com"),
        ("outllook.com", "outlook.com"),
        ("iclod.com", "icloud.com"),
        ("btinternet.co", "btinternet.com"),
        ("nhs.ent", "nhs.net"),
        ("nsh.net", "nhs.net"),
        ("ouh.nhs.co.uk", "ouh.nhs.uk"),
        ("clanfield.oxon.shc.uk", "clanfield.oxon.sch.uk"),
        ("clanfield.oxon.sch.co.uk", "clanfield.oxon.sch.uk"),
        ("example.gov.co.uk", "example.gov.uk"),
    ],
)
def test_common_slips_are_known(typed: str, meant: str) -> None:
    assert likely_typo(f"a.reader@{typed}") == f"a.reader@{meant}"
