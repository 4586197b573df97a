"""What one row of an import says: a person, with details and evidence that have been looked at, or why not."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlmodel import Session

from newsletter.core import addresses
from newsletter.core.audience import Audience
from newsletter.core.crypto import Crypto
from newsletter.core.errors import InvalidInput
from subscribers import consents, lists
from subscribers.details import Details, is_known_school, tidy_setting
from subscribers.identity import address_hash, suppression_hash
from subscribers.models import MailingList, Phase, Role

DEFAULT_SOURCE = "import"
#: Email newsletters are not older than this; an earlier date is a slip.
_EARLIEST_CONSENT = datetime(1995, 1, 1, tzinfo=UTC)

_Member = TypeVar("_Member", bound=enum.StrEnum)


class MissingEvidence(InvalidInput):
    """The row does not show that the person consented."""


@dataclass(frozen=True, slots=True)
class Person:
    """One row that can be used."""

    line: int
    address: str
    address_hash: bytes
    suppression_hash: bytes
    details: Details
    consent_at: datetime | None
    wording: str
    source: str


class RowReader:
    """Reads the rows of one file for one mailing list."""

    def __init__(
        self, session: Session, crypto: Crypto, mailing_list: MailingList, already_confirmed: bool, now: datetime
    ) -> None:
        assert mailing_list.id is not None
        self._session = session
        self._crypto = crypto
        self._list_id = mailing_list.id
        self._takes_details = mailing_list.audience is not Audience.PARENTS
        self._already_confirmed = already_confirmed
        self._now = now
        self._schools: dict[int, bool] = {}

    def read(self, line: int, cells: dict[str, str] | None) -> Person:
        """The person of this row. Raises `MissingEvidence`, or `InvalidInput` for anything else that is wrong."""
        if cells is None:
            raise InvalidInput("More cells than columns: put text that has commas in quotation marks")
        address = addresses.parse(cells.get("email", ""))
        evidence = {name: cells.get(name, "") for name in ("consent_date", "wording", "source")}
        lacking = [name for name, value in evidence.items() if not value]
        if self._already_confirmed and lacking:
            raise MissingEvidence(f"No {', '.join(lacking)}")
        if evidence["wording"]:
            lists.check_wording(evidence["wording"])
        return Person(
            line=line,
            address=address,
            address_hash=address_hash(self._crypto, self._list_id, address),
            suppression_hash=suppression_hash(self._crypto, address),
            details=self._details(cells),
            consent_at=_moment(evidence["consent_date"], self._now) if evidence["consent_date"] else None,
            wording=evidence["wording"],
            source=consents.checked_source(evidence["source"] or DEFAULT_SOURCE),
        )

    def _details(self, cells: dict[str, str]) -> Details:
        role, setting, phase = (cells.get(name, "") for name in ("role", "setting", "phase"))
        if not self._takes_details:
            if role or setting or phase:
                raise InvalidInput("Of parents and carers we only keep an address: empty role, setting and phase")
            return Details()
        urn = int(setting) if setting.isascii() and setting.isdecimal() and len(setting) < 10 else None
        if urn is not None and not self._is_school(urn):
            raise InvalidInput("This number is not in the school register: give the name of the setting instead")
        return Details(
            role=_member(Role, role, "role") if role else None,
            school_urn=urn,
            setting_name=tidy_setting(setting) if urn is None else None,
            phase=_member(Phase, phase, "phase") if phase else None,
        )

    def _is_school(self, urn: int) -> bool:
        if urn not in self._schools:
            self._schools[urn] = is_known_school(self._session, urn)
        return self._schools[urn]


def _member(of: type[_Member], typed: str, name: str) -> _Member:
    try:
        return of("-".join(typed.casefold().replace("_", " ").replace("-", " ").split()))
    except ValueError:
        raise InvalidInput(f"Unknown {name}; it may be: {', '.join(of)}") from None


def _moment(typed: str, now: datetime) -> datetime:
    """ISO 8601 or day/month/year; without a time zone it is taken as UTC."""
    for parse in (datetime.fromisoformat, lambda text: datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=UTC)):
        try:
            moment = parse(typed)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        if not _EARLIEST_CONSENT <= moment <= now:
            raise InvalidInput("The consent date is in the future or too long ago")
        return moment
    raise InvalidInput("Write the consent date as 2025-03-31 or 31/03/2025")
