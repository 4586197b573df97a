"""A small partnership with two mailing lists and two members of staff, and short ways to write updates for it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from newsletter.content import events, fields, responses, updates
from newsletter.content.dates import london_date
from newsletter.content.events import EventDraft
from newsletter.content.models import Event, Partner, Partnership, PriorityArea, Response, Update
from newsletter.content.responses import ResponseDraft
from newsletter.content.updates import UpdateDraft
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.editions import assembling, gate, moves, publishing
from newsletter.editions.assembling import Assembled
from newsletter.editions.models import Edition, EditionState
from newsletter.rendering.mails import Letterhead
from newsletter.staff.models import Staff
from subscribers.models import MailingList

TODAY = date(2026, 11, 3)

LETTERHEAD = Letterhead(
    partnership="Example SEND partnership",
    publisher="Example County Council",
    postal_address="1 Example Street, Example",
    phone="01632 960123",
    contact_email="send@example.org",
    help_text="Call 01632 960123.",
    brand_colour="#00594c",
    tint_colour="#eef4f2",
    list_name="SEND news for parents and carers",
    list_slug="parents",
    frequency="about once a fortnight",
    sender_name="Example SEND news",
    sender_email="news@example.org",
    reply_to="replies@example.org",
    lawful_basis="consent",
    site_url="http://news.example.org",
    sign_up_url="http://news.example.org/parents",
    archive_url="http://news.example.org/editions",
    privacy_url="http://news.example.org/privacy",
    accessibility_url="http://news.example.org/accessibility",
)


@dataclass
class World:
    """The ids of what stands in the database."""

    runtime: Runtime
    parents: int
    professionals: int
    author: int
    approver: int
    areas: list[int]
    partner: int

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    def draft(self, title: str = "More help by phone", **changes: object) -> UpdateDraft:
        values: dict[str, object] = {
            "priority_area_id": self.areas[1],
            "partner_id": self.partner,
            "owner": "Head of SEND",
            "parent_title": title,
            "parent_body": f"The phone line is open for longer: {title}.",
            "professional_title": f"{title} (for schools)",
            "professional_body": f"The phone line now opens at 8am. Please tell families about {title}.",
            "from_date": TODAY,
        }
        return UpdateDraft.model_validate({**values, **changes})

    def write(self, session: Session, title: str = "More help by phone", **changes: object) -> Update:
        return updates.write(session, self.draft(title, **changes), author_id=self.author, now=self.now)

    def event(self, session: Session, title: str = "Tell us what you think", days: int = 10, **changes: Any) -> Event:
        """An evening for parents, so many days from now."""
        start = self.now + timedelta(days=days, hours=9)
        values: dict[str, Any] = {
            "title": title,
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
            "partner_id": self.partner,
            "announce_from": TODAY,
        }
        draft = fields.read(EventDraft, {**values, **changes})
        return events.write(session, draft, now=self.now, author_id=self.author)

    def response(self, session: Session, theme: str = "Answers take too long", **changes: Any) -> Response:
        values: dict[str, Any] = {
            "theme": theme,
            "said": "You wait weeks for an answer.",
            "people": 3,
            "period_from": date(2026, 9, 1),
            "period_until": date(2026, 10, 31),
            "did": "A person answers within five working days.",
            "outcome": "done",
            "decision_owner": "Head of SEND",
            "partner_id": self.partner,
            "priority_area_id": self.areas[0],
            "for_parents": True,
            "from_date": TODAY,
        }
        draft = fields.read(ResponseDraft, {**values, **changes})
        return responses.write(session, draft, now=self.now, author_id=self.author)

    def assemble(self, session: Session, **changes: object) -> Assembled:
        values: dict[str, object] = {
            "mailing_list_id": self.parents,
            "audience": Audience.PARENTS,
            "list_name": LETTERHEAD.list_name,
            "now": self.now,
            "author_id": self.author,
        }
        return assembling.assemble(session, **{**values, **changes})  # type: ignore[arg-type]

    def edition(self, session: Session, state: EditionState = EditionState.DRAFT, title: str = "More help") -> Edition:
        """An edition of one update, brought to a state by the moves that lead there."""
        self.write(session, title)
        edition = self.assemble(session).edition
        assert edition is not None
        assert edition.id is not None
        bring_to(self, session, edition.id, state)
        session.refresh(edition)
        return edition

    def weigh(self, session: Session, edition_id: int) -> None:
        """Give a reason for everything that wants one before approval."""
        edition = moves.read(session, edition_id)
        found = gate.look(session, edition, LETTERHEAD, on=london_date(self.now), now=self.now)
        for finding in found.unanswered:
            gate.give_reason(
                session, edition, found, finding.key, "It was weighed.", now=self.now, staff_id=self.author
            )

    def approve(self, session: Session, edition_id: int, **changes: object) -> Edition:
        values: dict[str, object] = {
            "approver_id": self.approver,
            "roles": {"approver"},
            "letterhead": LETTERHEAD,
            "now": self.now,
        }
        return publishing.approve(session, edition_id, **{**values, **changes})  # type: ignore[arg-type]


def bring_to(world: World, session: Session, edition_id: int, state: EditionState) -> None:
    now = world.now
    S = EditionState
    if state is S.DRAFT:
        return
    if state is S.CANCELLED:
        publishing.cancel(session, edition_id, now=now)
        return
    publishing.submit(session, edition_id, now=now)
    if state is S.REVIEW:
        return
    world.approve(session, edition_id)
    if state is S.APPROVED:
        return
    if state is S.SCHEDULED:
        publishing.schedule(session, edition_id, send_at=datetime(2026, 11, 10, 10, 0, tzinfo=UTC), now=now)
        return
    publishing.release(session, edition_id, now=now)
    if state is S.PAUSED:
        publishing.pause(session, edition_id, because="Too many bounces", now=now)
    elif state is S.SENT:
        publishing.finish(session, edition_id, now=now)


def make(runtime: Runtime) -> World:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        lists = [
            MailingList(
                slug=slug,
                name=f"SEND news for {slug}",
                audience=Audience(slug),
                summary="News.",
                frequency="about once a fortnight",
                sender_name="Example SEND news",
                sender_email="news@example.org",
                reply_to="replies@example.org",
                lawful_basis="consent",
            )
            for slug in ("parents", "professionals")
        ]
        staff = [Staff(email_hash=bytes([n]), email_sealed=b"", created_at=now) for n in (1, 2)]
        partner = Partner(slug="council", name="Example County Council", from_date=date(2020, 1, 1))
        areas = [
            PriorityArea(number=n, name=f"Area {n}", description=f"Area {n}.", from_date=date(2023, 12, 12))
            for n in (1, 2, 3)
        ]
        partnership = Partnership(
            name="Example SEND partnership",
            area="Example",
            publisher="Example County Council",
            postal_address="1 Example Street",
            phone="01632 960123",
            contact_email="send@example.org",
            website="https://www.example.org",
            help_text="Call 01632 960123.",
            local_authority_code=931,
        )
        session.add_all([*lists, *staff, partner, *areas, partnership])
        session.flush()
        ids = [row.id for row in (*lists, *staff, *areas, partner)]
    known = [one for one in ids if one is not None]
    return World(runtime, known[0], known[1], known[2], known[3], known[4:7], known[7])
