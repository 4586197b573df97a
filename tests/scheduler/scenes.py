"""What the clock finds in the database: a partnership with lists, cadences and updates that are due."""

from datetime import UTC, date, datetime

from newsletter.content.models import Partner, Partnership, PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.editions.models import Cadence
from subscribers.models import MailingList

FORTNIGHTLY = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
#: A Tuesday at ten, an hour after every story starts.
ANCHOR = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


def partnership(runtime: Runtime) -> None:
    """A partnership with one partner and one priority area."""
    with runtime.db.transaction() as session:
        session.add(
            Partnership(
                name="Sample SEND partnership",
                area="Sampleshire",
                publisher="Sampleshire Council",
                postal_address="1 Sample Street",
                phone="01632 960000",
                contact_email="send@example.org",
                website="https://example.org",
                help_text="Ask us.",
                local_authority_code=931,
            )
        )
        session.add(Partner(slug="council", name="Sampleshire Council", from_date=date(2020, 1, 1)))
        session.add(
            PriorityArea(number=1, name="Plans on time", description="Plans on time", from_date=date(2020, 1, 1))
        )


def mailing_list(runtime: Runtime, slug: str = "parents", *, rule: str = FORTNIGHTLY, next_due: datetime | None) -> int:
    """A list with a cadence; its id."""
    with runtime.db.transaction() as session:
        found = MailingList(
            slug=slug,
            name=f"SEND news for {slug}",
            audience=Audience.PROFESSIONALS if slug == "professionals" else Audience.PARENTS,
            summary="News.",
            frequency="about once a fortnight",
            sender_name="SEND news",
            sender_email="news@example.org",
            reply_to="reply@example.org",
            lawful_basis="consent",
        )
        session.add(found)
        session.flush()
        assert found.id is not None
        session.add(Cadence(mailing_list_id=found.id, rule=rule, anchor=ANCHOR, next_due=next_due))
        return found.id


def update(runtime: Runtime, title: str, *, from_date: date = date(2026, 11, 1)) -> None:
    """An update for both audiences."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        session.add(
            Update(
                priority_area_id=1,
                partner_id=1,
                owner="Head of SEND",
                parent_title=title,
                parent_body="More plans were on time.",
                professional_title=title,
                professional_body="More plans were on time.",
                from_date=from_date,
                created_at=now,
                updated_at=now,
            )
        )


def next_due(runtime: Runtime, mailing_list_id: int) -> datetime | None:
    with runtime.db.reading() as session:
        cadence = session.get(Cadence, mailing_list_id)
        assert cadence is not None
        return cadence.next_due
