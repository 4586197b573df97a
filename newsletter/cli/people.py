"""`newsletter subscribers …`, `person …` and `schools …`: people coming in, going out, and their rights."""

import enum
import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from newsletter.cli import edge, files
from newsletter.content import partners
from newsletter.core import small_numbers
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery import letters, stopping
from newsletter.delivery.models import DeliveryKind
from newsletter.feedback import complaints
from newsletter.staff.models import StaffRole
from subscribers import coverage, exporting, importing, lists, preferences, privacy, signup, spreadsheets
from subscribers import schools as school_register
from subscribers.models import MailingList, Role
from subscribers.signup import Details

log = logging.getLogger(__name__)

subscribers = typer.Typer(no_args_is_help=True, help="Bring subscribers in, take a list out, stop somebody's emails.")
person = typer.Typer(no_args_is_help=True, help="Answer a person who asks what is held about them, or to be forgotten.")
schools = typer.Typer(no_args_is_help=True, help="The register of schools that professionals choose from.")


class SignUpSource(enum.StrEnum):
    """Where a sign-up came from that staff enter for a person."""

    PAPER = "paper"
    EVENT = "event"
    PHONE = "phone"


ListSlug = Annotated[str, typer.Argument(metavar="LIST", help="The mailing list: parents or professionals.")]
InFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True)]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Write here, not to the screen.")
]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address of the person.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(subscribers, name="subscribers")
    app.add_typer(person, name="person")
    app.add_typer(schools, name="schools")


