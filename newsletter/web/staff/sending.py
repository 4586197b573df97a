"""An edition on its way: how far it is, live where the browser can; pausing, going on and giving up."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from sqlmodel import Session

from newsletter.content.dates import time_in_words
from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.core.runtime import Runtime
from newsletter.delivery import deciding, ledger, progress
from newsletter.delivery.progress import Progress
from newsletter.editions import history, publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.staff import accounts
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import edition_states, one_edition
from newsletter.web.staff.one_edition import DECIDERS, READERS, SENDERS, TheReader, TheSender

router = APIRouter(prefix="/staff/editions/{edition_id:int}/sending")

#: How often the figures are read for somebody who watches, for how long at most, and for how many at once: each of
#: them holds a request. Whoever comes later uses the link on the page.
EVERY_S = 1.0
LONGEST_S = 600.0
MOST_WATCHING = 20

#: What each state of a delivery is called on the page, in the order of the table.
STATES = {
    "queued": "Waiting",
    "sending": "Being handed over now",
    "accepted": "Taken by the mail server",
    "delivered": "Delivered",
    "deferred": "Put off by the other side, tried again later",
    "rejected": "Refused",
    "bounced": "Came back",
    "complained": "Reported as spam",
    "unknown": "Nobody knows whether it arrived",
    "skipped": "Not sent, because the reader left or the edition was cancelled",
}

SAID = {
    "paused": "Sending is paused.",
    "resumed": "Sending goes on.",
    "cancelled": "The edition was cancelled. What had not gone out will not.",
    "again": "The copies are queued again.",
    "left": "The copies stay as they are.",
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is asked about before it is done."""

    title: str
    consequences: tuple[str, ...]
    button: str
    from_states: frozenset[EditionState]
    is_final: bool = False


_S = EditionState
ACTS = {
    "pause": Act(
        "Pause this edition?",
        (
            "No more copies go out until somebody presses “Resume”.",
            "Copies that were handed over already cannot be called back.",
        ),
        "Pause sending",
        frozenset({_S.SENDING}),
    ),
    "resume": Act(
        "Go on sending this edition?",
        ("The copies that wait go out now.", "Readers who have had their copy get no second one."),
        "Resume sending",
        frozenset({_S.PAUSED}),
    ),
    "cancel": Act(
        "Cancel this edition for good?",
        (
            "What has not gone out will never go out. This cannot be undone.",
            "Copies that were handed over already cannot be called back, and their web page stays.",
            "Its updates are free for the next edition.",
        ),
        "Cancel the edition",
        frozenset({_S.DRAFT, _S.REVIEW, _S.APPROVED, _S.SCHEDULED, _S.SENDING, _S.PAUSED}),
        is_final=True,
    ),
}
ActName = Literal["pause", "resume", "cancel"]
_DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}


class ActForm(FormModel):
    because: OneLine = ""


