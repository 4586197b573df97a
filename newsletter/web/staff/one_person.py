"""One person, found by the address that is typed: what is held, a copy of it, and forgetting it (REQ-32).

The address travels in forms alone, never in a URL or a log; every page is kept by nobody. What is changed about the
person stands in `one_person_changes`.
"""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import in_words, london_date
from newsletter.core.runtime import Runtime
from newsletter.feedback import complaints
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Address, Bound, FormModel, bind
from newsletter.web.pages import NO_STORE, Pages
from newsletter.web.staff import held
from newsletter.web.staff.guard import TheDpo
from newsletter.web.staff.people_scope import check_every_list
from subscribers import identity, privacy, suppression
from subscribers.models import Subscriber, SubscriberState, SuppressionReason

router = APIRouter()

FIND = "/staff/people/find"

#: What must be typed before somebody is erased.
ERASE = "erase"

SAID = {
    "erased": "Erased. Nothing of this person is left but a code that keeps their address out of imports.",
    "erased-later": "Erased. The last traces leave the database's log within the hour.",
    "erased-but-open": "Erased, but for a complaint that is still open. Close it, then erase again.",
    "stopped": "The emails have stopped, and a goodbye is on its way.",
    "corrected": "Corrected.",
    "asked": "Noted. The new address is asked by email to confirm. Until then nothing changes.",
    "suppressed": "Noted. Nothing is sent to this address any more.",
    "lifted": "This address may be written to again. They are on a list only if they sign up.",
}


class FindForm(FormModel):
    sentences = {"email": "Enter the email address of the person"}

    email: Address


@router.get(FIND)
def find_page(request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    check_every_list(officer)
    with runtime.db.reading() as session:
        return _find(request, pages, session, officer, Bound(), said=SAID.get(said))


@router.post(FIND)
def find(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    check_every_list(officer)
    bound = bind(FindForm, form)
    if bound.value is None:
        return find_again(request, pages, runtime, officer, bound)
    with runtime.db.transaction() as session:
        note(session, runtime, officer, "look up person", bound.value.email)
        return show(request, pages, session, runtime, officer, bound.value.email)


@router.get("/staff/people/copy", include_in_schema=False)
@router.get("/staff/people/erase", include_in_schema=False)
def begin_again(officer: TheDpo) -> Response:
    """Where somebody comes back to who had to sign in again: the address was in the form alone."""
    return RedirectResponse(FIND, status_code=303)


@router.post("/staff/people/copy")
def copy(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """A file for the person: JSON for another service, or a text to read."""
    check_every_list(officer)
    bound = bind(FindForm, form)
    if bound.value is None:
        return find_again(request, pages, runtime, officer, bound)
    with runtime.db.transaction() as session:
        note(session, runtime, officer, "export person", bound.value.email)
        found = held.everything(session, runtime, bound.value.email)
    if form.get("as") == "text":
        text = held.as_text(found, made_on=in_words(london_date(runtime.clock.now())))
        return _file(text, "what-we-hold.txt", "text/plain; charset=utf-8")
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    return _file(text, "what-we-hold.json", "application/json")


@router.post("/staff/people/erase")
def erase(request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """Asks first; done when the word was typed."""
    check_every_list(officer)
    bound = bind(FindForm, form)
    if bound.value is None:
        return find_again(request, pages, runtime, officer, bound)
    asked: Bound[Any] = Bound({"email": bound.value.email, "word": form.get("word", "")})
    if asked.get("word").strip().casefold() != ERASE:
        if "word" in form:
            asked.errors = {"word": f"Type the word “{ERASE}”"}
        with runtime.db.reading() as session:
            found = held.everything(session, runtime, bound.value.email)
            return pages.show(
                request,
                "staff/people-erase.html",
                site.current(session),
                status=422 if asked.errors else 200,
                officer=officer,
                form=asked,
                word=ERASE,
                lists=[each["mailing_list"] for each in found["mailing_lists"]],
            )
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        note(session, runtime, officer, "erase person", bound.value.email)
        privacy.erase(session, runtime.crypto, bound.value.email, now=now)
        _, still_open = complaints.erase_contact(session, runtime.crypto, bound.value.email)
    is_gone = runtime.db.empty_log()
    said = "erased-but-open" if still_open else "erased" if is_gone else "erased-later"
    return RedirectResponse(f"{FIND}?said={said}", status_code=303)


def show(
    request: Request, pages: Pages, session: Session, runtime: Runtime, officer: Officer, address: str
) -> Response:
    """The page about an address."""
    found = held.everything(session, runtime, address)
    rows = identity.find_everywhere(session, runtime.crypto, address)
    blocked = suppression.find(session, runtime.crypto, address)
    return pages.show(
        request,
        "staff/people-person.html",
        site.current(session),
        officer=officer,
        address=found["address"],
        sections=list(zip(rows, held.of_lists(found), strict=True)),
        suppression=held.suppression(found),
        may_lift=blocked is not None and blocked.reason is not SuppressionReason.ERASED,
        complaints=found["data_complaints"],
        confirmed=SubscriberState.CONFIRMED,
        stoppable={SubscriberState.CONFIRMED, SubscriberState.PENDING, SubscriberState.HELD},
    )


def find_again(request: Request, pages: Pages, runtime: Runtime, officer: Officer, bound: Bound[FindForm]) -> Response:
    """The form again, with what is wrong about the address."""
    with runtime.db.reading() as session:
        return _find(request, pages, session, officer, bound, status=422)


def note(session: Session, runtime: Runtime, officer: Officer, action: str, address: str, detail: str = "") -> None:
    """Log what is done about an address by the rows it has now. Before erasing: afterwards there are none."""
    rows: list[Subscriber] = identity.find_everywhere(session, runtime.crypto, address)
    audit.note(
        session,
        runtime.crypto,
        action,
        staff_id=officer.id,
        about=", ".join(f"subscriber {row.id}" for row in rows) or "an address on no list",
        detail=detail,
        now=runtime.clock.now(),
    )


def _find(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    bound: Bound[FindForm],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    return pages.show(
        request, "staff/people-find.html", site.current(session), status=status, officer=officer, form=bound, said=said
    )


def _file(text: str, name: str, media_type: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": NO_STORE}
    return Response(text.encode(), media_type=media_type, headers=headers)
