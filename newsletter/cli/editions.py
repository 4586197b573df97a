"""`newsletter edition …`: assemble, preview, approve, send, watch, hold and decide."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session, col, select

from newsletter.cli import edge, edition_checks, edition_corrections, edition_variants, foreground, previewing
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, letterheads, opening, reports
from newsletter.editions import assembling, event_choices, freezing, moves, publishing, response_choices
from newsletter.editions.models import Edition, EditionState
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from subscribers import lists, topics

LONDON = ZoneInfo("Europe/London")

app = typer.Typer(no_args_is_help=True, help="Assemble, preview, approve and send editions, and see how they went.")
app.add_typer(edition_variants.app, name="variant")
app.command()(edition_corrections.correct)
app.command()(edition_checks.check)
app.command()(edition_checks.answer)

EditionId = Annotated[int, typer.Argument(metavar="ID", help="Number that “edition assemble” printed.", min=1)]
By = Annotated[str | None, typer.Option("--by", metavar="EMAIL", help="The member of staff who does this.")]


@app.command("list")
def list_editions(
    list_slug: Annotated[str | None, typer.Argument(metavar="LIST", help="Only this mailing list.")] = None,
) -> None:
    """List editions, newest first: id, mailing list, number, date, state, subject."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        slugs = {mailing_list.id: mailing_list.slug for mailing_list in lists.all_lists(session)}
        wanted = select(Edition).order_by(col(Edition.id).desc())
        if list_slug is not None:
            wanted = wanted.where(Edition.mailing_list_id == lists.by_slug(session, list_slug).id)
        for edition in session.exec(wanted):
            typer.echo(
                f"{edition.id}\t{slugs[edition.mailing_list_id]}\tno. {edition.number}\t{edition.date}"
                f"\t{edition.state.value}\t{edition.subject}"
            )


@app.command()
def assemble(
    list_slug: Annotated[str, typer.Argument(metavar="LIST", help="The mailing list: parents or professionals.")],
    by: By = None,
    special: Annotated[
        bool, typer.Option("--special", help="Beside the regular ones: not for those who want these alone.")
    ] = False,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="SLUG", help="With --special: only for those who chose this topic.")
    ] = None,
) -> None:
    """Make a draft edition from the updates that are due; its id stands alone on the last line.

    Says of every update, response and event why it is in or out. A list has one regular edition in hand at a time, and
    one special edition for the same readers: where one is still to be approved or sent, that one is named. When nothing
    is new there is no edition, and the exit code is 1.
    """
    if topic is not None and not special:
        raise typer.BadParameter("--topic goes with --special: regular editions are for everybody")
    with edge.opened() as runtime, runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        beside = None
        if special:
            topic_id = None if topic is None else topics.by_slug(session, mailing_list.id, topic).id
            beside = assembling.Special(topic_id)
        author_id = None if by is None else edge.staff_id(session, runtime, by, StaffRole.AUTHOR, StaffRole.ADMIN)
        in_hand = assembling.in_hand(session, mailing_list.id, beside)
        if in_hand is not None:
            typer.echo(f"Edition {in_hand.number} of {mailing_list.name} is in hand already ({in_hand.state.value}).")
            typer.echo(in_hand.id)
            return
        assembled = assembling.assemble(
            session,
            mailing_list_id=mailing_list.id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=runtime.clock.now(),
            author_id=author_id,
            special=beside,
        )
        if assembled.edition is None:
            typer.echo(assembled.because, err=True)
        for considered in assembled.chosen:
            typer.echo(f"in   {considered.title} ({considered.reason})")
        for considered in assembled.left_out:
            typer.echo(f"out  {considered.title} ({considered.reason})")
        if assembled.edition is None:
            raise typer.Exit(1)
        edition_id = assembled.edition.id
        assert edition_id is not None
        for response_choice, response in response_choices.choices(session, edition_id):
            typer.echo(f"{'in ' if response_choice.is_in else 'out'}  {response.theme} ({response_choice.reason})")
        for event_choice, event in event_choices.choices(session, edition_id):
            typer.echo(f"{'in ' if event_choice.is_in else 'out'}  {event.title} ({event_choice.reason})")
        typer.echo(assembled.because)
    typer.echo(edition_id)


