"""Leaving: a button page for people, and one-click (RFC 8058) for their mail programs, at the same address.

A link works for ever, also for somebody who left or was erased long ago, and always gives the same answer. The answer
to the POST is the page itself: RFC 8058 forbids a redirect. Nothing here tells whether the reader is on another list,
nor whether their leave is held (`subscribers.bursts`).
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.core.errors import NotFound
from newsletter.core.tokens import Purpose
from newsletter.delivery import letters, stopping
from newsletter.web import site
from newsletter.web.asked import TheForm, TheFormIfAny, ThePages, TheRuntime
from newsletter.web.security import open_to_other_sites
from newsletter.web.signup import show_check_page
from subscribers import bursts, lists, preferences

router = APIRouter()


@router.get("/leave/{token}")
def leave_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages, sure: str = "") -> Response:
    """`sure` stands in the link of the letter that says that a mail filter pressed the button: from there it counts."""
    read = runtime.tokens.read(Purpose.LEAVE, token, now=runtime.clock.now())
    with runtime.db.reading() as session:
        mailing_list = lists.by_id(session, read.list_id)
        return pages.show(
            request, "leave.html", site.current(session), list=mailing_list, token=token, is_sure=bool(sure)
        )


@router.post("/leave/{token}")
@open_to_other_sites
def leave(token: str, request: Request, form: TheFormIfAny, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    read = runtime.tokens.read(Purpose.LEAVE, token, now=now)
    is_one_click = form.get("List-Unsubscribe") == "One-Click"
    everything = not is_one_click and form.get("which") == "all"
    with runtime.db.transaction() as session:
        mailing_list = lists.by_id(session, read.list_id)
        who = {"mailing_list_id": read.list_id, "subscriber_id": read.subject_id}
        if everything:
            lefts = preferences.leave_all(session, runtime.crypto, **who, how="button for all", now=now)
        elif not is_one_click and form.get("sure"):
            lefts = [preferences.leave(session, **who, how="button, sure", now=now)]
        else:
            how = bursts.ONE_CLICK if is_one_click else bursts.BUTTON
            lefts = [bursts.press(session, runtime.crypto, **who, how=how, now=now)]
        stopping.stop_for(session, lefts, now)
        return pages.show(
            request, "left.html", site.current(session), list=mailing_list, token=token, everything=everything
        )


@router.get("/leave/{token}/return")
def come_back_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    """What the letters that say that it is over lead to: the same button as on the page after leaving."""
    read = runtime.tokens.read(Purpose.LEAVE, token, now=runtime.clock.now())
    with runtime.db.reading() as session:
        mailing_list = lists.by_id(session, read.list_id)
        return pages.show(request, "come-back.html", site.current(session), list=mailing_list, token=token)


@router.post("/leave/{token}/return")
def come_back(token: str, request: Request, _form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    """One button: asks for a confirmation at the address we still hold, which the page never shows."""
    now = runtime.clock.now()
    read = runtime.tokens.read(Purpose.LEAVE, token, now=now)
    with runtime.db.transaction() as session:
        mailing_list = lists.by_id(session, read.list_id)
        try:
            requested = preferences.return_to(session, subscriber_id=read.subject_id, now=now)
        except NotFound:
            return pages.show(request, "gone.html", site.current(session), status=404, list=mailing_list)
        letters.queue_answer(session, requested, mailing_list_id=read.list_id, now=now)
        return show_check_page(request, pages, runtime, session, mailing_list, "")