@router.get("")
def sending_page(
    edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        edition, mailing_list = one_edition.find(session, officer, edition_id, *READERS)
        now = progress.of(session, edition_id)
        decided = next((event for event in history.newest(session, edition_id) if event.move == "decide"), None)
        return pages.show(
            request,
            "staff/sending.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            edition=edition,
            list=mailing_list,
            standing=edition_states.standing(edition),
            progress=now,
            figures=_figures(now),
            states=STATES,
            failures=deciding.failures(session, edition_id),
            kept_days=periods.all_periods(session)[Period.DELIVERIES].days,
            decided=decided,
            names=accounts.names_of(session, [decided.staff_id] if decided else []),
            acts={name: act for name, act in ACTS.items() if edition.state in act.from_states},
            may_send=officer.has(*SENDERS, mailing_list_id=edition.mailing_list_id),
            may_decide=officer.has(*DECIDERS, mailing_list_id=edition.mailing_list_id),
            read_at=time_in_words(runtime.clock.now()),
        )


@router.get("/events")
async def watch(edition_id: int, officer: TheReader, runtime: TheRuntime) -> Response:
    """The figures of the page, again and again, as server-sent events, while there is something to watch."""

    def allowed() -> None:
        with runtime.db.reading() as session:
            one_edition.find(session, officer, edition_id, *READERS)

    await run_sync(allowed)
    if _watching.number >= MOST_WATCHING:
        return Response("Too many people are watching.\n", status_code=503, headers={"retry-after": "60"})
    return StreamingResponse(
        _watch(runtime, edition_id), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


@router.get("/{act}")
def ask(
    edition_id: int, act: ActName, request: Request, officer: TheSender, runtime: TheRuntime, pages: ThePages
) -> Response:
    with runtime.db.reading() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *SENDERS)
        if edition.state not in ACTS[act].from_states:
            return RedirectResponse(_path(edition_id), status_code=303)
        return _ask(request, pages, session, officer, edition, act, Bound())


@router.post("/{act}")
def carry_out(
    edition_id: int,
    act: ActName,
    request: Request,
    form: TheForm,
    officer: TheSender,
    runtime: TheRuntime,
    pages: ThePages,
) -> Response:
    bound = bind(ActForm, form)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *SENDERS)
        if bound.value is None:
            return _ask(request, pages, session, officer, edition, act, bound, status=422)
        if act == "pause":
            because = bound.value.because or f"{officer.name} paused it."
            done = publishing.pause(session, edition_id, because=because, now=now, staff_id=officer.id)
        elif act == "resume":
            done = publishing.resume(session, edition_id, now=now, staff_id=officer.id)
        else:
            done = publishing.cancel(session, edition_id, now=now, staff_id=officer.id)
            ledger.skip_edition(session, edition_id, now=now)
        if done:
            one_edition.note(
                session, runtime, officer, f"{act} edition", edition_id, bound.value.because, now=runtime.clock.now()
            )
    return RedirectResponse(f"{_path(edition_id)}?said={_DONE[act]}", status_code=303)


class _Watching:
    """How many watch at this moment, in this process: all on one event loop."""

    number = 0


_watching = _Watching()


async def _watch(runtime: Runtime, edition_id: int) -> AsyncIterator[str]:
    def look() -> Progress:
        with runtime.db.reading() as session:
            return progress.of(session, edition_id)

    _watching.number += 1
    try:
        until, last = anyio.current_time() + LONGEST_S, ""
        while True:
            now = await run_sync(look)
            text = json.dumps(_figures(now))
            # Now and then something is sent all the same, so that a browser that is gone is noticed.
            yield f"event: figures\ndata: {text}\n\n" if text != last else ": still here\n\n"
            last = text
            if now.state is not EditionState.SENDING or anyio.current_time() >= until:
                break
            await anyio.sleep(EVERY_S)
        yield "event: end\ndata: {}\n\n"
    finally:
        _watching.number -= 1


def _figures(now: Progress) -> dict[str, Any]:
    """What changes on the page, in words."""
    return {
        "state": now.state.value,
        "counts": {state: f"{now.counts[state]:,}" for state in STATES},
        "done": now.done,
        "recipients": now.recipients,
        "sentence": _sentence(now),
        "percent": int(100 * now.done / now.recipients) if now.recipients else 0,
    }


def _sentence(now: Progress) -> str:
    if not now.recipients:
        return "No copy has been made yet."
    far = f"{now.done:,} of {now.recipients:,} copies are dealt with"
    if now.state is not EditionState.SENDING:
        return f"{far}."
    if now.seconds_left is None:
        if now.counts["deferred"] and not now.counts["queued"] + now.counts["sending"]:
            return f"{far}. The others were put off by the other side and are tried again by themselves."
        return f"{far}. Nothing is being handed over at this moment."
    return f"{far}, {now.pace_per_s:,.0f} a second, about {_left(now.seconds_left)} left."


def _left(seconds: int) -> str:
    if seconds < 60:
        return "a minute"
    minutes = -(-seconds // 60)
    if minutes < 60:
        return f"{minutes} minutes"
    hours, rest = divmod(minutes, 60)
    return f"{hours} {'hour' if hours == 1 else 'hours'}" + (f" {rest} minutes" if rest else "")


def _ask(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    edition: Edition,
    act: ActName,
    bound: Bound[ActForm],
    *,
    status: int = 200,
) -> Response:
    return pages.show(
        request,
        "staff/sending-ask.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        edition=edition,
        name=act,
        act=ACTS[act],
        has_gone_out=edition.released_at is not None,
    )


def _path(edition_id: int) -> str:
    return f"/staff/editions/{edition_id}/sending"