@app.command()
def preview(
    edition_id: EditionId,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Directory to write to.")],
) -> None:
    """Write an edition as readers will get it: edition.html, edition.txt and edition.eml."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        written = previewing.write(session, runtime, edition_id, out)
    for path in written:
        typer.echo(path)


@app.command()
def approve(
    edition_id: EditionId,
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="The approver, who wrote none of it.")],
    election_reason: Annotated[
        str,
        typer.Option(
            "--election-reason", metavar="TEXT", help="Why it may go out in a pre-election period, and who agreed."
        ),
    ] = "",
) -> None:
    """Approve an edition: freezes, byte for byte, what will be sent. A draft is submitted for approval first.

    What “edition check” finds has to be mended, or given a reason with “edition answer”, before that.
    """
    with edge.opened() as runtime, runtime.db.transaction() as session:
        now = runtime.clock.now()
        approver_id = edge.staff_id(session, runtime, by)
        edition = _edition(session, edition_id)
        if edition.state in (EditionState.APPROVED, EditionState.SCHEDULED):
            typer.echo(f"Edition {edition.number} is approved already (SHA-256 {edition.frozen_sha256}).")
            return
        if edition.state is EditionState.DRAFT:
            publishing.submit(session, edition_id, now=now)
        mailing_list = lists.by_id(session, edition.mailing_list_id)
        try:
            approved = publishing.approve(
                session,
                edition_id,
                approver_id=approver_id,
                roles=accounts.roles_of(session, approver_id, edition.mailing_list_id),
                letterhead=letterheads.letterhead(session, mailing_list, runtime.settings.base_url),
                now=now,
                election_reason=election_reason,
            )
        except InvalidInput:
            found = edition_checks.look(session, runtime, edition)
            if found.is_open:
                raise
            typer.echo(f"Edition {edition.number} cannot be approved yet.", err=True)
            edition_checks.say(found, edition_id, err=True)
            edition_checks.say_rest(session, runtime, edition, found, election_reason, err=True)
            raise typer.Exit(1) from None
        typer.echo(f"Approved: {approved.frozen_subject} (SHA-256 {approved.frozen_sha256}).")
    typer.echo(f"To send it: newsletter edition send {edition_id} --now")


@app.command()
def send(
    edition_id: EditionId,
    now: Annotated[bool, typer.Option("--now", help="Send from here, and wait until it is done.")] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Not before this time in Europe/London, like “2026-12-01 09:30”."),
    ] = None,
) -> None:
    """Let an approved edition go to everybody who is confirmed on its list.

    With --now it is queued and sent in the foreground; where a worker is running on the same SQLite database, that
    worker sends and this command watches. Without --now the running clock and worker take it at once, or at --at.
    Safe to repeat: nobody gets a second copy.
    """
    if now and at is not None:
        raise typer.BadParameter("choose one of --now and --at")
    with edge.opened() as runtime:
        with runtime.db.transaction() as session:
            moment = runtime.clock.now()
            edition = _edition(session, edition_id)
            if edition.state in (EditionState.DRAFT, EditionState.REVIEW):
                raise WrongState(
                    f"Edition {edition.number} must be approved first: "
                    f"newsletter edition approve {edition_id} --by EMAIL"
                )
            if now:
                opening.release_and_open(session, edition_id, now=moment)
            elif edition.released_at is None:
                send_at = _london(at) if at is not None else moment + timedelta(seconds=1)
                publishing.schedule(session, edition_id, send_at=send_at, now=moment)
        if now:
            foreground.send(runtime, edition_id)
        _say_status(runtime, edition_id)


@app.command()
def status(
    edition_id: EditionId,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Say where an edition stands: its state, and how many deliveries are in each state."""
    with edge.opened() as runtime:
        if as_json:
            with runtime.db.reading() as session:
                typer.echo(json.dumps(reports.status(session, edition_id)))
        else:
            _say_status(runtime, edition_id)


@app.command()
def pause(
    edition_id: EditionId,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="Why, for whoever finds it paused.")
    ] = "Paused by hand.",
    by: By = None,
) -> None:
    """Hold an edition that is being sent. Copies already handed over are not called back."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        publishing.pause(
            session, edition_id, because=because, now=runtime.clock.now(), staff_id=_optional(session, runtime, by)
        )
    typer.echo(f"Edition {edition_id} is paused. To go on: newsletter edition resume {edition_id}")


@app.command()
def resume(edition_id: EditionId, by: By = None) -> None:
    """Go on with a paused edition: those who have had their copy get no second one."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        publishing.resume(session, edition_id, now=runtime.clock.now(), staff_id=_optional(session, runtime, by))
    typer.echo(f"Edition {edition_id} goes on. Without a running worker: newsletter edition send {edition_id} --now")


