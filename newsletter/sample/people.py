"""The sample's subscribers, a few hundred on each list, every address at example.org, with the consent behind each.

They are written as rows, not through the sign-up: nobody is to get a letter about a sign-up that never was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.core.crypto import Crypto
from subscribers import identity, lists, schools
from subscribers.models import Consent, MailingList, Phase, Role, School, Subscriber, SubscriberState


@dataclass(frozen=True, slots=True)
class _Crowd:
    """How many of each state, and what their addresses start with."""

    prefix: str
    confirmed: int
    pending: int
    left: int


_CROWDS = {
    Audience.PARENTS: _Crowd("parent", confirmed=300, pending=12, left=8),
    Audience.PROFESSIONALS: _Crowd("professional", confirmed=240, pending=9, left=5),
}

#: Of every ten professionals six are SENCOs; the others in turn, with the words they gave for their setting.
_OTHER_ROLES: Sequence[tuple[Role, str | None, Phase | None]] = (
    (Role.HEAD, None, None),
    (Role.TEACHER, None, None),
    (Role.EARLY_YEARS, "A nursery in the north of the county", Phase.EARLY_YEARS),
    (Role.HEALTH, "Children's therapies team", None),
    (Role.SOCIAL_CARE, "Disabled children's team", None),
    (Role.COUNCIL, "SEND casework team", None),
    (Role.VOLUNTARY, "A youth group in the south of the county", None),
    (Role.OTHER, "A college for students from 16", Phase.POST_16),
)

_PHASES = {"Primary": Phase.PRIMARY, "Secondary": Phase.SECONDARY, "Nursery": Phase.EARLY_YEARS}


def load(session: Session, crypto: Crypto, mailing_lists: Sequence[MailingList], *, now: datetime) -> None:
    """Write the subscribers of every list and their consents."""
    register = list(schools.open_schools(session))
    for mailing_list in mailing_lists:
        crowd = _CROWDS[mailing_list.audience]
        people = [
            _subscriber(crypto, mailing_list, crowd, number, now)
            for number in range(crowd.confirmed + crowd.pending + crowd.left)
        ]
        if mailing_list.audience is Audience.PROFESSIONALS:
            for number, person in enumerate(people):
                _describe(person, number, register)
        session.add_all(people)
        session.flush()
        wording = lists.current_wording(session, _id(mailing_list))
        assert wording.id is not None
        session.add_all(_consent(person, wording.id) for person in people)
        session.flush()


def _subscriber(crypto: Crypto, mailing_list: MailingList, crowd: _Crowd, number: int, now: datetime) -> Subscriber:
    address = f"{crowd.prefix}-{number + 1:03d}@example.org"
    person = Subscriber(
        mailing_list_id=_id(mailing_list),
        address_hash=identity.address_hash(crypto, _id(mailing_list), address),
        address_sealed=crypto.encrypt(address),
        state=SubscriberState.CONFIRMED,
        requested_at=now - timedelta(days=3 + number % 80, minutes=number % 50),
    )
    if number >= crowd.confirmed + crowd.pending:
        person.state = SubscriberState.LEFT
        person.ended_at = now - timedelta(days=1, hours=number % 24)
    elif number >= crowd.confirmed:
        person.state = SubscriberState.PENDING
        person.requested_at = now - timedelta(hours=1 + number % 70)
        person.reminded_at = now  # so that they are not
    if person.state is not SubscriberState.PENDING:
        person.confirmed_at = person.requested_at + timedelta(minutes=2 + number % 30)
    return person


def _describe(person: Subscriber, number: int, register: Sequence[School]) -> None:
    """Say what a professional does, and where."""
    if number % 10 < 6:
        person.role = Role.SENCO
        setting = None
    else:
        person.role, setting, person.phase = _OTHER_ROLES[number % len(_OTHER_ROLES)]
    if setting is None:
        school = register[number % len(register)]
        person.school_urn = school.urn
        person.phase = Phase.SPECIAL if "special" in school.type_name.casefold() else _PHASES.get(school.phase_name)
    else:
        person.setting_name = setting


def _consent(person: Subscriber, wording_id: int) -> Consent:
    return Consent(
        subscriber_id=person.id,
        mailing_list_id=person.mailing_list_id,
        wording_id=wording_id,
        source="web form",
        requested_at=person.requested_at,
        confirmed_at=person.confirmed_at,
        withdrawn_at=person.ended_at,
        withdrawn_how="button" if person.ended_at else None,
    )


def _id(mailing_list: MailingList) -> int:
    assert mailing_list.id is not None
    return mailing_list.id
