"""Load the sample partnership into an empty database: lists, partners, content, people and a first edition of each.

The facts are those Oxfordshire's partnership reported in December 2023; every address is at example.org. What is due
is counted from the day of loading, so that the sample is as fresh in any year. All of it or nothing is loaded, in one
transaction; where there is a partnership already, nothing happens.
"""

import tomllib
from datetime import datetime, time, timedelta
from importlib import resources
from io import BytesIO
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from newsletter.content import updates
from newsletter.content.dates import LONDON, london_date
from newsletter.content.models import Partner, Partnership, PriorityArea
from newsletter.content.updates import UpdateDraft
from newsletter.core.audience import Audience
from newsletter.core.installation import check_secret
from newsletter.core.runtime import Runtime
from newsletter.editions import assembling, publishing
from newsletter.editions.models import Cadence
from newsletter.sample import dates_and_answers, people
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from scheduler import cadence
from subscribers import lists, schools, topics
from subscribers.models import MailingList

_FILES = resources.files("newsletter.sample")

#: When editions go out, in Europe/London.
_TIME_OF_DAY = time(10, 0)
_TUESDAY = 1

#: How long before the day of loading the sample's sign-up forms came into use.
_IN_USE_FOR = timedelta(days=90)


def load(runtime: Runtime, *, with_people: bool = True) -> None:
    """Load the sample, or (without people) what a partnership has before anybody signs up and an edition is made.

    Repeatable: a database that has a partnership is left as it is.
    """
    try:
        with runtime.db.transaction() as session:
            if _is_loaded(session):
                return
            check_secret(session, runtime.crypto, runtime.clock)
            _load(session, runtime, with_people=with_people)
    except IntegrityError:
        with runtime.db.reading() as session:
            if not _is_loaded(session):  # else somebody loaded it at the same moment
                raise


def _is_loaded(session: Session) -> bool:
    return session.exec(select(Partnership.id)).first() is not None


def _load(session: Session, runtime: Runtime, *, with_people: bool) -> None:
    now = runtime.clock.now()
    partners, areas = _partnership(session, now)
    staff = _staff(session, runtime, now)
    mailing_lists = _mailing_lists(session, now)
    for entry in _read("updates.toml")["updates"]:
        updates.write(session, _draft(entry, partners, areas, now), author_id=staff["author"], now=now)
    dates_and_answers.load(session, partners, areas, author_id=staff["author"], now=now)
    register = BytesIO(_FILES.joinpath("schools.csv").read_bytes())
    schools.import_register(session, register, local_authority_codes={_council_code()})
    if not with_people:
        return
    people.load(session, runtime.crypto, mailing_lists, now=now)
    for mailing_list in mailing_lists:
        _first_edition(session, mailing_list, author_id=staff["author"], now=now)


def _partnership(session: Session, now: datetime) -> tuple[dict[str, int], dict[int, int]]:
    """The ids of partners by slug and of priority areas by number."""
    data = _read("partnership.toml")
    today = london_date(now)
    session.add(Partnership(**data["partnership"], accessibility_prepared_on=today, accessibility_reviewed_on=today))
    partners = [Partner(**entry) for entry in data["partners"]]
    areas = [PriorityArea(**entry) for entry in data["areas"]]
    session.add_all([*partners, *areas])
    session.flush()
    return (
        {partner.slug: partner.id for partner in partners if partner.id is not None},
        {area.number: area.id for area in areas if area.id is not None},
    )


def _staff(session: Session, runtime: Runtime, now: datetime) -> dict[str, int]:
    """The id of the member of staff for each role."""
    ids: dict[str, int] = {}
    for entry in _read("lists.toml")["staff"]:
        roles = {StaffRole(role) for role in entry["roles"]}
        account = accounts.add(session, runtime.crypto, entry["email"], roles=roles, now=now)
        assert account.id is not None
        ids.update(dict.fromkeys(roles, account.id))
    return ids


def _mailing_lists(session: Session, now: datetime) -> list[MailingList]:
    made: list[MailingList] = []
    for position, entry in enumerate(_read("lists.toml")["lists"]):
        rule, wording = entry.pop("rule"), entry.pop("wording").strip()
        offered = entry.pop("topics", [])
        mailing_list = MailingList(**{**entry, "audience": Audience(entry["audience"])}, position=position)
        session.add(mailing_list)
        session.flush()
        lists.add_wording(session, mailing_list, wording, now=now - _IN_USE_FOR)
        session.add(_cadence(mailing_list, rule, now))
        for topic in offered:
            topics.write(session, mailing_list.id or 0, **topic, from_date=london_date(now - _IN_USE_FOR))
        made.append(mailing_list)
    session.flush()
    return made


def _cadence(mailing_list: MailingList, rule: str, now: datetime) -> Cadence:
    """Counted from this week's Tuesday, which the first edition stands for; the next one falls due after it."""
    assert mailing_list.id is not None
    today = london_date(now)
    tuesday = today - timedelta(days=(today.weekday() - _TUESDAY) % 7)
    anchor = datetime.combine(tuesday, _TIME_OF_DAY, LONDON)
    return Cadence(
        mailing_list_id=mailing_list.id,
        rule=rule,
        anchor=anchor,
        timezone=LONDON.key,
        next_due=cadence.next_due(rule, anchor, LONDON.key, max(anchor, now), cadence.bank_holidays()),
    )


def _draft(entry: dict[str, Any], partners: dict[str, int], areas: dict[int, int], now: datetime) -> UpdateDraft:
    today = london_date(now)
    until, action = entry.pop("until_days", None), entry.pop("action_days", None)
    return UpdateDraft(
        priority_area_id=areas[entry.pop("area")],
        partner_id=partners[entry.pop("partner")],
        from_date=today - timedelta(days=entry.pop("from_days")),
        until_date=None if until is None else today + timedelta(days=until),
        action_by=None if action is None else today + timedelta(days=action),
        **entry,
    )


def _first_edition(session: Session, mailing_list: MailingList, *, author_id: int, now: datetime) -> None:
    """An edition that waits for its approver."""
    assert mailing_list.id is not None
    assembled = assembling.assemble(
        session,
        mailing_list_id=mailing_list.id,
        audience=mailing_list.audience,
        list_name=mailing_list.name,
        now=now,
        author_id=author_id,
    )
    assert assembled.edition is not None
    assert assembled.edition.id is not None
    publishing.submit(session, assembled.edition.id, now=now, staff_id=author_id)


def _council_code() -> int:
    code: int = _read("partnership.toml")["partnership"]["local_authority_code"]
    return code


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(_FILES.joinpath(name).read_text(encoding="utf-8"))
