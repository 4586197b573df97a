"""What is held about one address, as a dictionary for a file and in words for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from newsletter.content.dates import in_words, london_date
from newsletter.core.runtime import Runtime
from newsletter.feedback import complaints
from newsletter.web.signup import PHASES, ROLES
from subscribers import privacy
from subscribers.models import SuppressionReason

_STATES = {
    "pending": "Asked for the emails and has not confirmed",
    "confirmed": "Gets the emails",
    "left": "Has stopped the emails",
    "held": "May have stopped the emails; a person must decide whether a mail filter did it",
    "suspended": "Cannot be reached: the emails came back",
}

_ROLES: Mapping[str, str] = {role.value: words for role, words in ROLES}
_PHASES: Mapping[str, str] = {phase.value: words for phase, words in PHASES}

#: What must not be mailed and why, for the officer and for the person.
SUPPRESSED = {
    SuppressionReason.NOT_REQUESTED: "They said they did not ask for our emails, so the sign-up form sends nothing",
    SuppressionReason.ERASED: "No import brings them in, because they were erased or blocked. Their own sign-up works",
    SuppressionReason.BOUNCED: "Emails to this address came back, so nothing is sent to it",
    SuppressionReason.COMPLAINED: "They asked not to be written to, so nothing is sent to this address",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One heading with what stands below it: names and values in words."""

    heading: str
    lines: Sequence[tuple[str, str]]


def everything(session: Session, runtime: Runtime, address: str) -> dict[str, Any]:
    """Everything held about an address (UK GDPR, article 15), ready for JSON. Raises `InvalidInput`."""
    return privacy.export(session, runtime.crypto, address) | {
        "data_complaints": [
            complaints.as_told(row, runtime.crypto) for row in complaints.by_contact(session, runtime.crypto, address)
        ]
    }


def of_lists(found: dict[str, Any]) -> list[Section]:
    """The address on each mailing list it is on."""
    return [Section(row["mailing_list"], _row(row)) for row in found["mailing_lists"]]


def suppression(found: dict[str, Any]) -> str:
    """Whether the address may be written to, in one or two sentences."""
    held = found["suppression"]
    if held is None:
        return "Nothing stops us from writing to this address."
    until = f" This ends on {_day(held['until'])}." if held["until"] else ""
    return f"{SUPPRESSED[SuppressionReason(held['reason'])]}. Since {_day(held['since'])}.{until}"


def as_text(found: dict[str, Any], *, made_on: str) -> str:
    """All of it as a text to read or print."""
    parts = [f"What we hold about {found['address']}", f"Made on {made_on}."]
    for section in of_lists(found):
        parts.append(_block(section))
    if not found["mailing_lists"]:
        parts.append("This address is on none of our mailing lists.")
    parts.append(f"May we write to this address?\n\n{suppression(found)}")
    for row in found["data_complaints"]:
        lines = [("Received", _day(row["received_at"])), ("What was written", row["text"] or "Deleted")]
        lines += [("How to answer", row["contact"] or "Deleted"), ("What came of it", row["outcome"] or "Still open")]
        parts.append(_block(Section(f"Complaint {row['reference']}", lines)))
    return "\n\n\n".join(parts) + "\n"


def _row(row: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("Now", _STATES[row["state"]]), ("Asked for it on", _day(row["requested_at"]))]
    for name, key in (
        ("Reminded on", "reminded_at"),
        ("Confirmed on", "confirmed_at"),
        ("Ended on", "ended_at"),
        ("Was asked “still you?” on", "asked_if_still_you_at"),
        ("Answered that on", "answered_that_at"),
    ):
        if row[key]:
            lines.append((name, _day(row[key])))
    if row["school"]:
        lines.append(("School", f"{row['school']['name']} ({row['school']['urn']})"))
    for name, key, words in (("Role", "role", _ROLES), ("Setting", "setting_name", {}), ("Phase", "phase", _PHASES)):
        if row[key]:
            lines.append((name, words.get(row[key], row[key])))
    if row["topics"]:
        lines.append(("Chose the topics", ", ".join(row["topics"])))
    if row["regular_editions_only"]:
        lines.append(("Chose", "regular editions alone"))
    if row["came_back"]:
        number = row["came_back"]["editions_in_a_row"]
        lines.append(("Emails that came back", f"{number} in a row since {_day(row['came_back']['since'])}"))
    basis = row["lawful_basis"]
    lines.append(("We may write because of", basis))
    lines += [(f"Evidence {number}", _consent(each)) for number, each in enumerate(row["consents"], start=1)]
    return lines


def _consent(consent: dict[str, Any]) -> str:
    said = f"Asked on {_day(consent['requested_at'])} ({consent['source']})"
    said += f", said yes on {_day(consent['confirmed_at'])}" if consent["confirmed_at"] else ", has not said yes"
    if consent["withdrawn_at"]:
        said += f", withdrew on {_day(consent['withdrawn_at'])} ({consent['withdrawn_how']})"
    return f"{said}. What was shown:\n{consent['wording']}"


def _block(section: Section) -> str:
    return "\n".join([section.heading, "", *(f"{name}: {value}" for name, value in section.lines)])


def _day(moment: str) -> str:
    return in_words(london_date(datetime.fromisoformat(moment)))
