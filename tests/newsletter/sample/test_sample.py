"""The sample partnership: whole, repeatable, and written as the product asks of everybody."""

import csv
import threading
import tomllib
from datetime import timedelta
from importlib import resources
from typing import Any

import pytest
from sqlmodel import Session, col, func, select

from newsletter.content import glossary
from newsletter.content.dates import london_date
from newsletter.core.runtime import Runtime
from newsletter.delivery import letterheads
from newsletter.editions import checks, composing, publishing
from newsletter.editions.models import Cadence, Edition, EditionChoice, EditionState
from newsletter.rendering import engine, markup
from newsletter.sample import load
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from newsletter.tables import metadata
from subscribers import lists, recipients, school_search, schools
from subscribers.models import Consent, Role, School, Subscriber, SubscriberState


def _entries() -> list[dict[str, Any]]:
    text = resources.files("newsletter.sample").joinpath("updates.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["updates"]
    return entries


def test_it_loads_once(runtime: Runtime) -> None:
    load(runtime)
    with runtime.db.reading() as session:
        before = _counts(session)
    load(runtime)
    with runtime.db.reading() as session:
        assert _counts(session) == before
    assert before["edition"] == 2
    assert before["delivery"] == 0  # nobody gets a letter for being in a sample


def test_loading_twice_at_once_gives_one_sample(runtime: Runtime) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        try:
            load(runtime)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with runtime.db.reading() as session:
        assert _counts(session)["partnership"] == 1
        assert _counts(session)["edition"] == 2


def test_its_people(sqlite_runtime: Runtime) -> None:
    load(sqlite_runtime)
    with sqlite_runtime.db.reading() as session:
        parents, professionals = lists.all_lists(session)
        assert _by_state(session, parents.id) == {"confirmed": 300, "pending": 12, "left": 8}
        assert _by_state(session, professionals.id) == {"confirmed": 240, "pending": 9, "left": 5}
        assert recipients.count_confirmed(session, parents.id or 0) == 300
        ids = set(session.scalars(recipients.confirmed_ids(parents.id or 0)))
        assert len(ids) == 300
        reached = recipients.reachable(
            session, sqlite_runtime.crypto, ids, states={SubscriberState.CONFIRMED}, now=sqlite_runtime.clock.now()
        )
        assert set(reached.values()) == {f"parent-{number:03d}@example.org" for number in range(1, 301)}
        people = session.exec(select(Subscriber)).all()
        assert len(people) == session.exec(select(func.count()).select_from(Consent)).one()
        for person in people:
            if person.mailing_list_id == parents.id:
                assert (person.role, person.school_urn, person.setting_name, person.phase) == (None,) * 4
            else:
                assert person.role is not None
                assert (person.school_urn is None) != (person.setting_name is None)
            # None may be swept or erased, and no link be expired, on the first day.
            since = person.ended_at or person.requested_at
            limit = {"pending": timedelta(days=7), "left": timedelta(days=28)}.get(person.state)
            assert limit is None or sqlite_runtime.clock.now() - since < limit - timedelta(days=1)
        roles = [person.role for person in people if person.role]
        assert set(roles) == set(Role)


def test_its_schools_are_of_every_kind(sqlite_runtime: Runtime) -> None:
    load(sqlite_runtime)
    with sqlite_runtime.db.reading() as session:
        schools = session.exec(select(School)).all()
        assert len(schools) == 40
        assert {school.local_authority_code for school in schools} == {931}
        assert "Pupil referral unit" in {school.type_name for school in schools}
        assert "Saint-Aubré Catholic Primary School" in {school.name for school in schools}


def test_its_staff_and_cadences(sqlite_runtime: Runtime) -> None:
    load(sqlite_runtime)
    now = sqlite_runtime.clock.now()
    with sqlite_runtime.db.reading() as session:
        for role in set(StaffRole) - {StaffRole.PARTNER_APPROVER}:
            account = accounts.find(session, sqlite_runtime.crypto, f"{role}@example.org")
            assert accounts.roles_of(session, account.id or 0) == {role}
        for cadence in session.exec(select(Cadence)):
            assert cadence.next_due is not None
            assert cadence.next_due > now


def test_its_editions_can_be_approved_as_they_stand(runtime: Runtime) -> None:
    load(runtime)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        approver = accounts.find(session, runtime.crypto, "approver@example.org")
        for edition in session.exec(select(Edition)).all():
            mailing_list = lists.by_id(session, edition.mailing_list_id)
            letterhead = letterheads.letterhead(session, mailing_list, runtime.settings.base_url)
            mail = composing.compose(session, edition, letterhead)
            assert checks.findings(mail, engine.render(mail)) == []
            assert {section.number for section in mail.sections} == {1, 2, 3, 4, 5}
            assert len(edition.subject) <= 70
            approved = publishing.approve(
                session,
                edition.id or 0,
                approver_id=approver.id or 0,
                roles=accounts.roles_of(session, approver.id or 0),
                letterhead=letterhead,
                now=now,
            )
            assert approved.state is EditionState.APPROVED
            publishing.verify_frozen(approved)


def test_its_editions_carry_dates_and_answers_and_explain_their_acronyms(sqlite_runtime: Runtime) -> None:
    load(sqlite_runtime)
    with sqlite_runtime.db.reading() as session:
        for edition in session.exec(select(Edition)).all():
            mailing_list = lists.by_id(session, edition.mailing_list_id)
            letterhead = letterheads.letterhead(session, mailing_list, sqlite_runtime.settings.base_url)
            mail = composing.compose(session, edition, letterhead)
            assert len(mail.events) == 2
            assert len(mail.responses) in (1, 3)
            text = engine.render(mail).text
            for one in mail.glossary:
                assert text.casefold().index(one.expansion.casefold()) < text.index(f"({one.term}")
    assert len(glossary.standing(session, london_date(sqlite_runtime.clock.now()))) >= 10


def test_it_shows_why_updates_are_out(sqlite_runtime: Runtime) -> None:
    load(sqlite_runtime)
    with sqlite_runtime.db.reading() as session:
        reasons = session.exec(select(EditionChoice.reason).where(col(EditionChoice.is_in).is_(False))).all()
    starts = {reason.split(":")[0].split(" on ")[0] for reason in reasons}
    assert starts == {"Not yet due", "Ended", "No wording for parents", "No wording for professionals"}


@pytest.mark.parametrize(
    "entry", _entries(), ids=lambda entry: entry.get("parent_title", entry.get("professional_title"))
)
def test_every_wording_is_short_and_can_be_carried(entry: dict[str, Any]) -> None:
    for audience in ("parent", "professional"):
        body = entry.get(f"{audience}_body", "")
        markup.validate(body)
        assert markup.count_words(body) <= 80
    parents = f"{entry.get('parent_title', '')} {entry.get('parent_body', '')}"
    assert "your child" not in parents.casefold()
    assert "EHCP" not in parents
    assert entry.get("evidence_url", "https://").startswith("https://")


def test_there_are_about_twenty_updates_on_all_five_areas() -> None:
    entries = _entries()
    assert len(entries) >= 20
    assert {entry["area"] for entry in entries} == {1, 2, 3, 4, 5}
    assert sum(1 for entry in entries if "action" in entry) >= 5


def _counts(session: Session) -> dict[str, int]:
    return {table.name: session.exec(select(func.count()).select_from(table)).one() for table in metadata.sorted_tables}


def _by_state(session: Session, mailing_list_id: int | None) -> dict[str, int]:
    rows = session.exec(
        select(Subscriber.state, func.count())
        .where(Subscriber.mailing_list_id == mailing_list_id)
        .group_by(Subscriber.state)
    )
    return {str(state): number for state, number in rows}


def test_the_schools_are_in_the_encoding_and_columns_of_the_register(runtime: Runtime) -> None:
    content = resources.files("newsletter.sample").joinpath("schools.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    rows = list(csv.DictReader(content.decode("cp1252").splitlines()))
    assert {"URN", "LA (code)", "EstablishmentName", "EstablishmentStatus (name)", "PhaseOfEducation (name)"} <= set(
        rows[0]
    )
    assert not {"TelephoneNum", "HeadFirstName", "HeadLastName"} & set(rows[0])
    assert all(row["Postcode"].startswith("ZZ") for row in rows)  # a postcode area that does not exist
    load(runtime, with_people=False)
    with runtime.db.reading() as session:
        offered = schools.open_schools(session)
        assert len(offered) == sum(row["EstablishmentStatus (name)"].startswith("Open") for row in rows)
        assert any(school.phase_name == "Not applicable" for school in offered)
        found = school_search.search(session, "zz1 1aa")
        assert [school.postcode for school in found] == ["ZZ1 1AA"]