@app.command()
def cancel(edition_id: EditionId, by: By = None) -> None:
    """Give an edition up: what has not been sent will not be, and its updates are free for the next one."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        now = runtime.clock.now()
        publishing.cancel(session, edition_id, now=now, staff_id=_optional(session, runtime, by))
        skipped = ledger.skip_edition(session, edition_id, now=now)
    typer.echo(f"Edition {edition_id} is cancelled; {skipped} copies were not sent.")


@app.command()
def unknown(
    edition_id: EditionId,
    leave: Annotated[bool, typer.Option("--leave", help="Leave them as they are.")] = False,
    send_again: Annotated[bool, typer.Option("--send-again", help="Send to them again; some may get two.")] = False,
    by: By = None,
) -> None:
    """Decide about the copies of which nobody can know whether they arrived. Without an option: only say how many."""
    if leave and send_again:
        raise typer.BadParameter("choose one of --leave and --send-again")
    with edge.opened() as runtime, runtime.db.transaction() as session:
        _edition(session, edition_id)
        if send_again:
            if by is None:
                raise InvalidInput("Say who decides to send again: --by EMAIL.")
            edge.staff_id(session, runtime, by, StaffRole.APPROVER, StaffRole.ADMIN)
            freezing.verify_approved(session, _edition(session, edition_id))
            number = ledger.decide_unknown(session, edition_id, send_again=True, now=runtime.clock.now())
            typer.echo(f"{number} copies are queued again, under the Message-ID they had.")
        elif leave:
            number = ledger.decide_unknown(session, edition_id, send_again=False, now=runtime.clock.now())
            typer.echo(f"{number} copies stay as they are.")
        else:
            number = ledger.counts(session, edition_id).get("unknown", 0)
            typer.echo(f"Of {number} copies nobody knows whether they arrived. Decide with --leave or --send-again.")


@app.command()
def rules(
    list_slug: Annotated[str, typer.Argument(metavar="LIST", help="The mailing list: parents or professionals.")],
    keep_trying_hours: Annotated[
        int | None,
        typer.Option("--keep-trying", metavar="HOURS", min=1, max=120, help="How long to believe “not now”."),
    ] = None,
    late_after_hours: Annotated[
        int | None,
        typer.Option("--late-after", metavar="HOURS", min=1, max=120, help="From when on an edition is held."),
    ] = None,
    resend_once: Annotated[
        bool | None,
        typer.Option("--resend-once/--leave-unknown", help="On doubt: a second copy, or a person decides."),
    ] = None,
    by: By = None,
) -> None:
    """What a mailing list wants when sending does not go smoothly. Without an option: only say it."""
    wanted = {
        "keep_trying_hours": keep_trying_hours, "late_after_hours": late_after_hours, "resend_once": resend_once,
    }  # fmt: skip
    changes = {name: value for name, value in wanted.items() if value is not None}
    with edge.opened() as runtime, runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, list_slug)
        if changes:
            if by is None:
                raise InvalidInput("Say who decides: --by EMAIL.")
            edge.staff_id(session, runtime, by, StaffRole.ADMIN)
            for name, value in changes.items():
                setattr(mailing_list, name, value)
        doubt = "one second copy goes by itself" if mailing_list.resend_once else "a person decides"
        typer.echo(f"{mailing_list.name}:")
        typer.echo(f"  a copy that is put off is tried again for {mailing_list.keep_trying_hours} hours")
        typer.echo(f"  an edition is too late to go by itself after {mailing_list.late_after_hours} hours")
        typer.echo(f"  where nobody can know whether a copy was sent, {doubt}")


def _edition(session: Session, edition_id: int) -> Edition:
    return moves.read(session, edition_id)


def _optional(session: Session, runtime: Runtime, email: str | None) -> int | None:
    return None if email is None else edge.staff_id(session, runtime, email)


def _london(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("Write the time like “2026-12-01 09:30”.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=LONDON)


def _say_status(runtime: Runtime, edition_id: int) -> None:
    with runtime.db.reading() as session:
        found = reports.status(session, edition_id)
        edition = _edition(session, edition_id)
        because, send_at = edition.paused_because, edition.send_at
    typer.echo(f"Edition {edition_id} of {found['list']}: {found['state']}")
    if found["state"] == EditionState.PAUSED and because:
        typer.echo(f"Paused because: {because}")
    if found["state"] == EditionState.APPROVED and because:
        typer.echo(f"Held back: {because}")
    if found["state"] == EditionState.SCHEDULED and send_at is not None:
        typer.echo(f"Goes out at {send_at.astimezone(LONDON):%H:%M on %-d %B %Y} while the clock and a worker run.")
    if found["recipients"]:
        typer.echo(f"Recipients: {found['recipients']:,}")
    for state, number in found["counts"].items():
        if number:
            typer.echo(f"  {state}: {number:,}")
    if found["seconds_left"] is not None:
        left = timedelta(seconds=found["seconds_left"])
        typer.echo(f"{found['pace_per_s']:,.0f} a second at this moment; about {left} left")
    if found["counts"].get("deferred"):
        typer.echo("Deferred copies are tried again by a running worker, or when you send it again later.")
    if found["counts"].get("unknown"):
        typer.echo(f"Decide about the unknown ones: newsletter edition unknown {edition_id}")
    if found["held_leaves"]:
        typer.echo(f"{found['held_leaves']:,} leaves came in a burst and are held: newsletter leaves held")
