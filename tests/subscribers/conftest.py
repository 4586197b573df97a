"""Two mailing lists with their wording, as every test of this room needs them."""

from dataclasses import dataclass

import pytest

from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from subscribers import lists
from subscribers.models import MailingList, School


@dataclass(frozen=True)
class Lists:
    parents: int
    professionals: int


def make_lists(runtime: Runtime) -> Lists:
    ids = []
    with runtime.db.transaction() as session:
        for position, audience in enumerate(Audience):
            mailing_list = MailingList(
                slug=audience.value,
                name=f"SEND news for {audience.value}",
                audience=audience,
                summary="What is getting better, and what is not yet.",
                frequency="about once a fortnight",
                sender_name="SEND partnership",
                sender_email="news@example.org",
                reply_to="send@example.org",
                lawful_basis="consent",
                position=position,
            )
            session.add(mailing_list)
            session.flush()
            assert mailing_list.id is not None
            ids.append(mailing_list.id)
            lists.add_wording(session, mailing_list, f"Get SEND news for {audience.value}.", now=runtime.clock.now())
        session.add(
            School(
                urn=123456,
                name="A primary school",
                type_name="Community school",
                phase_name="Primary",
                town="Oxford",
                postcode="OX1 1AA",
                local_authority_code=931,
            )
        )
    return Lists(*ids)


@pytest.fixture
def both(runtime: Runtime) -> Lists:
    return make_lists(runtime)
