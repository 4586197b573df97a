"""Composing one edition: what is in it and why, what is out and why, and the order of it.

Each press of a button is one change. It carries the revision that the page was made from, so that a change that was
meant for another edition than the one there is now is refused with the page as it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.errors import InvalidInput, NotFound, RenderError, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import preview
from newsletter.editions import (
    arranging,
    choosing,
    composing,
    drafting,
    event_choices,
    gate,
    offering,
    own_words,
    picture_choices,
    plain_words,
    publishing,
    response_choices,
)
from newsletter.editions.checks import UPDATE_WORDS, Finding
from newsletter.editions.models import Edition, EditionState
from newsletter.rendering import markup
from newsletter.rendering.mails import SectionBlock, UpdateBlock
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import one_edition
from newsletter.web.staff.edition_states import standing
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import TheReader

router = APIRouter()

#: What `?said=` stands for.
SAID: Mapping[str, str] = {
    "added": "Added.",
    "dropped": "Left out. It will be offered for the next edition.",
    "moved": "Moved.",
    "reopened": "This edition is a draft again.",
    "saved": "Saved.",
    "own-words": "This edition now has a wording of its own for that update.",
    "usual-words": "This edition uses the update’s own wording again.",
    "without-picture": "The picture is left out of this edition. The update keeps it.",
    "with-picture": "The picture is in this edition again.",
    "in-hand": "This edition was started already and comes first. Send it or cancel it, then start the next one.",
    "started": "This edition was made from what is due. Read it, change what you like, then check it.",
}


class Press(StrEnum):
    """What the buttons of an update do."""

    ADD = "add"
    DROP = "drop"
    UP = "up"
    DOWN = "down"
    USUAL_WORDS = "usual-words"
    WITHOUT_PICTURE = "without-picture"
    WITH_PICTURE = "with-picture"


class Way(StrEnum):
    UP = "up"
    DOWN = "down"


class InOrOut(StrEnum):
    ADD = "add"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Shown:
    """An update that is in, as the page shows it."""

    update_id: int
    block: UpdateBlock
    reason: str
    has_own_words: bool
    words: int
    reading_age: int | None
    is_long: bool
    picture_left_out: str  # what the picture shows that the edition leaves out; empty: it leaves out none
    presses: Sequence[tuple[Press, str]]  # what its buttons do, and say


#: Ids with commas between them.
_ORDER = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,999}", re.ASCII)

#: What a change does: to the edition, in the name of an officer.
_Change = Callable[[Session], object]


@router.get("/staff/editions/{edition_id:int}")
def compose(edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        said = SAID.get(request.query_params.get("said", ""))
        return page(request, session, runtime, pages, officer, edition_id, said=said)


@router.post("/staff/editions/{edition_id:int}/updates/{update_id:int}/{press}")
def change_update(
    edition_id: int,
    update_id: int,
    press: Press,
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    form: TheForm,
) -> Response:
    made: dict[str, Any] = {"now": runtime.clock.now(), "staff_id": officer.id}
    changes: dict[Press, tuple[_Change, str, str]] = {
        Press.ADD: (
            lambda session: choosing.add(session, edition_id, update_id, because=f"Added by {officer.name}", **made),
            "added",
            f"update-{update_id}",
        ),
        Press.DROP: (
            lambda session: choosing.drop(
                session, edition_id, update_id, because=f"Left out by {officer.name}", **made
            ),
            "dropped",
            "updates",
        ),
        Press.UP: (
            lambda session: arranging.shift(session, edition_id, update_id, up=True, **made),
            "moved",
            f"update-{update_id}",
        ),
        Press.DOWN: (
            lambda session: arranging.shift(session, edition_id, update_id, up=False, **made),
            "moved",
            f"update-{update_id}",
        ),
        Press.USUAL_WORDS: (
            lambda session: own_words.forget(session, edition_id, update_id, **made),
            "usual-words",
            f"update-{update_id}",
        ),
        Press.WITHOUT_PICTURE: (
            lambda session: picture_choices.leave_out(session, edition_id, update_id, **made),
            "without-picture",
            f"update-{update_id}",
        ),
        Press.WITH_PICTURE: (
            lambda session: picture_choices.put_back(session, edition_id, update_id, **made),
            "with-picture",
            f"update-{update_id}",
        ),
    }
    change, said, place = changes[press]
    return _make(request, runtime, pages, officer, edition_id, form, change, said, place, f"{press} update {update_id}")


@router.post("/staff/editions/{edition_id:int}/areas/{number:int}/{way}")
def move_area(
    edition_id: int,
    number: int,
    way: Way,
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    form: TheForm,
) -> Response:
    now = runtime.clock.now()

    def change(session: Session) -> object:
        return arranging.shift_area(session, edition_id, number, up=way is Way.UP, now=now, staff_id=officer.id)

    detail = f"{way} priority {number}"
    return _make(request, runtime, pages, officer, edition_id, form, change, "moved", f"priority-{number}", detail)


@router.post("/staff/editions/{edition_id:int}/order")
def put_in_order(
    edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, form: TheForm
) -> Response:
    """The whole order at once, as it is after something was dragged: `order` has the ids, with commas between them."""
    typed = form.get("order", "")
    now = runtime.clock.now()

    def change(session: Session) -> object:
        if not _ORDER.fullmatch(typed):
            raise InvalidInput("The new order could not be read, so it was not saved.")
        order = [int(one) for one in typed.split(",")]
        return arranging.put_in_order(session, edition_id, order, now=now, staff_id=officer.id)

    return _make(request, runtime, pages, officer, edition_id, form, change, "moved", "updates", f"order {typed}")


@router.post("/staff/editions/{edition_id:int}/events/{event_id:int}/{way}")
def change_event(
    edition_id: int,
    event_id: int,
    way: InOrOut,
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    form: TheForm,
) -> Response:
    return _take(request, runtime, pages, officer, edition_id, form, event_choices, "event", event_id, way, "dates")


@router.post("/staff/editions/{edition_id:int}/responses/{response_id:int}/{way}")
def change_response(
    edition_id: int,
    response_id: int,
    way: InOrOut,
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    form: TheForm,
) -> Response:
    choices = response_choices
    return _take(request, runtime, pages, officer, edition_id, form, choices, "response", response_id, way, "answers")


@router.post("/staff/editions/{edition_id:int}/reopen")
def reopen(edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    """Back to draft, as the button says: whatever was agreed is undone."""
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            publishing.edit(session, edition_id, now=now, staff_id=officer.id)
            about = f"edition {edition_id}"
            audit.note(session, runtime.crypto, "take edition back to draft", staff_id=officer.id, about=about, now=now)
    except WrongState as error:
        with runtime.db.reading() as session:
            return page(request, session, runtime, pages, officer, edition_id, status=409, problem=str(error))
    return RedirectResponse(f"/staff/editions/{edition_id}?said=reopened", status_code=303)


def page(
    request: Request,
    session: Session,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    *,
    status: int = 200,
    said: str | None = None,
    problem: str | None = None,
) -> Response:
    """The edition as it is now; with a `problem`, why the change that was asked for was not made."""
    now = runtime.clock.now()
    today = london_date(now)
    edition, mailing_list = one_edition.find(session, officer, edition_id, *one_edition.READERS)
    is_open = edition.state in one_edition.OPEN
    asked = request.query_params.get("more", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 5 else 1
    offered, total = offering.updates(session, edition, on=today, page=max(1, number)) if is_open else ([], 0)
    written = composing.sections(session, edition)
    found, broken = _found(session, runtime, edition, written) if is_open else (None, "")
    return pages.show(
        request,
        "staff/compose.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        problem=problem,
        edition=edition,
        list=mailing_list,
        standing=standing(edition),
        is_open=is_open,
        may_change=one_edition.may_change(officer, edition) and edition.state is EditionState.DRAFT,
        may_reopen=one_edition.may_change(officer, edition) and is_open and edition.state is not EditionState.DRAFT,
        sections=_sections(session, edition, written),
        introduction_words=_words(edition.introduction),
        offered=offered,
        offered_total=total,
        offered_page=number,
        offered_most=offering.MOST,
        events=[(choice, event) for choice, event in event_choices.choices(session, edition_id) if choice.is_in],
        more_events=offering.events(session, edition, now=now) if is_open else [],
        responses=[(choice, row) for choice, row in response_choices.choices(session, edition_id) if choice.is_in],
        more_responses=offering.responses(session, edition, on=today) if is_open else [],
        gate=found,
        broken=broken,
        findings=_by_place(found),
    )


def _take(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    form: dict[str, str],
    choices: ModuleType,
    kind: str,
    chosen_id: int,
    way: InOrOut,
    place: str,
) -> Response:
    """Add an event or a response, or leave it out: `choices` knows how."""
    is_in = way is InOrOut.ADD
    why = f"{'Added' if is_in else 'Left out'} by {officer.name}"
    now = runtime.clock.now()

    def change(session: Session) -> object:
        act = choices.add if is_in else choices.drop
        return act(session, edition_id, chosen_id, now=now, staff_id=officer.id, because=why)

    said, detail = "added" if is_in else "dropped", f"{way} {kind} {chosen_id}"
    return _make(request, runtime, pages, officer, edition_id, form, change, said, place, detail)


def _make(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    form: dict[str, str],
    change: _Change,
    said: str,
    place: str,
    detail: str,
) -> Response:
    """Make one change, or show the page as it is now with the reason why it was not made."""
    status, problem = 409, ""
    try:
        with runtime.db.transaction() as session:
            one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            drafting.hold(session, edition_id, revision=one_edition.revision(form))
            change(session)
            note_change(session, runtime, officer, edition_id, detail)
    except WrongState as error:
        problem = str(error)
    except InvalidInput as error:
        status, problem = 422, str(error)
    except NotFound as error:
        status, problem = 404, str(error)
        with runtime.db.reading() as session:
            one_edition.find(
                session, officer, edition_id, *one_edition.READERS
            )  # there is no such edition: nothing to show
    if problem:
        with runtime.db.reading() as session:
            return page(request, session, runtime, pages, officer, edition_id, status=status, problem=problem)
    return RedirectResponse(f"/staff/editions/{edition_id}?said={said}#{place}", status_code=303)


def note_change(session: Session, runtime: Runtime, officer: Officer, edition_id: int, detail: str) -> None:
    audit.note(
        session,
        runtime.crypto,
        "change edition",
        staff_id=officer.id,
        about=f"edition {edition_id}",
        detail=detail,
        now=runtime.clock.now(),
    )


def _found(
    session: Session, runtime: Runtime, edition: Edition, written: tuple[SectionBlock, ...]
) -> tuple[gate.Gate | None, str]:
    """What the checks find; where the edition cannot even be put together, why."""
    now = runtime.clock.now()
    try:
        head = preview.letterhead(session, runtime, edition)
        return gate.look(session, edition, head, on=london_date(now), now=now, written=written), ""
    except (InvalidInput, NotFound, RenderError) as error:
        return None, str(error)


def _by_place(found: gate.Gate | None) -> dict[str, list[Finding]]:
    """What wants mending or a reason, by where it stands."""
    places: dict[str, list[Finding]] = {}
    for finding in (*found.errors, *found.unanswered) if found else ():
        places.setdefault(finding.where, []).append(finding)
    return places


def _sections(
    session: Session, edition: Edition, written: tuple[SectionBlock, ...]
) -> list[tuple[int, str, list[Shown]]]:
    """Number, heading and updates of each priority area, in the order of the edition."""
    inside = choosing.inside(session, edition.id or 0)
    without = any(choice.without_picture for choice in inside.values())
    left_out = picture_choices.left_out(session, edition.id or 0) if without else {}
    shown: list[tuple[int, str, list[Shown]]] = []
    for section in written:
        rows, last = [], len(section.updates) - 1
        for place, block in enumerate(section.updates):
            update_id = int(block.anchor.removeprefix("update-"))
            choice, count = inside[update_id], _words(block.body)
            age = plain_words.reading_age(_plain(block.body))
            rows.append(
                Shown(
                    update_id,
                    block,
                    choice.reason,
                    bool(choice.own_body),
                    count,
                    age,
                    count > UPDATE_WORDS,
                    left_out.get(update_id, ""),
                    _presses(is_first=place == 0, is_last=place == last),
                )
            )
        shown.append((section.number, section.heading, rows))
    return shown


@cache
def _presses(*, is_first: bool, is_last: bool) -> tuple[tuple[Press, str], ...]:
    up, down = () if is_first else ((Press.UP, "Move up"),), () if is_last else ((Press.DOWN, "Move down"),)
    return *up, *down, (Press.DROP, "Leave out")


def _plain(text: str) -> str:
    try:
        return markup.to_words(text)
    except InvalidInput:  # written before a rule was made; the checks say what is wrong with it
        return text


def _words(text: str) -> int:
    return len(_plain(text).split())
