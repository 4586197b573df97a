"""The gate as people meet it: what the checks find in an edition now, and the reasons given for letting warnings be.

An error blocks. A warning blocks until somebody gives a reason, which is kept and shown to the approver (REQ-52).
`publishing.approve` asks here, so that there is no way round it, from a page or from the command line. A reason stands
for one sentence about one place: when the text changes and something else is found, it is asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions import checks, choosing, composing, links, moves, variants
from newsletter.editions.checks import Finding, Missing, Severity
from newsletter.editions.models import CheckReason, Edition, EditionState
from newsletter.rendering import engine
from newsletter.rendering.mails import EditionMail, Letterhead, Rendered, SectionBlock


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing found, and why it may stay, where somebody said so."""

    finding: Finding
    reason: CheckReason | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands between an edition and its approval."""

    mail: EditionMail
    rendered: Rendered
    errors: tuple[Finding, ...]
    warnings: tuple[Judged, ...]
    unchecked_links: tuple[str, ...]  # targets that nobody has opened, or not lately

    @property
    def unanswered(self) -> tuple[Finding, ...]:
        """The warnings that still want a reason."""
        return tuple(judged.finding for judged in self.warnings if judged.reason is None)

    @property
    def is_open(self) -> bool:
        return not self.errors and not self.unanswered

    @property
    def wanted(self) -> list[str]:
        """What has to be done before approval, each in a sentence."""
        wanted = [finding.message for finding in self.errors]
        return wanted + [f"Mend this or give a reason for it: {finding.message}" for finding in self.unanswered]


def look(
    session: Session,
    edition: Edition,
    letterhead: Letterhead,
    *,
    on: date,
    now: datetime,
    written: tuple[SectionBlock, ...] | None = None,
) -> Gate:
    """Check the edition as it stands now. Opens no link: it goes by what `links` kept. `written` as for `compose`.

    Raises `InvalidInput` and `RenderError` when it cannot even be put together.
    """
    assert edition.id is not None
    mail = composing.compose(session, edition, letterhead, written=written)
    targets = links.targets(mail)
    opened = links.kept(session, targets, now=now)
    rendered = engine.render(mail)
    missing = tuple(variants.missing(session, edition.id))
    broken = tuple((url, kept.problem) for url, kept in opened.items() if kept.problem)
    found = _findings(mail, rendered, missing, on, edition.audience, broken)
    reasons = {reason.finding_key: reason for reason in reasons_of(session, edition.id)}
    return Gate(
        mail,
        rendered,
        tuple(finding for finding in found if finding.severity is Severity.ERROR),
        tuple(Judged(finding, reasons.get(finding.key)) for finding in found if finding.severity is Severity.WARNING),
        tuple(url for url in targets if url not in opened),
    )


@lru_cache(maxsize=16)
def _findings(
    mail: EditionMail,
    rendered: Rendered,
    missing: tuple[Missing, ...],
    on: date,
    audience: Audience,
    broken_links: tuple[tuple[str, str], ...],
) -> tuple[Finding, ...]:
    """What `checks.findings` says, kept for a while: every page about an edition asks, and the answer hangs on nothing
    but what is given here."""
    return tuple(checks.findings(mail, rendered, missing, on=on, audience=audience, broken_links=dict(broken_links)))


def require_open(session: Session, edition: Edition, letterhead: Letterhead, *, on: date, now: datetime) -> None:
    """Raises `InvalidInput` with everything that has to be mended, or given a reason, before approval."""
    gate = look(session, edition, letterhead, on=on, now=now)
    if not gate.is_open:
        raise InvalidInput(f"Edition {edition.number} cannot go for approval yet. {' '.join(gate.wanted)}")


def reasons_of(session: Session, edition_id: int) -> Sequence[CheckReason]:
    """Every reason that was given, also for what is no longer found."""
    return session.exec(
        select(CheckReason).where(CheckReason.edition_id == edition_id).order_by(CheckReason.id)  # type: ignore[arg-type]
    ).all()


def give_reason(
    session: Session, edition: Edition, gate: Gate, key: str, reason: str, *, now: datetime, staff_id: int | None
) -> CheckReason:
    """Say why a warning may stay. A second reason takes the place of the first.

    Raises `NotFound` when nothing of that key is found now, `InvalidInput` for an error, or for no reason.
    """
    assert edition.id is not None
    if any(finding.key == key for finding in gate.errors):
        raise InvalidInput("This has to be mended: no reason lets it pass.", field="reason")
    judged = next((judged for judged in gate.warnings if judged.finding.key == key), None)
    if judged is None:
        raise NotFound("This is no longer found in the edition.")
    try:
        line = choosing.reason_line(reason)
    except InvalidInput as error:
        raise InvalidInput(str(error), field="reason") from None
    kept = judged.reason or CheckReason(
        edition_id=edition.id, finding_key=key, message=judged.finding.message, reason=line, at=now
    )
    kept.reason, kept.at, kept.staff_id = line, now, staff_id
    session.add(kept)
    said = f"“{judged.finding.message[:140]}” may stay: {line}"
    if edition.state is EditionState.REVIEW:  # an approver may be looking at the reasons as they were
        newer = sa.update(Edition).where(col(Edition.id) == edition.id).values(revision=col(Edition.revision) + 1)
        session.execute(newer.execution_options(synchronize_session=False))
        session.refresh(edition)
    moves.note(session, edition, "reason", said, now=now, staff_id=staff_id)
    return kept
