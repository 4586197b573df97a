"""An edition as readers will see it: on a phone, on a desktop, in the dark, as text, without pictures, on the web; and
a test of it to a colleague's mailbox.

Mail and web page are shown in a sandboxed frame with an address and a content security policy of its own: the mail's
inline styles count there, nothing in it runs, and nothing is fetched from elsewhere.
"""

import re
from enum import StrEnum

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.errors import InvalidInput, NotFound, RenderError, TooMany, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import preview, trial
from newsletter.editions import pictures_used, reading_time, variants
from newsletter.editions.checks import MAXIMUM_BYTES, as_sent_bytes
from newsletter.editions.models import Edition
from newsletter.rendering.mails import Rendered
from newsletter.staff import accounts
from newsletter.staff.models import Staff
from newsletter.staff.sessions import Officer
from newsletter.web import site, text_size
from newsletter.web.archive import MOST_CONTENTS
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Address, Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import one_edition
from newsletter.web.staff.edition_states import standing
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import TheReader

router = APIRouter()

SAID = {"test": "The test was sent."}

_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; frame-ancestors 'self'; "
#: A mail brings its styles with it, and its pictures too.
_MAIL_POLICY = _SANDBOX + "style-src 'unsafe-inline'; img-src data:"
_MAIL_WITHOUT_PICTURES = _SANDBOX + "style-src 'unsafe-inline'; img-src 'none'"
_PAGE_POLICY = _SANDBOX + "style-src 'self' 'nonce-{nonce}'; img-src 'self' data:"

_DARK = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
_PICTURE = re.compile(r"<img\b[^>]*>")
_ALT = re.compile(r"\balt=\"([^\"]*)\"")
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)


class View(StrEnum):
    """The ways to look at it, as they stand in the address."""

    PHONE = "phone"
    DESKTOP = "desktop"
    DARK = "dark"
    NO_PICTURES = "no-pictures"
    TEXT = "text"
    NOTIFY = "notify"
    WEB = "web"


WORDS = {
    View.PHONE: "Phone",
    View.DESKTOP: "Desktop",
    View.DARK: "Dark",
    View.NO_PICTURES: "Pictures off",
    View.TEXT: "Plain text",
    View.NOTIFY: "GOV.UK Notify",
    View.WEB: "Web page",
}


class TestForm(FormModel):
    address: Address

    sentences = {"address": "Enter the email address that the test goes to"}


@router.get("/staff/editions/{edition_id:int}/preview")
def look(edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        said = SAID.get(request.query_params.get("said", ""))
        form: Bound[TestForm] = Bound({"address": _own_address(session, runtime, officer)})
        return _page(request, session, runtime, pages, officer, edition_id, form, said=said)


@router.get("/staff/editions/{edition_id:int}/preview/html")
def mail(edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime) -> Response:
    """The mail itself, for a frame."""
    view = _view(request)
    with runtime.db.reading() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *one_edition.READERS)
        head = preview.letterhead(session, runtime, edition)
        shown = preview.rendered(session, edition, head)
        html = preview.filled(shown.html, preview.slots(runtime, edition))
    if view is View.DARK:
        html = _DARK.sub("@media all", html)
    html = _PICTURE.sub(_in_words, html) if view is View.NO_PICTURES else preview.with_pictures(html, shown.pictures)
    policy = _MAIL_WITHOUT_PICTURES if view is View.NO_PICTURES else _MAIL_POLICY
    return HTMLResponse(_opening_elsewhere(html), headers={"content-security-policy": policy})


