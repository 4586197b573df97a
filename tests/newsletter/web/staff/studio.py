"""A small partnership with staff who write and approve, each at a desk: editions are made and moved as people do."""

import re
from dataclasses import dataclass, field
from datetime import date
from html import unescape

import httpx
from sqlmodel import Session, col, select

from newsletter.content.models import Partner
from newsletter.core.runtime import Runtime
from newsletter.delivery import letterheads
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.staff.models import AuditEntry, StaffRole, StaffRoleHeld
from subscribers import lists
from tests.newsletter.editions.world import World, make
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk, sign_in

LIST_NAME = "SEND news for parents"


@dataclass
class Studio:
    world: World
    door: Door
    desks: dict[str, Desk] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        return self.door.runtime

    def desk(self, *roles: StaffRole, name: str = "") -> Desk:
        """Somebody with these roles; the same desk each time."""
        name = name or f"{roles[0].capitalize()} of the council"
        if name not in self.desks:
            email = re.sub(r"\W+", "-", name.lower()) + "@example.org"
            self.desks[name] = Desk(self.door, *sign_in(self.runtime, *roles, email=email, name=name))
        return self.desks[name]

    @property
    def author(self) -> Desk:
        return self.desk(StaffRole.AUTHOR)

    @property
    def approver(self) -> Desk:
        return self.desk(StaffRole.APPROVER)

    @property
    def admin(self) -> Desk:
        return self.desk(StaffRole.ADMIN)

    def only_for(self, role: StaffRole, *, list_id: int | None = None, partner_id: int | None = None) -> Desk:
        """Somebody who holds the role for one list, or one partner, alone."""
        desk = self.desk(role, name=f"{role} of list {list_id} and partner {partner_id}")
        with self.runtime.db.transaction() as session:
            held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == desk.staff_id)).one()
            held.mailing_list_id, held.partner_id = list_id, partner_id
            session.add(held)
        return desk

    def edition(self, state: EditionState = EditionState.DRAFT, title: str = "More help by phone") -> int:
        """An edition of one update for parents; written by nobody who sits at a desk."""
        with self.runtime.db.transaction() as session:
            words = "The phone line is open for longer."
            self.world.write(session, title, parent_body=words, professional_body=words)
            edition = self.world.assemble(session).edition
            assert edition is not None
            assert edition.id is not None
            if state is EditionState.DRAFT:
                return edition.id
            now = self.runtime.clock.now()
            publishing.submit(session, edition.id, now=now)
            if state is EditionState.REVIEW:
                return edition.id
            mailing_list = lists.by_id(session, edition.mailing_list_id)
            head = letterheads.letterhead(session, mailing_list, self.runtime.settings.base_url)
            self.world.approve(session, edition.id, letterhead=head)
            assert state is EditionState.APPROVED
            return edition.id

    def state(self, edition_id: int) -> EditionState:
        with self.runtime.db.reading() as session:
            return session.get_one(Edition, edition_id).state

    def row(self, edition_id: int) -> Edition:
        with self.runtime.db.reading() as session:
            return session.get_one(Edition, edition_id)

    def notes(self, edition_id: int) -> list[tuple[str, str]]:
        with self.runtime.db.reading() as session:
            events = session.exec(
                select(EditionEvent).where(EditionEvent.edition_id == edition_id).order_by(col(EditionEvent.id))
            )
            return [(event.move, event.note) for event in events]

    def log(self) -> list[tuple[str, str, str]]:
        with self.runtime.db.reading() as session:
            entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))
            return [(entry.action, entry.about, entry.detail) for entry in entries]

    def partner(self, name: str = "Parent carer forum", *, approves: bool = True) -> int:
        with self.runtime.db.transaction() as session:
            row = Partner(slug="forum", name=name, from_date=date(2020, 1, 1), approves_texts=approves)
            session.add(row)
            session.flush()
            assert row.id is not None
            return row.id


def build(runtime: Runtime) -> Studio:
    return Studio(make(runtime), Door(runtime))


def at(edition_id: int, page: str = "approval") -> str:
    return f"/staff/editions/{edition_id}/{page}"


def fields_of(response: httpx.Response, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to an address."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', response.text, re.DOTALL)
    assert form, f"There is no form for {action}"
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    }


def words_of(response: httpx.Response) -> str:
    """What is read on a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.text)).split())


def approve(studio: Studio, edition_id: int, **more: str) -> httpx.Response:
    """The approver looks at the page and presses its button."""
    page = studio.approver.get(at(edition_id))
    address = f"{at(edition_id)}/approve"
    return studio.approver.post(address, {**fields_of(page, address), **more})


def set_words(session: Session, edition_id: int, **columns: str) -> None:
    """Write into the row behind everybody's back."""
    edition = session.get_one(Edition, edition_id)
    for name, value in columns.items():
        setattr(edition, name, value)
    session.add(edition)
