"""A draft edition for parents to compose, with updates in it and out of it, a date and an answer."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, select

from newsletter.content import events, fields, responses, updates
from newsletter.content.events import EventDraft
from newsletter.content.models import Partner, PriorityArea
from newsletter.content.responses import ResponseDraft
from newsletter.content.updates import UpdateDraft
from newsletter.core.runtime import Runtime
from newsletter.editions import assembling, moves, publishing
from newsletter.editions.models import Edition, EditionState
from subscribers import lists
from subscribers.models import MailingList

TODAY = date(2026, 11, 3)

#: What must come out as it was typed, wherever it is shown.
HOSTILE = '<script>alert(1)</script> "it\'s" =HYPERLINK(1)'


@dataclass
class Newsroom:
    """The ids of what there is."""

    runtime: Runtime
    parents: int
    professionals: int
    partner: int
    areas: list[int]
    edition: int = 0
    inside: tuple[int, ...] = ()
    event: int = 0
    response: int = 0

    def write(self, session: Session, title: str, *, area: int = 0, **changes: Any) -> int:
        values = {
            "priority_area_id": self.areas[area],
            "partner_id": self.partner,
            "owner": "Head of SEND",
            "parent_title": title,
            "parent_body": "The phone line is open for longer. You can call from 8am to 6pm.",
            "professional_title": f"{title} (for schools)",
            "professional_body": "The phone line now opens at 8am.",
            "from_date": TODAY,
        }
        draft = UpdateDraft.model_validate({**values, **changes})
        update = updates.write(session, draft, author_id=None, now=self.runtime.clock.now())
        assert update.id is not None
        return update.id

    def revision(self) -> int:
        with self.runtime.db.reading() as session:
            return moves.read(session, self.edition).revision

    def state(self) -> EditionState:
        with self.runtime.db.reading() as session:
            return moves.read(session, self.edition).state

    def form(self, **fields_typed: str) -> dict[str, str]:
        """A form of the page as it is now."""
        return {"revision": str(self.revision()), **fields_typed}

    def mailing_list(self, session: Session) -> MailingList:
        return lists.by_id(session, self.parents)

    def start(self, session: Session, list_id: int) -> int:
        mailing_list = lists.by_id(session, list_id)
        found = assembling.assemble(
            session,
            mailing_list_id=list_id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=self.runtime.clock.now(),
        ).edition
        assert found is not None
        assert found.id is not None
        return found.id


def build(runtime: Runtime) -> Newsroom:
    """On top of `tests.newsletter.web.town`."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        for waiting in session.exec(select(Edition).where(Edition.state == EditionState.APPROVED)):
            publishing.cancel(session, waiting.id or 0, now=now)
        partner = Partner(slug="council", name="Example Council", from_date=date(2020, 1, 1))
        areas = [
            PriorityArea(number=n, name=f"Area {n}", description=f"Area {n}.", from_date=date(2023, 12, 12))
            for n in (1, 2)
        ]
        session.add_all([partner, *areas])
        session.flush()
        room = Newsroom(
            runtime,
            lists.by_slug(session, "parents").id or 0,
            lists.by_slug(session, "professionals").id or 0,
            partner.id or 0,
            [area.id or 0 for area in areas],
        )
        room.inside = (
            room.write(session, "More help by phone"),
            room.write(session, "A new team answers letters"),
            room.write(session, "Plans on time", area=1),
        )
        room.write(session, "For schools alone", parent_title="", parent_body="")
        room.write(session, "Later this month", from_date=TODAY + timedelta(days=9))
        start = now + timedelta(days=10, hours=9)
        room.event = (
            events.write(
                session,
                fields.read(
                    EventDraft,
                    {
                        "title": "Tell us what you think",
                        "for_parents": True,
                        "starts_at": start,
                        "ends_at": start + timedelta(hours=2),
                        "place": "both",
                        "venue": "Town Hall",
                        "postal_address": "1 High Street",
                        "access_notes": "There is a lift.",
                        "booking": "You do not have to book.",
                        "without_attending": "Reply to this email.",
                        "for_whom": "Parents and carers",
                        "adjustments_contact": "Call 01632 960123.",
                        "partner_id": room.partner,
                        "announce_from": TODAY,
                    },
                ),
                now=now,
            ).id
            or 0
        )
        room.response = (
            responses.write(
                session,
                fields.read(
                    ResponseDraft,
                    {
                        "theme": "Answers take too long",
                        "said": "You wait weeks for an answer.",
                        "people": 30,
                        "period_from": date(2026, 9, 1),
                        "period_until": date(2026, 10, 31),
                        "did": "A person answers within five working days.",
                        "outcome": "done",
                        "decision_owner": "Head of SEND",
                        "partner_id": room.partner,
                        "priority_area_id": room.areas[0],
                        "for_parents": True,
                        "from_date": TODAY,
                    },
                ),
                now=now,
            ).id
            or 0
        )
        room.edition = room.start(session, room.parents)
    return room
