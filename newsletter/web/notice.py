"""The facts of the privacy notice, the accessibility statement and the data protection records, from live settings.

Whatever the product keeps, and for how long, is read from where it is carried out, so that no notice can differ from
what is done (UK GDPR, articles 13 and 30; REQ-39, REQ-87).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.content import partners
from newsletter.content.dates import london_date
from newsletter.content.models import Partnership
from newsletter.core import periods
from newsletter.core.audience import Audience
from newsletter.core.errors import NotFound
from newsletter.core.periods import Period
from newsletter.core.runtime import Runtime
from newsletter.feedback import complaints
from newsletter.providers import registry
from subscribers import lists
from subscribers.models import MailingList, Wording

#: The day on which the words of the notice itself were last changed. Change it with them.
WORDS_OF = date(2026, 11, 26)

#: The accessibility statement must be looked at again within a year.
REVIEW_WITHIN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is kept, and how long."""

    what: str
    how_long: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Everything the pages and the records say."""

    base_url: str
    partnership: Partnership | None
    lists: Sequence[MailingList]
    kept: Sequence[Kept]
    carrier: str  # who carries our mail; empty: nobody, it stays on this machine
    acknowledge_days: int
    changed_on: date

    @property
    def asks_about_work(self) -> bool:
        return any(each.audience is Audience.PROFESSIONALS for each in self.lists)

    @property
    def dpo_email(self) -> str:
        if self.partnership is None:
            return ""
        return self.partnership.data_protection_email or self.partnership.contact_email


def read(session: Session, runtime: Runtime) -> Notice:
    """The facts as they are now."""
    try:
        partnership = partners.partnership(session)
    except NotFound:
        partnership = None
    newest = session.scalar(sa.select(sa.func.max(col(Wording.used_from))).where(col(Wording.version) > 0))
    return Notice(
        base_url=runtime.settings.base_url.rstrip("/"),
        partnership=partnership,
        lists=lists.all_lists(session),
        kept=kept(session),
        carrier=registry.carrier(runtime.settings),
        acknowledge_days=complaints.ACKNOWLEDGE_WITHIN.days,
        changed_on=max(WORDS_OF, london_date(newest)) if newest else WORDS_OF,
    )


def kept(session: Session) -> tuple[Kept, ...]:
    """From the periods that the sweeps work with."""
    days = periods.all_periods(session)
    return (
        Kept("a sign-up that nobody confirms", in_words(days[Period.PENDING])),
        Kept("a file of addresses from paper forms or another system, while we check it", "less than an hour"),
        Kept(
            "your email address after you stop",
            f"{in_words(days[Period.ADDRESS_AFTER_END])}, so that you can change your mind",
        ),
        Kept("the record that you once said yes, without your address", in_words(days[Period.ROW_AFTER_END])),
        Kept(
            "which editions we sent to you", f"{in_words(days[Period.DELIVERIES])}, then only how many people got each"
        ),
        Kept("a scrambled form of the network you sent a form from, against misuse", "24 hours"),
        Kept("what you tell us in feedback, without who you are", in_words(days[Period.FEEDBACK])),
        Kept(
            "a complaint about your data, and how to answer you",
            f"until {in_words(days[Period.COMPLAINTS])} after we have dealt with it",
        ),
        Kept(
            "your name and postal address, if you ask for a paper copy",
            f"{in_words(days[Period.PAPER_COPIES])} after we post it, "
            f"and never more than {in_words(days[Period.PAPER_COPIES_AT_MOST])}",
        ),
        Kept(
            "if you ask us to delete everything: a scrambled form of your address",
            "for as long as we run the newsletters, so that nobody can put you on a list by mistake",
        ),
    )


def in_words(period: timedelta) -> str:
    """ "28 days", "1 year"."""
    years, rest = divmod(period.days, 365)
    if years and not rest:
        return f"{years} {'year' if years == 1 else 'years'}"
    return f"{period.days} days"


def is_review_due(partnership: Partnership, today: date) -> bool:
    """Whether the accessibility statement was not looked at for a year, or never."""
    reviewed = partnership.accessibility_reviewed_on
    return reviewed is None or reviewed + REVIEW_WITHIN <= today
