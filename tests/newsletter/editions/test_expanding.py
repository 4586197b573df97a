"""Acronyms are written out where an edition first uses them, and only there."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editions.expanding import Expander, is_acronym
from newsletter.rendering import markup
from newsletter.rendering.mails import Expansion

TERMS = [
    Expansion("EHCP", "education, health and care plan"),
    Expansion("EHC", "education, health and care"),
    Expansion("NHS", "National Health Service"),
    Expansion("LA", "local authority"),
    Expansion("SEND", "special educational needs and disabilities"),
    Expansion("SENDIASS", "SEND information, advice and support service"),
    Expansion("DfE", "Department for Education"),
    Expansion("annual review", "the yearly meeting"),
    Expansion("ICB", ""),
]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("Ask for an EHCP.", "Ask for an education, health and care plan (EHCP)."),
        ("EHCPs take long.", "Education, health and care plans (EHCPs) take long."),
        ("It helps. EHCPs help.", "It helps. Education, health and care plans (EHCPs) help."),
        ("* EHCP\n* EHCP", "* Education, health and care plan (EHCP)\n* EHCP"),
        ("## EHC needs", "## Education, health and care (EHC) needs"),
        ("one\nEHCP", "one\neducation, health and care plan (EHCP)"),
        ("an NHS trust", "a National Health Service (NHS) trust"),
        ("An NHS trust", "A National Health Service (NHS) trust"),
        ("both LAs", "both local authorities (LAs)"),
        ("the LA's plan", "the local authority's (LA's) plan"),
        ("by DfE", "by Department for Education (DfE)"),
        (
            "Call SENDIASS about SEND.",
            "Call special educational needs and disabilities (SEND) information, advice and support service "
            "(SENDIASS) about SEND.",
        ),
        ("**EHCP**", "**Education, health and care plan (EHCP)**"),
        ("[EHCP guide](https://example.org/EHCP)", "[Education, health and care plan (EHCP) guide](https://example.org/EHCP)"),
        ("[guide](https://example.org/EHCP)", "[guide](https://example.org/EHCP)"),
        ("Write to EHCP@example.org", "Write to EHCP@example.org"),
        ("The annual review, SEN, EHCPX and the ICB", "The annual review, SEN, EHCPX and the ICB"),
    ],
)  # fmt: skip
def test_the_first_use_says_what_it_stands_for(text: str, expanded: str) -> None:
    assert Expander(TERMS).text(text) == expanded


@pytest.mark.parametrize(
    "text",
    [
        "An education, health and care plan (EHCP) helps.",
        "Education, health and care\nplans (EHCPs) help.",
        "An EHCP (education, health and care plan) helps.",
        "An **education, health and care plan**, or EHCP, helps.",
    ],
)
def test_what_the_author_has_written_out_is_left_alone_and_counts(text: str) -> None:
    pen = Expander(TERMS)
    assert pen.text(text) == text
    assert pen.text("The EHCP says how.") == "The EHCP says how."
    assert pen.written_out == []


def test_it_says_what_it_wrote_out_and_does_the_same_with_that_alone() -> None:
    texts = ["About SENDIASS", "An EHCP", "EHCPs and the NHS"]
    first = Expander(TERMS)
    written = [first.text(text) for text in texts]
    assert [one.term for one in first.written_out] == ["SENDIASS", "SEND", "EHCP", "NHS"]
    again = Expander(first.written_out)
    assert [again.text(text) for text in texts] == written


_texts = st.lists(
    st.lists(st.sampled_from(["EHCP", "EHCPs", "NHS", "an", "the", "plan", "**LA**", "[DfE](https://example.org/EHCP)",
                              "SENDIASS", "SEND", "\n\n", "\n* ", "(", ")", ".", "a.b@example.org"])
             | st.text("abEHCP .,", max_size=6), max_size=20).map(" ".join), max_size=4,
)  # fmt: skip


@given(_texts)
def test_every_acronym_stands_behind_its_meaning_once_and_nothing_else_changes(texts: list[str]) -> None:
    terms = [term for term in TERMS if term.term != "SENDIASS"]  # which has another acronym inside
    pen = Expander(terms)
    written = [pen.text(text) for text in texts]
    everything = "\n".join(written)
    for one in pen.written_out:
        meaning = re.escape(one.expansion[1:-1])  # a capital may begin it, a plural end it
        assert len(re.findall(rf"{meaning}\w{{1,3}}(?:['’]s)? \({one.term}(?:s|['’]s)?\)", everything)) == 1
    assert len({one.term for one in pen.written_out}) == len(pen.written_out)
    again = Expander(terms)
    assert [again.text(text) for text in written] == written
    for before, after in zip(texts, written, strict=True):
        assert re.findall(r"\]\([^)]*\)|\S+@\S+", before) == re.findall(r"\]\(https[^)]*\)|\S+@\S+", after)


@given(_texts)
def test_what_could_be_carried_still_can(texts: list[str]) -> None:
    pen = Expander(TERMS)
    for text in texts:
        written = pen.text(text)
        try:
            markup.validate(text)
        except Exception:
            continue
        markup.validate(written)


@given(st.text(max_size=200))
def test_a_text_without_acronyms_stays_as_it_is(text: str) -> None:
    assert Expander([replace(TERMS[0], term="ZZQ")]).text(text) == text or "ZZQ" in text
    assert Expander([]).text(text) == text


@pytest.mark.parametrize(
    ("term", "is_one"), [("EHCP", True), ("DfE", True), ("annual review", False), ("Ofsted", False)]
)
def test_only_acronyms_are_written_out(term: str, is_one: bool) -> None:
    assert is_acronym(term) is is_one