@subscribers.command("import")
def import_subscribers(
    list_slug: ListSlug,
    file: InFile,
    already_confirmed: Annotated[
        bool, typer.Option("--already-confirmed", help="They consented elsewhere; each row must carry the evidence.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="EMAIL", help="The data protection officer who answers for it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen to each row.")] = False,
) -> None:
    """Bring people in from a CSV file with the columns email, consent_date, wording, source.

    An Excel workbook (.xlsx) will do too: its first sheet is read. They come in as pending and are asked by mail to
    confirm. With --already-confirmed --by DPO they come in confirmed. Suppressed addresses are left out and counted.
    """
    with edge.opened() as runtime, spreadsheets.opened(file) as rows:
        with runtime.db.transaction() as session:
            now = runtime.clock.now()
            if already_confirmed:
                if by is None:
                    raise NotAllowed("--already-confirmed needs the data protection officer: add --by EMAIL.")
                by_id = edge.staff_id(session, runtime, by, StaffRole.DPO)
                log.info("An import of confirmed subscribers was allowed", extra={"staff_id": by_id})
            mailing_list = lists.by_slug(session, list_slug)
            assert mailing_list.id is not None
            report = importing.import_file(
                session,
                runtime.crypto,
                mailing_list_id=mailing_list.id,
                file=rows,
                already_confirmed=already_confirmed,
                now=now,
                dry_run=dry_run,
            )
            if not dry_run:
                letters.queue_first(
                    session,
                    DeliveryKind.CONFIRM,
                    mailing_list_id=mailing_list.id,
                    subscriber_ids=report.to_confirm,
                    now=now,
                )
    _say_import(report, dry_run=dry_run)


@subscribers.command("add")
def add_subscriber(
    list_slug: ListSlug,
    email: Email,
    source: Annotated[SignUpSource, typer.Option("--source", help="Where the person said so.")],
    role: Annotated[Role | None, typer.Option("--role", help="Professionals: what the person does.")] = None,
    school: Annotated[
        int | None, typer.Option("--school", metavar="URN", help="Professionals: the school, by its register number.")
    ] = None,
    setting: Annotated[
        str | None, typer.Option("--setting", metavar="NAME", help="Professionals: a setting not in the register.")
    ] = None,
) -> None:
    """Enter a sign-up from a paper form, an event or the phone, made under the wording that the web form shows today.

    The person is asked by mail to confirm, and gets nothing else until then. The answer is the same for every address.
    """
    details = Details(role=role, school_urn=school, setting_name=setting)
    with edge.opened() as runtime, runtime.db.transaction() as session:
        now = runtime.clock.now()
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        requested = signup.request(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list.id,
            address=email,
            details=details,
            source=source.value,
            now=now,
        )
        letters.queue_answer(session, requested, mailing_list_id=mailing_list.id, now=now)
    typer.echo("Noted. If this address may be written to, it is asked by mail to confirm, once a worker runs.")


@subscribers.command("export")
def export_subscribers(
    list_slug: ListSlug,
    by: Annotated[
        str | None, typer.Option("--by", metavar="EMAIL", help="The data protection officer who answers for it.")
    ] = None,
    second: Annotated[
        str | None, typer.Option("--second", metavar="EMAIL", help="A second member of staff; parents' lists need two.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is written to the log.")
    ] = None,
    out: Out = None,
) -> None:
    """Write a mailing list as CSV, or as an Excel workbook with --out FILE.xlsx.

    A list of parents leaves only with two people and a reason, and that is logged.
    """
    with edge.opened() as runtime, runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        people = _answer_for_export(session, runtime, mailing_list, by, second, reason)
        rows = exporting.export_rows(session, runtime.crypto, mailing_list.id)
        log.warning(
            "A mailing list was exported",
            extra={"list": mailing_list.slug, "staff_ids": people, "reason": (reason or "")[:200]},
        )
        files.write_table(out, exporting.COLUMNS, rows)


@subscribers.command("leave", context_settings={"ignore_unknown_options": True})  # a token may begin with a dash
def leave(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What follows “stop” in the subject of the mail.")],
) -> None:
    """Stop somebody's emails, for a mail that asks for it with “stop TOKEN” as its subject. Safe to repeat."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        now = runtime.clock.now()
        text = token.strip().rpartition("/")[2].rpartition(" ")[2]
        read = runtime.tokens.read(Purpose.LEAVE, text, now=now)
        left = preferences.leave(
            session, mailing_list_id=read.list_id, subscriber_id=read.subject_id, how="staff", now=now
        )
        stopping.stop_for(session, [left], now)
    typer.echo("The emails have stopped.")


@person.command("export")
def export_person(email: Email, out: Out = None) -> None:
    """Write everything held about an address as JSON (the right of access)."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        found = privacy.export(session, runtime.crypto, email) | {
            "data_complaints": [
                complaints.as_told(row, runtime.crypto) for row in complaints.by_contact(session, runtime.crypto, email)
            ]
        }
        held = json.dumps(found, indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(held)
    else:
        with files.private(out) as file:
            file.write(f"{held}\n".encode())


@person.command("erase")
def erase_person(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back on a terminal.")] = False,
) -> None:
    """Forget an address on every mailing list. Only a keyed hash stays, so that no import brings it back."""
    if not yes and sys.stdin.isatty():
        typer.confirm("Everything about this address will be gone for good. Erase it?", abort=True)
    with edge.opened() as runtime:
        with runtime.db.transaction() as session:
            rows = privacy.erase(session, runtime.crypto, email, now=runtime.clock.now())
            emptied, still_open = complaints.erase_contact(session, runtime.crypto, email)
        rows += emptied
        is_gone = runtime.db.empty_log()
    if not is_gone:
        typer.echo("The database was busy: what was erased leaves its log with the next sweep, within the hour.")
    if still_open:
        typer.echo(
            f"{still_open} open complaint{'s' if still_open > 1 else ''} of this person must still be answered. "
            "Close it, then erase again."
        )
    typer.echo("Nothing was held about this address; it is kept out of imports from now on." if not rows else "Erased.")


@schools.command("import")
def import_schools(
    file: InFile,
    local_authority: Annotated[
        list[int] | None,
        typer.Option(
            "--local-authority", metavar="CODE", help="Only these; may be repeated. Default: the partnership's."
        ),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Schools of every local authority.")] = False,
) -> None:
    """Take schools from the register “Get information about schools” (the CSV file of all establishments)."""
    with edge.opened() as runtime, file.open("rb") as content, runtime.db.transaction() as session:
        codes = set(local_authority or ())
        if not codes and not everywhere:
            try:
                codes = {partners.partnership(session).local_authority_code}
            except NotFound:
                raise InvalidInput("Say which local authority: --local-authority CODE, or --everywhere.") from None
        number = school_register.import_register(session, content, local_authority_codes=codes or None)
    typer.echo(f"{number:,} schools are in the register now.")


@schools.command("coverage")
def schools_coverage(
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each school, for a spreadsheet.")] = False,
    out: Out = None,
) -> None:
    """Show which open schools nobody at gets the professionals' newsletter, by phase and town.

    With --out, one line for each school goes into a file: CSV, or an Excel workbook when its name ends in .xlsx. Counts
    of people under 5 are shown as “fewer than 5”. No address is ever shown, and parents are not counted.
    """
    with edge.opened() as runtime, runtime.db.reading() as session:
        covered = coverage.of_schools(session)
        by_role = coverage.by_role(session)
    if as_csv or out is not None:
        files.write_table(
            out,
            ("urn", "name", "phase", "town", "has_subscriber", "unanswered"),
            (
                (
                    school.urn,
                    school.name,
                    school.phase,
                    school.town,
                    "yes" if school.is_covered else "no",
                    "yes" if school.is_unanswered else "no",
                )
                for school in covered
            ),
        )
        return
    for title, groups in (("Phase", coverage.by_phase(covered)), ("Town", coverage.by_town(covered))):
        typer.echo(f"{title}\topen schools\twith a subscriber\twithout")
        for group in groups:
            typer.echo(f"{group.name}\t{group.schools:,}\t{group.covered:,}\t{group.schools - group.covered:,}")
        typer.echo()
    typer.echo("Role\tsubscribers")
    for role, people in by_role.items():
        typer.echo(f"{role}\t{small_numbers.in_public(people)}")
    typer.echo()
    without = [school for school in covered if not school.is_covered]
    typer.echo(f"{len(without):,} open schools without a subscriber:")
    for school in without:
        typer.echo(f"{school.urn}\t{school.name}\t{school.town}")
    silent = sum(school.is_unanswered for school in covered)
    typer.echo(f"{silent:,} schools where nobody has answered the yearly question yet.")


def _answer_for_export(
    session: Session,
    runtime: Runtime,
    mailing_list: MailingList,
    by: str | None,
    second: str | None,
    reason: str | None,
) -> list[int]:
    """The staff who answer for an export (REQ-36). Raises `NotAllowed` saying who is missing."""
    if by is None:
        raise NotAllowed("A mailing list leaves only with the data protection officer: add --by EMAIL.")
    people = [edge.staff_id(session, runtime, by, StaffRole.DPO)]
    if mailing_list.audience is Audience.PARENTS:
        if second is None or not (reason or "").strip():
            raise NotAllowed(
                "A list of parents leaves only with two people and a reason: add --second EMAIL --reason TEXT."
            )
        people.append(edge.staff_id(session, runtime, second))
        if people[0] == people[1]:
            raise NotAllowed("The second person must be somebody else.")
    return people


def _say_import(report: importing.ImportReport, *, dry_run: bool) -> None:
    for row in report.rows:
        if dry_run or row.result is not importing.RowResult.IMPORTED:
            typer.echo(f"line {row.line}: {row.result.value}{f' ({row.reason})' if row.reason else ''}")
    numbers = ", ".join(f"{result.value} {report.counts[result]:,}" for result in importing.RowResult)
    typer.echo(f"{'Nothing was changed. It would be' if dry_run else 'Rows'}: {numbers}.")
    if report.to_confirm:
        typer.echo(f"{len(report.to_confirm):,} people are asked by mail to confirm, once a worker runs.")
