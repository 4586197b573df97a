"""Mailing lists, the versions of what their forms say, and mailboxes that several people read."""

import pytest

from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.core.runtime import Runtime
from subscribers import lists
from subscribers.mailboxes import is_shared_mailbox
from subscribers.models import MailingList, Wording
from tests.subscribers.conftest import Lists


def reword(runtime: Runtime, mailing_list_id: int, text: str) -> Wording:
    with runtime.db.transaction() as session:
        return lists.add_wording(session, lists.by_id(session, mailing_list_id), text, now=runtime.clock.now())


def test_lists_are_found_by_name_and_number_in_the_order_of_the_home_page(runtime: Runtime, both: Lists) -> None:
    with runtime.db.transaction() as session:
        lists.by_slug(session, "parents").position = 9
    with runtime.db.reading() as session:
        assert [mailing_list.slug for mailing_list in lists.all_lists(session)] == ["professionals", "parents"]
        assert lists.by_slug(session, "parents").id == both.parents
        assert lists.by_id(session, both.parents).slug == "parents"
        with pytest.raises(NotFound, match="professionals, parents"):
            lists.by_slug(session, "pupils")
        with pytest.raises(NotFound):
            lists.by_id(session, 99)


def test_a_wording_is_never_changed_only_followed_by_another(runtime: Runtime, both: Lists) -> None:
    assert reword(runtime, both.parents, "  Get SEND news for parents. ").version == 1
    assert reword(runtime, both.parents, "Second").version == 2
    assert reword(runtime, both.parents, "Second").version == 2
    back = reword(runtime, both.parents, "Get SEND news for parents.")
    assert back.version == 3
    with runtime.db.reading() as session:
        assert lists.current_wording(session, both.parents).id == back.id
        assert lists.current_wording(session, both.professionals).version == 1


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001, "nul\0nul"])
def test_what_is_no_wording_is_refused(runtime: Runtime, both: Lists, text: str) -> None:
    with pytest.raises(InvalidInput):
        reword(runtime, both.parents, text)


def test_a_list_without_wording_says_what_to_do(runtime: Runtime, both: Lists) -> None:
    with runtime.db.transaction() as session:
        template = lists.by_id(session, both.parents).model_dump(exclude={"id", "slug"})
        new = MailingList(slug="young-people", **template)
        session.add(new)
        session.flush()
        assert new.id is not None
        with pytest.raises(WrongState, match="Add one"):
            lists.current_wording(session, new.id)


@pytest.mark.parametrize(
    ("address", "is_shared"),
    [
        ("senco@example.org", True), ("SENCO2@example.org", True), ("head.senco@example.org", True),
        ("office@example.org", True), ("school-office+news@example.org", True), ("head@example.org", True),
        ("info@example.org", True), ("parent-one@example.org", False), ("m.head@example.org", False),
        ("sender@example.org", False), ("officer@example.org", False), ("infocus@example.org", False),
        ("", False),
    ],
)  # fmt: skip
def test_mailboxes_that_several_people_read_are_noticed(address: str, is_shared: bool) -> None:
    assert is_shared_mailbox(address) is is_shared
