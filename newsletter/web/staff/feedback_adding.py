"""Adding what somebody told us in a reply to an edition, at an event or on paper: what would be kept is shown first,
can be changed, and is kept when somebody says so.

A mail that is sent here is read in memory; its words go from the first page to the second in the form, and nothing else
of it goes anywhere.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import partners
from newsletter.content.dates import in_words, london_date
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.editions import replied
from newsletter.editions.models import Edition
from newsletter.feedback import gathering, replies, taking
from newsletter.feedback.models import Feedback, FeedbackSource, FeedbackState
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.feedback import SOMETHING_ELSE
from newsletter.web.forms import Bound, FormModel, bind, words
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import feedback_words, uploads
from newsletter.web.staff.feedback_filing import PATH, STATES
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import WRITERS
from newsletter.web.staff.settings.sheets import redirect
from newsletter.web.staff.uploads import Sent, TheFile
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()

ADD = f"{PATH}/add"
SAID = {"kept": "What they said was kept."}

#: The choice of an edition by somebody who cannot say which.
UNKNOWN = "unknown"

_EDITION_NEEDED = "Choose the edition it answers"

Words = Annotated[str, words("What they said", replies.MAXIMUM_LENGTH)]


class FoundForm(FormModel):
    """The first page: where it came from, and what there is of it."""

    sentences: ClassVar[dict[str, str]] = {
        "source": "Choose where it came from",
        "text": "Paste what they said, or choose the email as a file",
    }

    source: Literal["reply", "event", "paper"]
    edition: str = ""
    text: Words = ""
    file: str = ""


class CheckedForm(FormModel):
    """The second page: what is kept."""

    sentences: ClassVar[dict[str, str]] = {
        "source": "Choose where it came from",
        "text": "Enter what they said",
        "area": "Choose a priority area, or leave it",
    }

    source: Literal["reply", "event", "paper"]
    edition: str = ""
    text: Words
    about: str = ""
    area: int = SOMETHING_ELSE


def larger_body(runtime: Runtime) -> LargerBody:
    """How much those who write may send to the page."""
    return LargerBody(
        uploads.MAXIMUM_MAIL_BODY_BYTES,
        lambda request: uploads.may_send(runtime, request, StaffRole.AUTHOR, StaffRole.ADMIN),
    )


@router.get(ADD)
def add_page(
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    source: str = "",
    edition: str = "",
) -> Response:
    with runtime.db.reading() as session:
        return _first(request, pages, session, officer, Bound({"source": source, "edition": edition}))


@router.post(ADD)
def add(request: Request, officer: TheAuthor, sent: TheFile, runtime: TheRuntime, pages: ThePages) -> Response:
    """Show what would be kept, or keep it."""
    if sent.fields.get("do") == "keep":
        return _keep(request, officer, sent, runtime, pages)
    if sent.fields.get("do") == "back":
        with runtime.db.reading() as session:
            return _first(request, pages, session, officer, Bound(sent.fields))
    return _check(request, officer, sent, runtime, pages)


@router.get(PATH + "/{feedback_id:int}")
def one_page(
    feedback_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    """One text, as it is kept."""
    with runtime.db.reading() as session:
        row = gathering.text(session, feedback_id)
        return pages.show(
            request,
            "staff/feedback-one.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            row=row,
            about=feedback_words.about(session, [row])[0],
            state=STATES[row.state],
            may_set_aside=row.state is not FeedbackState.SET_ASIDE,
            is_new=said in SAID,
        )


def _check(request: Request, officer: Officer, sent: Sent, runtime: Runtime, pages: Pages) -> Response:
    """The words out of the mail or the form, and the edition that they answer, for somebody to look at."""
    bound = bind(FoundForm, sent.fields)
    typed = dict(bound.typed)
    is_reply, subject, edition = typed["source"] == FeedbackSource.REPLY, "", None
    if sent.content and typed["text"].strip():
        bound.errors["file"] = "Paste the words or choose a file, not both"
    elif sent.content:
        try:
            reply = replies.read(sent.content)
            typed["text"], subject = reply.words, reply.subject
        except InvalidInput as problem:
            bound.errors["file"] = str(problem).rstrip(".")
    elif not typed["text"].strip():
        bound.errors["text"] = FoundForm.sentences["text"]
    elif "text" not in bound.errors:
        text = typed["text"]
        typed["text"] = taking.clean((replies.own_words(text) if is_reply else "") or text)
    with runtime.db.reading() as session:
        theirs = _lists(session, officer)
        if is_reply and (typed["edition"] or "file" not in bound.errors):  # its subject is still to come
            try:
                typed["edition"] = typed["edition"] or _by_subject(session, subject, theirs)
                edition = _edition(session, typed["edition"], theirs)
            except InvalidInput as problem:
                bound.errors["edition"] = str(problem)
        bound.typed = typed  # with the words of the file: it would have to be chosen again
        bound.errors = {name: bound.errors[name] for name in FoundForm.model_fields if name in bound.errors}
        if bound.errors:
            return _first(request, pages, session, officer, bound, status=422)
        return _second(request, pages, session, runtime, officer, Bound(typed), edition)


def _keep(request: Request, officer: Officer, sent: Sent, runtime: Runtime, pages: Pages) -> Response:
    bound, now = bind(CheckedForm, sent.fields), runtime.clock.now()
    today = london_date(now)
    try:
        with runtime.db.transaction() as session:
            is_reply = bound.get("source") == FeedbackSource.REPLY
            edition = _edition(session, bound.get("edition"), _lists(session, officer)) if is_reply else None
            area_id = _area_id(session, bound, on=today)
            if bound.value is None:
                field, sentence = next(iter(bound.errors.items()))
                raise InvalidInput(sentence, field=field)
            given = bound.value
            if edition is not None:
                anchor = given.about or None
                row = replied.take(
                    session, edition, text=given.text, day=today, anchor=anchor, priority_area_id=area_id
                )
            else:
                source = FeedbackSource(given.source)
                row = taking.view(session, text=given.text, day=today, source=source, priority_area_id=area_id)
            _note(session, runtime, officer, row)
            return redirect(f"{PATH}/{row.id}", "kept")
    except InvalidInput as problem:
        bound.errors = {problem.field or "text": str(problem)} | bound.errors
    with runtime.db.reading() as session:
        if bound.errors.keys() & {"source", "edition"}:
            return _first(request, pages, session, officer, bound, status=422)
        is_reply = bound.get("source") == FeedbackSource.REPLY
        edition = _edition(session, bound.get("edition"), _lists(session, officer)) if is_reply else None
        return _second(request, pages, session, runtime, officer, bound, edition, status=422)


def _lists(session: Session, officer: Officer) -> dict[int, MailingList]:
    """The mailing lists that they may write for."""
    return {
        each.id: each
        for each in lists.all_lists(session)
        if each.id is not None and officer.has(*WRITERS, mailing_list_id=each.id)
    }


def _by_subject(session: Session, subject: str, theirs: dict[int, MailingList]) -> str:
    """The one edition that a mail with this subject answers. Raises `InvalidInput`."""
    found = replied.by_subject(session, subject, theirs)
    if len(found) > 1:
        raise InvalidInput("Editions of several newsletters have its subject. Choose the one it answers")
    if not found:
        raise InvalidInput(
            f"No edition has the subject of this email. {_EDITION_NEEDED}" if subject else _EDITION_NEEDED
        )
    return str(found[0])


def _edition(session: Session, text: str, theirs: dict[int, MailingList]) -> Edition | None:
    """The edition that was chosen, None for an unknown one. Raises `InvalidInput` where it is none of theirs."""
    if text == UNKNOWN:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    edition = session.get(Edition, int(text)) if is_number else None
    if edition is None or edition.released_at is None or edition.mailing_list_id not in theirs:
        raise InvalidInput(_EDITION_NEEDED, field="edition")
    return edition


def _area_id(session: Session, bound: Bound[CheckedForm], *, on: date) -> int | None:
    """The priority area with the number that was chosen."""
    if bound.value is None or bound.value.area == SOMETHING_ELSE:
        return None
    found = {area.number: area.id for area in partners.priority_areas(session, on=on)}
    if bound.value.area not in found:
        raise InvalidInput(CheckedForm.sentences["area"], field="area")
    return found[bound.value.area]


def _first(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    form: Bound[FoundForm] | Bound[CheckedForm],
    *,
    status: int = 200,
) -> Response:
    theirs = _lists(session, officer)
    offered = replied.latest(session, theirs)
    try:
        chosen = _edition(session, form.get("edition"), theirs)
    except InvalidInput:
        chosen = None
    if chosen is not None and chosen not in offered:
        offered.append(chosen)
    return pages.show(
        request,
        "staff/feedback-add.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        sources=[
            (each.value, words) for each, words in feedback_words.SOURCES.items() if each is not FeedbackSource.WEB
        ],
        editions=_called(offered, theirs),
        unknown=UNKNOWN,
        longest=replies.MAXIMUM_LENGTH,
        megabytes=uploads.MAXIMUM_MAIL_BYTES // 1024**2,
    )


def _second(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    form: Bound[FoundForm] | Bound[CheckedForm],
    edition: Edition | None,
    *,
    status: int = 200,
) -> Response:
    areas = partners.priority_areas(session, on=london_date(runtime.clock.now()))
    return pages.show(
        request,
        "staff/feedback-check.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        source=feedback_words.SOURCES[FeedbackSource(form.get("source"))],
        edition=_in_full(edition, lists.by_id(session, edition.mailing_list_id)) if edition is not None else "",
        parts=replied.parts(edition) if edition is not None else [],
        areas=[(area.number, feedback_words.in_full(area)) for area in areas],
    )


def _called(editions: Sequence[Edition], theirs: dict[int, MailingList]) -> list[tuple[int | None, str]]:
    """Editions by id, as somebody finds them among others."""
    return [
        (each.id, f"{in_words(each.date)}: {each.frozen_subject} ({theirs[each.mailing_list_id].name}, {each.number})")
        for each in editions
    ]


def _in_full(edition: Edition, mailing_list: MailingList) -> str:
    return f"edition {edition.number} of {mailing_list.name}, of {in_words(edition.date)}: “{edition.frozen_subject}”"


def _note(session: Session, runtime: Runtime, officer: Officer, row: Feedback) -> None:
    """Into the log goes that something was added, and not what."""
    detail = row.source.value + (f", edition {row.edition_id}" if row.edition_id else "")
    audit.note(
        session,
        runtime.crypto,
        "add feedback",
        staff_id=officer.id,
        about=f"feedback {row.id}",
        detail=detail,
        now=runtime.clock.now(),
    )
