"""What the data protection officer changes for one person: what we know of their work, where the emails go, whether
any come. Each is asked for by the person; each asks before it is done."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field
from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.delivery import stopping
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Address, Bound, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.signup import PHASES, ROLES
from newsletter.web.staff.guard import TheDpo
from newsletter.web.staff.one_person import FIND, FindForm, find_again, note
from newsletter.web.staff.people_scope import check_every_list
from subscribers import amending, identity, lists, preferences, suppression
from subscribers.amending import Amendment
from subscribers.details import MAXIMUM_SETTING_LENGTH, Details, details_of
from subscribers.models import MailingList, Phase, Role, Subscriber, SuppressionReason

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is done to one person, with what follows from it."""

    action: str  # where the answer goes
    title: str
    button: str
    sentences: tuple[str, ...]


SUPPRESS = Question(
    "/staff/people/suppress",
    "Never write to this address",
    "Never write to this address",
    (
        "Nothing is sent to this address any more: no edition and no letter, also when somebody types it into a "
        "sign-up form.",
        "To stop one newsletter alone, use “Stop these emails” instead.",
        "You can take this back here.",
    ),
)

LIFT = Question(
    "/staff/people/lift",
    "Write to this address again",
    "Allow emails again",
    (
        "Do this only when the person asked for it. If their emails came back, or they complained about them, writing "
        "again can harm the delivery of everybody's emails.",
        "It puts them on no list: they sign up themselves.",
    ),
)


def stop_question(mailing_list: MailingList) -> Question:
    return Question(
        "/staff/people/stop",
        "Stop these emails",
        "Stop these emails",
        (
            f"“{mailing_list.name}” stops for this person, also what is on its way. They get one email that says so.",
            "They can sign up again whenever they want.",
        ),
    )


class CorrectForm(FormModel):
    """New answers; a blank one leaves what there is."""

    sentences: ClassVar[dict[str, str]] = {
        "role": "Choose one of the roles",
        "phase": "Choose one of the phases",
        "school_urn": "Enter the school's number from the register, such as 123456",
        "setting_name": f"The name of the setting must be {MAXIMUM_SETTING_LENGTH} characters or fewer",
    }

    role: Role | None = None
    school_urn: Annotated[int, Field(gt=0, lt=2**31)] | None = None
    setting_name: Annotated[OneLine, Field(max_length=MAXIMUM_SETTING_LENGTH)] | None = None
    phase: Phase | None = None
    new_address: Address | None = None


@router.get("/staff/people/correct", include_in_schema=False)
@router.get("/staff/people/stop", include_in_schema=False)
@router.get("/staff/people/suppress", include_in_schema=False)
@router.get("/staff/people/lift", include_in_schema=False)
def begin_again(officer: TheDpo) -> Response:
    """Where somebody comes back to who had to sign in again: the address was in the form alone."""
    return RedirectResponse(FIND, status_code=303)


