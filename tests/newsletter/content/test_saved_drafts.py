"""What somebody typed and did not save is kept for them alone, once for each place it was typed into."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from newsletter.content import saved_drafts, updates
from newsletter.content.models import Update
from newsletter.content.updates import ChangedMeanwhile, UpdateDraft
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.staff.models import Staff

DAY = date(2026, 11, 3)


def officer(session: Session, runtime: Runtime, mark: bytes) -> int:
    staff = Staff(email_hash=mark, email_sealed=mark, created_at=runtime.clock.now())
    session.add(staff)
    session.flush()
    assert staff.id is not None
    return staff.id


def update(session: Session, runtime: Runtime, **changes: object) -> Update:
    values = {"priority_area_id": 1, "partner_id": 1, "owner": "Head of SEND", "parent_title": "More help"}
    values |= {"parent_body": "There is more help.", "from_date": DAY, **changes}
    return updates.write(session, UpdateDraft.model_validate(values), author_id=None, now=runtime.clock.now())


def test_typing_on_changes_the_same_draft(session: Session, runtime: Runtime) -> None:
    me, now = officer(session, runtime, b"me"), runtime.clock.now()
    first = saved_drafts.keep(session, {"parent_title": "Mor"}, staff_id=me, form_key="k", now=now)
    later = now + timedelta(minutes=1)
    second = saved_drafts.keep(session, {"parent_title": "More <b>"}, staff_id=me, form_key="k", now=later)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    [kept] = saved_drafts.of_officer(session, me)
    assert (kept.typed, kept.created_at, kept.updated_at) == ({"parent_title": "More <b>"}, now, later)


def test_each_form_and_each_update_is_a_place_of_its_own(session: Session, runtime: Runtime) -> None:
    me, now, one = officer(session, runtime, b"me"), runtime.clock.now(), update(session, runtime).id
    for key, update_id in (("a", None), ("b", None), ("c", one), ("d", one), ("", None), ("", None)):
        saved_drafts.keep(session, {"owner": key}, staff_id=me, form_key=key, update_id=update_id, revision=1, now=now)
    assert sorted(draft.typed["owner"] for draft in saved_drafts.of_officer(session, me)) == ["", "", "a", "b", "d"]
    found = saved_drafts.of_update(session, one or 0, staff_id=me)
    assert found is not None
    assert (found.typed, found.revision) == ({"owner": "d"}, 1)


def test_a_draft_is_its_owners_alone(session: Session, runtime: Runtime) -> None:
    me, other = officer(session, runtime, b"me"), officer(session, runtime, b"other")
    now, one = runtime.clock.now(), update(session, runtime).id or 0
    mine = saved_drafts.keep(session, {"owner": "me"}, staff_id=me, update_id=one, now=now)
    assert mine is not None
    assert mine.id is not None
    with pytest.raises(NotFound):
        saved_drafts.by_id(session, mine.id, staff_id=other)
    with pytest.raises(NotFound):
        saved_drafts.discard(session, mine.id, staff_id=other)
    assert saved_drafts.of_update(session, one, staff_id=other) is None
    assert saved_drafts.others(session, one, staff_id=other) == [(me, now)]
    assert saved_drafts.others(session, one, staff_id=me) == []
    saved_drafts.discard(session, mine.id, staff_id=me)
    assert saved_drafts.of_officer(session, me) == []


def test_a_draft_is_called_by_what_it_has(session: Session, runtime: Runtime) -> None:
    me, now = officer(session, runtime, b"me"), runtime.clock.now()
    for typed, title in (
        ({"parent_title": "", "professional_title": "For schools"}, "For schools"),
        ({"parent_title": "News", "professional_title": "For schools"}, "News"),
        ({}, "No title yet"),
    ):
        draft = saved_drafts.keep(session, typed, staff_id=me, now=now)
        assert draft is not None
        assert saved_drafts.title(draft) == title


def test_saving_an_update_takes_its_draft_away(session: Session, runtime: Runtime) -> None:
    me, now, one = officer(session, runtime, b"me"), runtime.clock.now(), update(session, runtime).id
    for key, update_id in (("a", None), ("b", one)):
        saved_drafts.keep(session, {}, staff_id=me, form_key=key, update_id=update_id, now=now)
    for _ in range(2):
        saved_drafts.discard_of(session, staff_id=me, form_key="a")
        saved_drafts.discard_of(session, staff_id=me, update_id=one)
    assert saved_drafts.of_officer(session, me) == []


def test_what_was_brought_in_comes_once(session: Session, runtime: Runtime) -> None:
    me, other, now = officer(session, runtime, b"me"), officer(session, runtime, b"other"), runtime.clock.now()
    come = {"source": "Council news", "source_key": "entry-1", "now": now}
    assert saved_drafts.keep(session, {"parent_title": "News"}, staff_id=me, **come) is not None  # type: ignore[arg-type]
    assert saved_drafts.keep(session, {"parent_title": "News"}, staff_id=other, **come) is None  # type: ignore[arg-type]
    assert saved_drafts.of_officer(session, other) == []


def test_a_draft_and_their_number_have_limits(session: Session, runtime: Runtime) -> None:
    me, now = officer(session, runtime, b"me"), runtime.clock.now()
    with pytest.raises(InvalidInput, match="too long"):
        saved_drafts.keep(session, {"a": "x" * saved_drafts.MOST_CHARACTERS}, staff_id=me, now=now)
    with pytest.raises(InvalidInput, match="too long"):
        saved_drafts.keep(session, {str(number): "" for number in range(41)}, staff_id=me, now=now)
    for _ in range(saved_drafts.MOST_DRAFTS):
        saved_drafts.keep(session, {}, staff_id=me, now=now)
    with pytest.raises(InvalidInput, match="throw some away"):
        saved_drafts.keep(session, {}, staff_id=me, now=now)


def test_an_edit_of_another_revision_is_refused(session: Session, runtime: Runtime) -> None:
    now, written = runtime.clock.now(), update(session, runtime)
    one, draft = written.id or 0, updates.draft_of(written)
    assert written.revision == 1
    updates.edit(session, one, draft, now=now, revision=1)
    updates.edit(session, one, draft, now=now)  # where nothing was seen: a program, a command
    with pytest.raises(ChangedMeanwhile):
        updates.edit(session, one, draft, now=now, revision=2)
    assert updates.edit(session, one, draft, now=now, revision=3).revision == 4


def test_an_archived_update_is_not_due(session: Session, runtime: Runtime) -> None:
    now, one = runtime.clock.now(), update(session, runtime).id or 0
    updates.archive(session, one, now=now)
    updates.archive(session, one, now=now + timedelta(days=1))
    assert updates.by_id(session, one).archived_at == now
    assert updates.due(session, audience=Audience.PARENTS, on=DAY) == []
    for _ in range(2):
        updates.bring_back(session, one)
    assert [each.id for each in updates.due(session, audience=Audience.PARENTS, on=DAY)] == [one]
