"""Telling readers by email what was corrected: a short edition of its own, which goes the way of all editions."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from newsletter.content import glossary
from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotAllowed, WrongState
from newsletter.editions import (
    archive,
    choosing,
    composing,
    correction_mail,
    corrections,
    event_choices,
    finding,
    publishing,
    response_choices,
)
from newsletter.editions.assembling import Special
from newsletter.editions.models import Correction, Edition, EditionEvent, EditionState
from newsletter.rendering import engine, markup
from tests.newsletter.editions.world import LETTERHEAD, TODAY, World, bring_to

FIRST = "We have put something right in edition 1 of SEND news for parents and carers, from 3 November 2026."


def sent(world: World, session: Session, **special: Any) -> int:
    world.write(session, "More help")
    edition = world.assemble(session, **special).edition
    assert edition is not None
    assert edition.id is not None
    bring_to(world, session, edition.id, EditionState.SENT)
    return edition.id


def correct(world: World, session: Session, edition_id: int, **changes: Any) -> Correction:
    given: dict[str, Any] = {
        "anchor": "update-1",
        "old": "open for longer",
        "new": "open until 7pm",
        "because": "We gave no time.",
        "now": world.now,
        "staff_id": world.author,
    }
    return corrections.correct(session, edition_id, **{**given, **changes})


def draft(world: World, session: Session, correction: Correction) -> Edition:
    return correction_mail.draft(
        session, correction, list_name=LETTERHEAD.list_name, now=world.now, staff_id=world.author
    )


def mail(world: World, session: Session, edition_id: int, **changes: Any) -> int:
    """The id of the mail about a correction."""
    drafted = draft(world, session, correct(world, session, edition_id, **changes)).id
    assert drafted is not None
    return drafted


def test_it_is_a_draft_of_the_same_list_that_says_only_this(world: World) -> None:
    with world.runtime.db.transaction() as session:
        world.event(session)
        world.response(session)
        edition_id = sent(world, session)
        original = session.get_one(Edition, edition_id)
        mail_id = mail(world, session, edition_id)
    with world.runtime.db.reading() as session:
        drafted = session.get_one(Edition, mail_id)
        assert (drafted.state, drafted.number, drafted.slug) == (EditionState.DRAFT, 2, "2026-11-03-2")
        assert (drafted.mailing_list_id, drafted.audience) == (original.mailing_list_id, original.audience)
        assert (drafted.corrects_id, drafted.author_id, drafted.occurrence) == (edition_id, world.author, None)
        assert drafted.subject == f"Correction: {original.frozen_subject}"
        assert drafted.introduction == (
            f"{FIRST}\n\nIn “More help”: We gave no time.\n\n"
            "^ It said: “open for longer”\n\n^ It now says: “open until 7pm”"
        )
        composed = composing.compose(session, drafted, LETTERHEAD)
        assert (composed.sections, composed.responses, composed.events) == ((), (), ())
        event = session.exec(select(EditionEvent).where(EditionEvent.edition_id == mail_id)).one()
        assert (event.move, event.staff_id, event.note) == (
            "assemble",
            world.author,
            "Tells readers of a correction in edition 1",
        )


def test_it_is_approved_frozen_and_found_like_any_other(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        mail_id = mail(world, session, edition_id)
        assert archive.correction_mails(session, edition_id) == []
        publishing.edit(session, mail_id, subject="Correction: the phone line", now=world.now, staff_id=world.author)
        publishing.submit(session, mail_id, now=world.now)
        with pytest.raises(NotAllowed, match="Somebody who did not write edition 2"):
            world.approve(session, mail_id, approver_id=world.author)
        world.approve(session, mail_id)
        assert publishing.release(session, mail_id, now=world.now)
        publishing.finish(session, mail_id, now=world.now)
    with world.runtime.db.reading() as session:
        told = session.get_one(Edition, mail_id)
        publishing.verify_frozen(told)
        assert told.frozen_subject == "Correction: the phone line"
        for form in (told.frozen_html, told.frozen_text, told.frozen_markdown):
            assert form is not None
            for words in ("It said: “open for longer”", "It now says: “open until 7pm”", "Read edition 1 as it is now"):
                assert words in form
            assert "http://news.example.org/editions/parents/2026-11-03\n" in form.replace('"', "\n").replace(")", "\n")
        corrected = composing.page_from_json(told.frozen_page or "").corrects
        assert corrected is not None
        assert (corrected.number, corrected.page_path) == (1, "/editions/parents/2026-11-03")
        assert archive.correction_mails(session, edition_id) == [told]
        assert finding.find(session, finding.Search(words=("longer",))).editions == [told]
        latest = archive.latest(session, world.parents)
        assert latest is not None
        assert latest.id == edition_id, "who wants to see what the newsletter is like is not shown a correction"


def test_a_second_correction_goes_into_the_same_mail(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        mail_id = mail(world, session, edition_id)
        words = session.get_one(Edition, mail_id).introduction.replace("We gave no time.", "We are sorry: no time.")
        publishing.edit(session, mail_id, introduction=words, now=world.now)
        again = mail(world, session, edition_id, old="until 7pm", new="until **8pm**", because="It is 8pm.")
        assert again == mail_id
        assert session.get_one(Edition, mail_id).introduction == (
            f"{words}\n\nIn “More help”: It is 8pm.\n\n^ It said: “until 7pm”\n\n^ It now says: “until 8pm”"
        )


@pytest.mark.parametrize("state", [EditionState.REVIEW, EditionState.APPROVED, EditionState.SCHEDULED])
def test_what_was_approved_without_it_has_to_be_approved_again(world: World, state: EditionState) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        mail_id = mail(world, session, edition_id)
        bring_to(world, session, mail_id, state)
        assert mail(world, session, edition_id, old="until 7pm", new="until 8pm") == mail_id
    with world.runtime.db.reading() as session:
        drafted = session.get_one(Edition, mail_id)
        assert (drafted.state, drafted.frozen_sha256, drafted.send_at) == (EditionState.DRAFT, None, None)
        assert "until 8pm" in drafted.introduction


def test_asking_twice_says_it_once(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        correction = correct(world, session, edition_id)
        drafted = draft(world, session, correction)
        introduction = drafted.introduction
        bring_to(world, session, drafted.id or 0, EditionState.APPROVED)
        again = draft(world, session, correction)
        assert (again.id, again.introduction, again.state) == (drafted.id, introduction, EditionState.APPROVED)


@pytest.mark.parametrize("end", [EditionState.SENDING, EditionState.SENT, EditionState.CANCELLED])
def test_what_went_out_or_was_given_up_is_left_alone(sqlite_world: World, end: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        mail_id = mail(world, session, edition_id)
        bring_to(world, session, mail_id, end)
        before = session.get_one(Edition, mail_id).introduction
        other = mail(world, session, edition_id, old="until 7pm", new="until 8pm", because="It is 8pm.")
        assert other != mail_id
        assert session.get_one(Edition, mail_id).introduction == before
        assert "We gave no time." not in session.get_one(Edition, other).introduction
        made = corrections.of_editions(session, [edition_id])[edition_id]
        assert [correction.because for correction in made] == ["We gave no time.", "It is 8pm."]


def test_it_goes_to_those_who_get_editions_of_that_kind(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session, special=Special())
        drafted = session.get_one(Edition, mail(world, session, edition_id))
        assert (drafted.is_special, drafted.topic_id) == (True, None)


def test_it_stands_in_the_way_of_no_other_edition(sqlite_world: World) -> None:
    world, clock = sqlite_world, sqlite_world.runtime.clock
    assert isinstance(clock, ManualClock)
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        clock.move(timedelta(days=3))
        mail_id = mail(world, session, edition_id)
        world.write(session, "Something else")
        assembled = world.assemble(session)
        assert assembled.edition is not None
        assert assembled.edition.number == 3
        assert [one.reason for one in assembled.chosen] == ["New since edition 1 (3 November 2026)"]
        assert mail(world, session, edition_id, old="until 7pm", new="until 8pm") == mail_id


def test_it_carries_words_and_nothing_else(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        mail_id = mail(world, session, edition_id)
        update, event, response = world.write(session, "Else").id, world.event(session).id, world.response(session).id
        with pytest.raises(WrongState, match="carries nothing else"):
            choosing.add(session, mail_id, update or 0, now=world.now)
        with pytest.raises(WrongState, match="carries nothing else"):
            event_choices.add(session, mail_id, event or 0, now=world.now)
        with pytest.raises(WrongState, match="carries nothing else"):
            response_choices.add(session, mail_id, response or 0, now=world.now)
        publishing.edit(session, mail_id, introduction=" ", now=world.now)
        publishing.submit(session, mail_id, now=world.now)
        with pytest.raises(InvalidInput, match="does not say what was wrong: write it in the introduction"):
            world.approve(session, mail_id)


def test_the_introduction_and_what_was_taken_out(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        words = " Each one says who is doing the work and where you can read more."
        changes = {"anchor": None, "old": words, "new": "", "because": "It did not."}
        said = session.get_one(Edition, mail(world, session, edition_id, **changes)).introduction
        assert (
            said
            == f"{FIRST}\n\nIn the introduction: It did not.\n\n^ It said: “{words[1:]}”\n\n^ We have taken this out."
        )


@pytest.mark.parametrize(
    "body",
    [
        "Ask for a [form](https://www.example.org/old) soon.",  # the words stay the same
        "Ask **now**.",
    ],
)
def test_what_cannot_be_quoted_is_looked_at_on_the_web(sqlite_world: World, body: str) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, "A form", parent_body=body)
        edition_id = sent(world, session)
        changes = (
            {"old": "https://www.example.org/old", "new": "https://www.example.org/new"}
            if "form" in body
            else {"old": "**now**", "new": "now"}
        )
        mail_id = mail(world, session, edition_id, **changes)
        said = session.get_one(Edition, mail_id).introduction
        assert said.endswith("In “A form”: We gave no time.\n\nYou can see on the web what changed.")
        bring_to(world, session, mail_id, EditionState.APPROVED)


@pytest.mark.parametrize("because", ["See https://www.example.org.", "It said <b>no</b>.", "It said R&amp;D."])
def test_a_reason_that_no_email_can_carry_is_refused(sqlite_world: World, because: str) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        correction = correct(world, session, edition_id, because=because)
        with pytest.raises(InvalidInput, match="The reason cannot stand in an email") as refused:
            draft(world, session, correction)
        assert refused.value.field == "because"


def test_marks_in_the_words_are_read_as_they_stand(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        because = r"1 * 2 * 3, _all_ [x](y) `code` 5 < 6 \ end & more."
        mail_id = mail(world, session, edition_id, because=because, new=r"open \*now\*")
        said = session.get_one(Edition, mail_id)
        assert f"In “More help”: {because}" in markup.to_words(said.introduction)
        assert "It now says: “open *now*”" in markup.to_words(said.introduction)
        assert because in engine.render(composing.compose(session, said, LETTERHEAD)).text
        bring_to(world, session, mail_id, EditionState.APPROVED)


def test_what_is_quoted_is_quoted_to_the_letter(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        given = {
            "term": "SEND",
            "expansion": "special educational needs and disabilities",
            "explanation": "A word.",
            "from_date": TODAY,
        }
        glossary.write(session, glossary.TermDraft.model_validate(given))
        mail_id = mail(world, session, edition_id, new="open for all with SEND")
        composed = composing.compose(session, session.get_one(Edition, mail_id), LETTERHEAD)
        assert composed.introduction == session.get_one(Edition, mail_id).introduction
        bring_to(world, session, mail_id, EditionState.SCHEDULED)


def test_a_long_subject_is_cut_and_a_mail_can_be_corrected_itself(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, "More help")
        edition_id = world.assemble(session).edition.id or 0  # type: ignore[union-attr]
        publishing.edit(session, edition_id, subject=" ".join(["word"] * 24), now=world.now)
        world.weigh(session, edition_id)
        bring_to(world, session, edition_id, EditionState.SENT)
        mail_id = mail(world, session, edition_id)
        subject = session.get_one(Edition, mail_id).subject
        assert subject == "Correction: " + " ".join(["word"] * 21) + "…"
        bring_to(world, session, mail_id, EditionState.SENT)
        changes = {"anchor": None, "old": "no time", "new": "no hour", "because": "We meant an hour."}
        second = session.get_one(Edition, mail(world, session, mail_id, **changes))
        assert (second.corrects_id, second.subject) == (mail_id, subject)
