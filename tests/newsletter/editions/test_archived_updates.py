"""An update that was put away goes into no edition, and stays in those that have it."""

import pytest

from newsletter.content import updates
from newsletter.core.errors import InvalidInput
from newsletter.editions import choosing, offering
from tests.newsletter.editions.world import TODAY, World


def test_an_archived_update_is_neither_taken_nor_offered(world: World) -> None:
    with world.runtime.db.transaction() as session:
        away = world.write(session, "Put away").id or 0
        world.write(session, "Still news")
        updates.archive(session, away, now=world.now)
        made = world.assemble(session)
        assert [one.title for one in made.chosen] == ["Still news"]
        assert made.left_out == []
        assert made.edition is not None
        assert made.edition.id is not None
        assert offering.updates(session, made.edition, on=TODAY) == ([], 0)
        with pytest.raises(InvalidInput, match="archived"):
            choosing.add(session, made.edition.id, away, now=world.now)
        updates.bring_back(session, away)
        offered, total = offering.updates(session, made.edition, on=TODAY)
        assert ([one.id for one in offered], total) == ([away], 1)


def test_an_edition_keeps_what_is_archived_later(world: World) -> None:
    with world.runtime.db.transaction() as session:
        one = world.write(session).id or 0
        made = world.assemble(session)
        updates.archive(session, one, now=world.now)
        assert made.edition is not None
        assert list(choosing.inside(session, made.edition.id or 0)) == [one]


def test_a_page_beyond_the_last_has_nothing_and_knows_how_many_there_are(world: World) -> None:
    with world.runtime.db.transaction() as session:
        world.write(session)
        made = world.assemble(session)
        assert made.edition is not None
        for number in range(offering.MOST + 1):
            world.write(session, f"Later news {number}")
        pages = [offering.updates(session, made.edition, on=TODAY, page=page) for page in (1, 2, 3)]
        assert [(len(offered), total) for offered, total in pages] == [(20, 21), (1, 21), (0, 21)]