@router.get("/staff/editions/{edition_id:int}/preview/web")
def web_page(edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages) -> Response:
    """The public page of the edition before it is public, for a frame."""
    with runtime.db.reading() as session:
        edition, mailing_list = one_edition.find(session, officer, edition_id, *one_edition.READERS)
        shown = preview.page(session, edition, preview.letterhead(session, runtime, edition))
        answer = pages.show(
            request,
            "edition.html",
            site.current(session),
            base_url=runtime.settings.base_url.rstrip("/"),
            text_size=text_size.chosen(request),
            list=mailing_list,
            edition=edition,
            page=shown,
            corrections=[],
            corrections_at={},
            minutes=reading_time.minutes(shown),
            pictures_there=pictures_used.still_there(session, shown),
            variants=[each for each in variants.all_of(session, edition_id) if each.url or each.text],
            key_of=variants.key_of,
            today=london_date(runtime.clock.now()),
            is_long=sum(len(section.updates) for section in shown.sections) > MOST_CONTENTS,
            newer=None,
            older=None,
        )
    return HTMLResponse(
        _opening_elsewhere(bytes(answer.body).decode()),
        headers={"content-security-policy": _PAGE_POLICY.format(nonce=request.state.nonce)},
    )


@router.post("/staff/editions/{edition_id:int}/preview/test")
def send_test(
    edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheForm
) -> Response:
    """Send the edition as it stands to one colleague, marked as a test."""
    form, status = bind(TestForm, typed), 422
    if form.value is not None:
        try:
            with runtime.db.transaction() as session:
                one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
                ready = trial.prepare(session, runtime, edition_id, form.value.address, staff_id=officer.id)
            if not (refused := trial.send(runtime, ready)):
                return RedirectResponse(f"/staff/editions/{edition_id}/preview?said=test", status_code=303)
            form.errors["address"] = refused
        except (InvalidInput, RenderError) as error:
            form.errors["address"] = str(error)
        except TooMany as error:
            form.errors["address"], status = str(error), 429
    with runtime.db.reading() as session:
        return _page(request, session, runtime, pages, officer, edition_id, form, status=status)


def _page(
    request: Request,
    session: Session,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    form: Bound[TestForm],
    *,
    status: int = 200,
    said: str | None = None,
) -> Response:
    edition, mailing_list = one_edition.find(session, officer, edition_id, *one_edition.READERS)
    shown, broken = _rendered(session, runtime, edition)
    slots = preview.slots(runtime, edition)
    return pages.show(
        request,
        "staff/edition-preview.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=form,
        edition=edition,
        list=mailing_list,
        standing=standing(edition),
        views=[(view.value, words) for view, words in WORDS.items()],
        view=_view(request).value,
        broken=broken,
        subject=shown.subject if shown else "",
        sender=mailing_list.sender_name,
        text=preview.filled(shown.text, slots) if shown else "",
        markdown=preview.filled(shown.markdown, slots) if shown else "",
        size_kb=round(as_sent_bytes(shown) / 1000) if shown else 0,
        pictures_kb=round(sum(len(picture.content) for picture in shown.pictures) * 4 / 3000) if shown else 0,
        most_kb=round(MAXIMUM_BYTES / 1000),
        may_test=one_edition.may_change(officer, edition),
    )


def _in_words(picture: re.Match[str]) -> str:
    """What stands in the place of a picture where a mail program shows none: a frame with its words."""
    alt = _ALT.search(picture[0])
    return f'<span style="display:block;border:1px solid;padding:8px">{alt[1] if alt else ""}</span>'


def _rendered(session: Session, runtime: Runtime, edition: Edition) -> tuple[Rendered | None, str]:
    try:
        return preview.rendered(session, edition, preview.letterhead(session, runtime, edition)), ""
    except (InvalidInput, NotFound, RenderError, WrongState) as error:
        return None, str(error)


def _view(request: Request) -> View:
    asked = request.query_params.get("as", "")
    return View(asked) if asked in {view.value for view in View} else View.PHONE


def _own_address(session: Session, runtime: Runtime, officer: Officer) -> str:
    member = session.get(Staff, officer.id)
    return accounts.email_of(runtime.crypto, member) if member else ""


def _opening_elsewhere(html: str) -> str:
    """Links open in a tab of their own: the frame they stand in may not go anywhere. Nor may anything run in it."""
    html = _SCRIPT.sub("", html)
    return re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
