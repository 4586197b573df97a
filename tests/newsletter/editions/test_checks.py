"""The gate before approval: what blocks, what warns, and what is let through."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from newsletter.editions import checks
from newsletter.editions.checks import Severity
from newsletter.rendering import engine
from newsletter.rendering.mails import CorrectedBlock, EditionMail, PictureBlock, Rendered, SectionBlock, UpdateBlock
from tests.newsletter.editions.world import LETTERHEAD
from tests.newsletter.rendering.samples import EVENTS, RESPONSES

UPDATE = UpdateBlock(
    anchor="update-1",
    title="More help by phone",
    body="The phone line is open for longer. You can call from 8am to 6pm.",
    organisation="Example County Council",
    evidence_url="https://www.example.org/phone",
    evidence_label="Read about the phone line",
)


def mail(update: UpdateBlock = UPDATE, **changes: Any) -> EditionMail:
    section = SectionBlock(anchor="priority-1", number=1, heading="Clear communication", updates=(update,))
    values: dict[str, Any] = {
        "letterhead": LETTERHEAD,
        "subject": "SEND news: More help by phone",
        "preheader": "News about services.",
        "number": 1,
        "date": date(2026, 11, 3),
        "introduction": "This edition has 1 update.",
        "sections": (section,),
        "page_url": "http://news.example.org/editions/parents/2026-11-03",
    }
    return EditionMail(**{**values, **changes})


def found(of: EditionMail, severity: Severity, rendered: Rendered | None = None) -> list[str]:
    findings = checks.findings(of, rendered or engine.render(of))
    return [finding.message for finding in findings if finding.severity is severity]


def test_a_plain_edition_has_no_findings() -> None:
    assert checks.findings(mail(), engine.render(mail())) == []


def test_a_correction_mail_needs_an_introduction_and_no_update() -> None:
    corrected = CorrectedBlock(1, date(2026, 10, 20), "SEND news", "/editions/parents/2026-10-20")
    said = mail(sections=(), corrects=corrected, introduction="It said (in the phone line):\n\n^ 6pm")
    assert checks.findings(said, engine.render(said)) == []
    assert found(replace(said, introduction=" "), Severity.ERROR) == [
        "The email does not say what was wrong: write it in the introduction."
    ]
    assert found(replace(said, corrects=None), Severity.ERROR) == ["There is no update in the edition: add one."]
    whole = engine.render(said)
    assert found(said, Severity.ERROR, rendered=replace(whole, text=whole.text.replace("6pm", "")))


@pytest.mark.parametrize(
    "line",
    [
        "News for your child", "YOUR CHILDREN", "About your son's plan", "your  daughter", "Your autism assessment",
        "your ADHD", "Changes to your EHCP", "your family",
    ],
)  # fmt: skip
def test_a_subject_that_tells_on_the_reader_blocks(line: str) -> None:
    assert len(found(mail(subject=line), Severity.ERROR)) == 1
    assert len(found(mail(preheader=line), Severity.ERROR)) == 1


@pytest.mark.parametrize("line", ["Have your say", "Your views", "Children's services", "Tell us your news"])
def test_an_ordinary_subject_does_not(line: str) -> None:
    assert found(mail(subject=line), Severity.ERROR) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": " "}, "The subject is empty"),
        ({"letterhead": replace(LETTERHEAD, help_text=" ")}, "no text about where to get help"),
        ({"sections": ()}, "There is no update in the edition"),
        ({"sections": (SectionBlock("priority-1", 1, "Clear communication", ()),)}, "section “Clear communication” is"),
    ],
)
def test_what_is_missing_blocks(changes: dict[str, Any], message: str) -> None:
    errors = found(mail(**changes), Severity.ERROR, rendered=engine.render(mail()))
    assert any(message in error for error in errors)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"body": ""}, "has no wording for these readers"),
        ({"body": "Click here to read more."}, "says “click here”"),
        ({"body": "[Read more](https://www.example.org/a)"}, "words do not say where it goes"),
        ({"body": "[here](https://www.example.org/a) is the page."}, "words do not say where it goes"),
        ({"title": "See www.example.org"}, "bare web address"),
        ({"action": "Fill in https://www.example.org/form"}, "bare web address"),
    ],
)
def test_an_update_that_shuts_readers_out_blocks(changes: dict[str, Any], message: str) -> None:
    of = mail(replace(UPDATE, **changes))
    errors = found(of, Severity.ERROR, rendered=engine.render(mail()))
    assert any(message in error for error in errors), errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"body": "word " * 20 + ".\n\n" + "word. " * 61}, "has 82 words"),
        ({"body": "word " * 26 + "."}, "sentence of 27 words"),
        ({"body": "THIS IS VERY IMPORTANT."}, "words in capitals"),
        ({"body": "Ask about the EHCP."}, "“EHCP” is not explained"),
        ({"body": "Talk to SENCOs."}, "“SENCO” is not explained"),
        ({"evidence_url": "https://www.example.org/plan.PDF?x=1"}, "links to a PDF only"),
        ({"action": "Reply", "action_by": date(2026, 11, 2)}, "by 2 November 2026, before the date of the edition"),
    ],
)
def test_what_reads_badly_warns(changes: dict[str, Any], message: str) -> None:
    of = mail(replace(UPDATE, **changes))
    warnings = found(of, Severity.WARNING)
    assert any(message in warning for warning in warnings), warnings
    assert found(of, Severity.ERROR) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "SEND news: " + "x" * 60}, "The subject has 71 characters"),
        ({"subject": "SEND news: ALL PLANS ON TIME"}, "The subject has words in capitals"),
        ({"preheader": ""}, "line after the subject is empty"),
        ({"introduction": ""}, "no introduction"),
        ({"introduction": "word " * 30}, "The introduction has a sentence of 30 words"),
    ],
)
def test_the_first_words_warn_too(changes: dict[str, Any], message: str) -> None:
    warnings = found(mail(**changes), Severity.WARNING)
    assert any(message in warning for warning in warnings), warnings


@pytest.mark.parametrize(
    "body",
    [
        "An education, health and care plan (EHCP) helps. The EHCP says how.",
        "An EHCP (education, health and care plan) helps.",
        "The NHS and SEND teams. SEND, NHS.",
        "Find [the figures for Oxfordshire](https://www.example.org/a).",
        "Get [the plan](https://www.example.org/a.pdf) or read [it on the web](https://www.example.org/a).",
        "* " + "word " * 20 + "\n* " + "word " * 20,
    ],
)
def test_what_is_well_written_is_let_through(body: str) -> None:
    assert checks.findings(mail(replace(UPDATE, body=body)), engine.render(mail(replace(UPDATE, body=body)))) == []


EVENT, RESPONSE = EVENTS[1], RESPONSES[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without_attending": ""}, "does not say how to take part without coming"),
        ({"access": ""}, "says nothing about access"),
        ({"is_cancelled": True}, "has been cancelled"),
        ({"booking": "Click here to book."}, "says “click here”"),
        ({"adjustments": "See www.example.org"}, "bare web address"),
    ],
)
def test_a_date_that_shuts_readers_out_blocks(changes: dict[str, Any], message: str) -> None:
    assert found(mail(events=(replace(EVENT, day=date(2026, 11, 20)),)), Severity.ERROR) == []
    errors = found(mail(events=(replace(EVENT, **changes),)), Severity.ERROR)
    assert any(message in error for error in errors), errors


def test_a_date_that_has_passed_warns() -> None:
    of = mail(events=(replace(EVENT, day=date(2026, 11, 3)),))
    assert found(of, Severity.WARNING) == []
    late = checks.findings(of, engine.render(of), on=date(2026, 11, 4))
    assert [(one.severity, "was on 3 November 2026, which has passed" in one.message) for one in late] == [
        (Severity.WARNING, True)
    ]


def test_a_promise_without_a_date_blocks() -> None:
    assert found(mail(responses=(RESPONSE,)), Severity.ERROR) == []
    of = mail(responses=(replace(RESPONSE, doing_by=None, promise=""),))
    assert found(of, Severity.ERROR) == ["“Answers take too long” says that something is being done: say by when."]
    of = mail(responses=(replace(RESPONSE, did="word " * 30),))
    assert any("“Answers take too long” has a sentence of 30 words" in text for text in found(of, Severity.WARNING))


def test_an_edition_that_would_be_cut_off_blocks() -> None:
    long = tuple(replace(UPDATE, anchor=f"update-{n}", title=f"Update {n}", body="word. " * 800) for n in range(20))
    of = mail(sections=(SectionBlock("priority-1", 1, "Clear communication", long),))
    assert any("mail programs cut it off at 102,400" in error for error in found(of, Severity.ERROR))


def test_a_text_version_that_says_something_else_blocks() -> None:
    two = (UPDATE, replace(UPDATE, anchor="update-2", title="Another", body="Other news of the day for all."))
    of = mail(sections=(SectionBlock("priority-1", 1, "Clear communication", two),))
    whole = engine.render(of)
    assert found(of, Severity.ERROR, rendered=whole) == []
    for broken in (
        replace(whole, text=whole.text.replace("The phone line is open", "")),
        replace(whole, html=whole.html.replace("Other news of the day", "")),
        replace(whole, text=engine.render(mail(sections=(replace(of.sections[0], updates=two[::-1]),))).text),
    ):
        assert found(of, Severity.ERROR, rendered=broken) == [
            "The text version does not carry the same in the same order: the mail template is broken."
        ]


PICTURE = PictureBlock("ab" * 32, "jpg", 1200, 900, 90_000, "A boy plants beans")


def with_pictures(number: int, size_bytes: int) -> EditionMail:
    """An edition of so many updates, each with a picture of that size."""
    updates = tuple(
        replace(
            UPDATE,
            anchor=f"update-{each}",
            picture=replace(PICTURE, sha256=f"{each:064x}", size_bytes=size_bytes),
        )
        for each in range(number)
    )
    return mail(sections=(SectionBlock("priority-1", 1, "Area 1", updates),))


@pytest.mark.parametrize(("number", "size_bytes"), [(1, 100_000), (2, 100_000), (8, 28_000)])
def test_some_small_pictures_are_let_through(number: int, size_bytes: int) -> None:
    of = with_pictures(number, size_bytes)
    assert [each for each in found(of, Severity.WARNING) if "picture" in each] == []
    assert found(of, Severity.ERROR) == []


def test_pictures_that_make_a_heavy_email_warn() -> None:
    assert "The pictures together are 400 KB" in " ".join(found(with_pictures(3, 100_000), Severity.WARNING))


def test_more_pictures_than_an_email_should_carry_block() -> None:
    of = with_pictures(8, 100_000)
    assert found(of, Severity.ERROR) == [
        "The pictures together are 1,067 KB and an email must not carry more than 1,000 KB: take some away."
    ]
    assert not any("pictures" in each for each in found(of, Severity.WARNING))


def test_the_same_picture_twice_travels_once_and_a_logo_counts() -> None:
    of = with_pictures(2, 100_000)
    (section,) = of.sections
    twice = replace(section, updates=tuple(replace(update, picture=PICTURE) for update in section.updates))
    assert replace(of, sections=(twice,)).pictures == (PICTURE,)
    logo = replace(PICTURE, sha256="cd" * 32, size_bytes=30_000)
    heavy = replace(of, letterhead=replace(of.letterhead, logo=logo))
    assert heavy.pictures[0] == logo
    assert "307 KB" in " ".join(found(heavy, Severity.WARNING))


def test_a_picture_without_words_blocks() -> None:
    of = mail(replace(UPDATE, picture=replace(PICTURE, alt=" ")))
    assert any("says nothing to those who do not see it" in each for each in found(of, Severity.ERROR))