@router.post("/staff/people/correct")
def correct(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Shows the form, or carries it out when it comes back with `save`."""
    address = _address(request, pages, runtime, officer, form)
    if isinstance(address, Response):
        return address
    with runtime.db.reading() as session:
        mailing_list, row = _row(session, runtime, address, form.get("list", ""))
        if "save" not in form:
            return _correct(request, pages, session, officer, address, mailing_list, row, _as_it_is(row))
        bound = bind(CorrectForm, form)
        if not bound.errors and not any(text.strip() for text in bound.typed.values()):
            bound.errors = {"new_address": "Change something, or go back"}
        if bound.errors or bound.value is None:
            return _correct(request, pages, session, officer, address, mailing_list, row, bound, status=422)
    assert mailing_list.id is not None
    assert row.id is not None
    try:
        with runtime.db.transaction() as session:
            changed = _carry_out(session, runtime, mailing_list, row, bound.value)
            note(session, runtime, officer, "correct person", address, detail=f"list {mailing_list.id}: {changed}")
    except InvalidInput as problem:
        bound.errors = {problem.field or "new_address": str(problem)}
        with runtime.db.reading() as session:
            return _correct(request, pages, session, officer, address, mailing_list, row, bound, status=422)
    said = "asked" if bound.value.new_address else "corrected"
    return RedirectResponse(f"{FIND}?said={said}", status_code=303)


@router.post("/staff/people/stop")
def stop(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Stop the emails of one list, as an objection asks for."""
    address = _address(request, pages, runtime, officer, form)
    if isinstance(address, Response):
        return address
    with runtime.db.reading() as session:
        mailing_list, row = _row(session, runtime, address, form.get("list", ""))
    if "sure" not in form:
        hidden = {"email": address, "list": str(mailing_list.id)}
        return _ask(request, pages, runtime, officer, stop_question(mailing_list), hidden)
    assert mailing_list.id is not None
    assert row.id is not None
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        note(session, runtime, officer, "stop emails", address, detail=f"list {mailing_list.id}")
        left = preferences.leave(session, mailing_list_id=mailing_list.id, subscriber_id=row.id, how="staff", now=now)
        stopping.stop_for(session, [left], now)
    return RedirectResponse(f"{FIND}?said=stopped", status_code=303)


@router.post("/staff/people/suppress")
def suppress(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Never write to this address again."""
    address = _address(request, pages, runtime, officer, form)
    if isinstance(address, Response):
        return address
    if "sure" not in form:
        return _ask(request, pages, runtime, officer, SUPPRESS, {"email": address})
    with runtime.db.transaction() as session:
        note(session, runtime, officer, "suppress address", address)
        suppression.suppress(
            session,
            runtime.crypto,
            address,
            reason=SuppressionReason.COMPLAINED,
            now=runtime.clock.now(),
        )
    return RedirectResponse(f"{FIND}?said=suppressed", status_code=303)


@router.post("/staff/people/lift")
def lift(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Allow emails to this address again."""
    address = _address(request, pages, runtime, officer, form)
    if isinstance(address, Response):
        return address
    if "sure" not in form:
        return _ask(request, pages, runtime, officer, LIFT, {"email": address})
    with runtime.db.transaction() as session:
        reason = suppression.lift(session, runtime.crypto, address)
        if reason is None:
            raise NotFound("Nothing stops emails to this address.")
        note(session, runtime, officer, "lift suppression", address, detail=f"it was: {reason.value}")
    return RedirectResponse(f"{FIND}?said=lifted", status_code=303)


def _address(
    request: Request, pages: Pages, runtime: Runtime, officer: Officer, form: dict[str, str]
) -> str | Response:
    """The address that the form is about; the page that asks for it where it is none."""
    check_every_list(officer)
    found = bind(FindForm, form)
    return found.value.email if found.value is not None else find_again(request, pages, runtime, officer, found)


def _carry_out(
    session: Session, runtime: Runtime, mailing_list: MailingList, row: Subscriber, value: CorrectForm
) -> str:
    """Write the new answers; which they were, in names of fields."""
    assert mailing_list.id is not None
    assert row.id is not None
    changed = []
    if value.new_address is not None:
        preferences.change_address(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list.id,
            subscriber_id=row.id,
            address=value.new_address,
            now=runtime.clock.now(),
        )
        changed.append("address, to be confirmed")
    told = Details(value.role, value.school_urn, value.setting_name, value.phase)
    if told not in (Details(), details_of(row)):
        amending.amend(
            session,
            mailing_list_id=mailing_list.id,
            subscriber_id=row.id,
            amendment=Amendment(told.role, told.school_urn, told.setting_name, told.phase),
        )
        changed.append("work")
    return " and ".join(changed) or "nothing"


def _as_it_is(row: Subscriber) -> Bound[CorrectForm]:
    return Bound(
        {
            "role": row.role.value if row.role else "",
            "school_urn": str(row.school_urn or ""),
            "setting_name": row.setting_name or "",
            "phase": row.phase.value if row.phase else "",
        }
    )


def _row(session: Session, runtime: Runtime, address: str, typed_list: str) -> tuple[MailingList, Subscriber]:
    """The row of an address on the list whose id stands in the form. Raises `NotFound`."""
    wanted = int(typed_list) if typed_list.isascii() and typed_list.isdecimal() and len(typed_list) < 10 else 0
    mailing_list = lists.by_id(session, wanted)
    row = identity.find(session, runtime.crypto, wanted, address)
    if row is None or row.id is None:
        raise NotFound("This address is not on this list any more.")
    return mailing_list, row


def _correct(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    address: str,
    mailing_list: MailingList,
    row: Subscriber,
    bound: Bound[CorrectForm],
    *,
    status: int = 200,
) -> Response:
    return pages.show(
        request,
        "staff/people-correct.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        address=address,
        mailing_list=mailing_list,
        asks_about_work=mailing_list.audience is not Audience.PARENTS,
        roles=ROLES,
        phases=PHASES,
    )


def _ask(
    request: Request, pages: Pages, runtime: Runtime, officer: Officer, question: Question, hidden: dict[str, str]
) -> Response:
    """Whether that is meant."""
    with runtime.db.reading() as session:
        shown = site.current(session)
        return pages.show(request, "staff/people-ask.html", shown, officer=officer, question=question, hidden=hidden)
