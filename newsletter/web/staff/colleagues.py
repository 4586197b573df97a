"""Staff accounts, for administrators: who holds which role, invitations, and switching accounts off and on."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session, col, select

from newsletter.content import partners
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, invitations, sessions
from newsletter.staff.accounts import Held
from newsletter.staff.models import Staff, StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Address, Bound, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import role_words
from newsletter.web.staff.guard import TheAdmin
from subscribers import lists

router = APIRouter()

SAID = {
    "off": "The account is switched off, and signed out everywhere.",
    "on": "The account is switched on again.",
    "given": "The role is given.",
    "taken": "The role is taken back.",
}


class InviteForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "email": "Enter their email address",
        "name": "Enter what colleagues see, such as “Communications officer”",
        "role": "Select a role",
    }

    email: Address
    name: OneLine
    role: StaffRole
    only: str = ""  # "list 3", "partner 2"; empty: everything


@dataclass(frozen=True, slots=True)
class Colleague:
    """An account as the page shows it."""

    id: int
    name: str
    address: str
    is_active: bool
    has_joined: bool
    roles: list[tuple[Held, str]]


@router.get("/staff/colleagues")
def colleagues_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        return _page(session, request, runtime, pages, officer, Bound[InviteForm](), said=SAID.get(said))


@router.post("/staff/colleagues")
def invite(request: Request, officer: TheAdmin, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Make the account where there is none, give the role, and show the link to pass on."""
    bound, now = bind(InviteForm, form), runtime.clock.now()
    if bound.value is None:
        with runtime.db.reading() as session:
            return _page(session, request, runtime, pages, officer, bound, status=422)
    given = bound.value
    try:
        with runtime.db.transaction() as session:
            held = _held(session, given.role, given.only)
            member = accounts.make(session, runtime.crypto, given.email, name=given.name, now=now)
            assert member.id is not None
            accounts.give(session, member.id, held)
            about = f"account {member.id}"
            audit.note(
                session, runtime.crypto, "give role", staff_id=officer.id, about=about,
                detail=role_words.of(session, [held])[0], now=now,
            )  # fmt: skip
            if accounts.has_joined(member):
                return RedirectResponse("/staff/colleagues?said=given", status_code=303)
            text = invitations.invite(session, runtime.crypto, member.id, now=now)
            audit.note(session, runtime.crypto, "invite", staff_id=officer.id, about=about, now=now)
            return _invited(session, request, runtime, pages, officer, member, text)
    except InvalidInput as problem:
        bound.errors = {problem.field or "email": str(problem).rstrip(".")}
        with runtime.db.reading() as session:
            return _page(session, request, runtime, pages, officer, bound, status=422)


@router.post("/staff/colleagues/{staff_id:int}/invite")
def invite_again(staff_id: int, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    """A new link: for somebody who lost theirs, their password or their telephone."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        member = accounts.by_id(session, staff_id)
        if not member.is_active:
            raise WrongState("This account is switched off. Switch it on first.")
        text = invitations.invite(session, runtime.crypto, staff_id, now=now)
        audit.note(session, runtime.crypto, "invite", staff_id=officer.id, about=f"account {staff_id}", now=now)
        return _invited(session, request, runtime, pages, officer, member, text)


@router.post("/staff/colleagues/{staff_id:int}/switch")
def switch(staff_id: int, officer: TheAdmin, form: TheForm, runtime: TheRuntime) -> Response:
    is_on, now = form.get("to") == "on", runtime.clock.now()
    if not is_on and staff_id == officer.id:
        raise WrongState("You cannot switch off your own account. Another administrator can.")
    with runtime.db.transaction() as session:
        member = accounts.by_id(session, staff_id)
        member.is_active = is_on
        session.add(member)
        if not is_on:
            sessions.end_all(session, staff_id)
        what = "switch account on" if is_on else "switch account off"
        audit.note(session, runtime.crypto, what, staff_id=officer.id, about=f"account {staff_id}", now=now)
    return RedirectResponse(f"/staff/colleagues?said={'on' if is_on else 'off'}", status_code=303)


@router.post("/staff/colleagues/{staff_id:int}/take")
def take_role(staff_id: int, officer: TheAdmin, form: TheForm, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        accounts.by_id(session, staff_id)
        held = _held(session, _role(form.get("role", "")), form.get("only", ""))
        if staff_id == officer.id and held.role is StaffRole.ADMIN:
            raise WrongState("You cannot take this role from yourself. Another administrator can.")
        accounts.take(session, staff_id, held)
        audit.note(
            session, runtime.crypto, "take role", staff_id=officer.id, about=f"account {staff_id}",
            detail=role_words.of(session, [held])[0], now=now,
        )  # fmt: skip
    return RedirectResponse("/staff/colleagues?said=taken", status_code=303)


def _role(text: str) -> StaffRole:
    try:
        return StaffRole(text)
    except ValueError:
        raise InvalidInput("Select a role.", field="role") from None


def _held(session: Session, role: StaffRole, only: str) -> Held:
    """A role for everything, or for what `only` names. Raises `InvalidInput`."""
    kind, _, number = only.partition(" ")
    only_id = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if role is StaffRole.PARTNER_APPROVER:
        if kind != "partner" or only_id not in {partner.id for partner in partners.partners(session)}:
            raise InvalidInput("Select the partner whose texts they approve.", field="only")
        return Held(role, partner_id=only_id)
    if not only:
        return Held(role)
    if kind != "list" or only_id not in {one.id for one in lists.all_lists(session)}:
        raise InvalidInput("Select a newsletter, or all of them.", field="only")
    return Held(role, mailing_list_id=only_id)


def _invited(
    session: Session, request: Request, runtime: Runtime, pages: Pages, officer: Officer, member: Staff, text: str
) -> Response:
    return pages.show(
        request,
        "staff/invited.html",
        site.current(session),
        officer=officer,
        link=f"{runtime.settings.base_url}/staff/join/{text}",
        name=member.name or accounts.email_of(runtime.crypto, member),
        days=invitations.LIFETIME.days,
    )


def _page(
    session: Session,
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    bound: Bound[InviteForm],
    *,
    status: int = 200,
    said: str | None = None,
) -> Response:
    held = accounts.all_held(session)
    words = dict(
        zip(
            (every := [one for roles in held.values() for one in roles]),
            role_words.of(session, every),
            strict=True,
        )
    )
    shown = [
        Colleague(
            member.id or 0,
            member.name,
            accounts.email_of(runtime.crypto, member),
            member.is_active,
            accounts.has_joined(member),
            [(one, words[one]) for one in held.get(member.id or 0, [])],
        )
        for member in session.exec(select(Staff).order_by(col(Staff.is_active).desc(), col(Staff.id)))
    ]
    choices = [("", "All newsletters")]
    choices += [(f"list {one.id}", f"Only {one.name}") for one in lists.all_lists(session)]
    choices += [(f"partner {one.id}", f"Only texts of {one.name}") for one in partners.partners(session)]
    return pages.show(
        request,
        "staff/colleagues.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        said=said,
        colleagues=shown,
        roles=role_words.ROLES,
        choices=choices,
    )
