"""What a professional tells us about their work. Parents are never asked, and nothing about them is taken."""

import unicodedata
from dataclasses import dataclass

from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput
from subscribers.models import Phase, Role, School, Subscriber

MAXIMUM_SETTING_LENGTH = 200
#: What the column holds; register numbers have six digits today.
_LARGEST_URN = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Details:
    """Role and setting: a school of the register by its number, or a name in the person's own words."""

    role: Role | None = None
    school_urn: int | None = None
    setting_name: str | None = None
    phase: Phase | None = None


def checked(session: Session, audience: Audience, details: Details | None) -> Details:
    """The details as they may be stored: complete for professionals, empty for parents. Raises `InvalidInput`."""
    details = details or Details()
    if audience is Audience.PARENTS:
        if details != Details():
            raise InvalidInput("We only need an email address from parents and carers. Leave out everything else.")
        return details
    setting_name = tidy_setting(details.setting_name)
    if details.role is None:
        raise InvalidInput("Select your role", field="role")
    if details.school_urn is None and setting_name is None:
        raise InvalidInput("Select your school, or enter the name of your setting", field="school_urn")
    if details.school_urn is not None and setting_name is not None:
        raise InvalidInput("Select your school or enter the name of your setting, not both", field="setting_name")
    if details.school_urn is not None and not is_known_school(session, details.school_urn):
        raise InvalidInput("Select your school from the list, or enter the name of your setting", field="school_urn")
    return Details(details.role, details.school_urn, setting_name, details.phase)


def tidy_setting(typed: str | None) -> str | None:
    """The name of a setting on one line, or None where nothing was typed. Raises `InvalidInput`."""
    text = " ".join((typed or "").split())
    if not text:
        return None
    if len(text) > MAXIMUM_SETTING_LENGTH:
        raise InvalidInput(
            f"Name of your setting must be {MAXIMUM_SETTING_LENGTH} characters or fewer", field="setting_name"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidInput("Name of your setting must only include letters, numbers and signs", field="setting_name")
    return text


def is_known_school(session: Session, urn: int) -> bool:
    """Whether the register we hold has this number, open or not."""
    return 0 < urn <= _LARGEST_URN and session.get(School, urn) is not None


def write_details(subscriber: Subscriber, details: Details) -> None:
    """Put the details into the row in place of those it had."""
    subscriber.role = details.role
    subscriber.school_urn = details.school_urn
    subscriber.setting_name = details.setting_name
    subscriber.phase = details.phase


def details_of(subscriber: Subscriber) -> Details:
    """The details in the row."""
    return Details(subscriber.role, subscriber.school_urn, subscriber.setting_name, subscriber.phase)
