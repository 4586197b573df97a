"""The partnership, its partners, priority areas and words: changed on a page, never over somebody else's work."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlmodel import select

from newsletter.content import glossary, partners
from newsletter.content.models import GlossaryTerm, Partner, Partnership, PriorityArea
from newsletter.staff.models import StaffRole, StaffRoleHeld
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.settings.forms import NASTY, Counted, errors, filled, logged

PARTNERSHIP = "/staff/settings/partnership"


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.ADMIN)


def test_a_new_name_is_on_the_next_page(door: Door, admin: Desk) -> None:
    form = {**filled(admin.get(PARTNERSHIP)), "name": "Exampleshire SEND board", "phone": "01632 960123"}
    answer = admin.post(PARTNERSHIP, form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PARTNERSHIP}?said=saved")
    assert "The partnership was saved" in admin.get(answer.headers["location"]).text
    assert "Exampleshire SEND board" in door.get("/").text
    assert logged(door.runtime) == [("change partnership", "", "name, phone")]


@pytest.mark.parametrize(
    ("colours", "sentence"),
    [
        ({"brand_colour": "#ffd500"}, "White words on this colour would be hard to read: the contrast is 1.42 to 1"),
        ({"tint_colour": "#808080"}, "Text on this background would be hard to read: the contrast is"),
        ({"tint_colour": "#f0b0b0"}, "Small print on this background would be hard to read: the contrast is"),
        ({"brand_colour": "#757575"}, "Links on this background would be hard to read: the contrast is"),
        ({"brand_colour": "red"}, "Write the colour as # and six digits, like #00594c"),
    ],
)
def test_colours_that_cannot_be_read_are_refused_with_their_contrast(
    door: Door, admin: Desk, colours: dict[str, str], sentence: str
) -> None:
    answer = admin.post(PARTNERSHIP, {**filled(admin.get(PARTNERSHIP)), **colours, "area": "Elsewhere"})
    assert answer.status_code == 422
    assert errors(answer)[0].startswith(sentence)
    assert filled(answer)["area"] == "Elsewhere"
    with door.runtime.db.reading() as session:
        assert partners.partnership(session).area == "Exampleshire"


@pytest.mark.parametrize("given", [{"brand_colour": "#ffd500"}, {"tint_colour": "#808080"}, {"tint_colour": "#f0b0b0"}])
def test_the_colour_that_is_offered_instead_is_taken(admin: Desk, given: dict[str, str]) -> None:
    form = {**filled(admin.get(PARTNERSHIP)), **given}
    offered = errors(admin.post(PARTNERSHIP, form))[0].removesuffix(" would do").rpartition(" ")[2]
    assert admin.post(PARTNERSHIP, {**form, next(iter(given)): offered}).status_code == 303


def test_everything_to_mend_is_said_at_once(admin: Desk) -> None:
    wrong = {"name": "", "contact_email": "nobody", "local_authority_code": "x", "help_text": "| a | table |\n|--|--|",
             "accessibility_reviewed_on": "31/2/2026", "website": "http://example.org"}  # fmt: skip
    found = errors(admin.post(PARTNERSHIP, {**filled(admin.get(PARTNERSHIP)), **wrong}))
    assert found[:2] == ["Enter the name of the partnership", "Local authority code must be a whole number"]
    assert "Enter an email address in the correct format, like name@example.com" in found
    assert "Must be a full address that starts with https://" in found
    assert "When accessibility was last checked must be a real date, like 27/3/2027" in found


def test_a_check_of_accessibility_has_happened(admin: Desk) -> None:
    form = {**filled(admin.get(PARTNERSHIP)), "accessibility_reviewed_on": "1/1/2027"}
    assert errors(admin.post(PARTNERSHIP, form)) == ["The accessibility check cannot lie in the future"]
    assert admin.post(PARTNERSHIP, {**form, "accessibility_reviewed_on": "2 November 2026"}).status_code == 303


def test_two_administrators_do_not_overwrite_each_other(door: Door, admin: Desk, desk: Callable[..., Desk]) -> None:
    second = desk(StaffRole.ADMIN, email="second@example.org")
    mine, theirs = filled(admin.get(PARTNERSHIP)), filled(second.get(PARTNERSHIP))
    second.post(PARTNERSHIP, {**theirs, "name": "Their name"})
    answer = admin.post(PARTNERSHIP, {**mine, "name": "My name"})
    assert answer.status_code == 409
    assert errors(answer)[0].startswith("Somebody else changed this while you were writing")
    assert "Their name" in answer.text
    assert filled(answer)["name"] == "My name"
    assert admin.post(PARTNERSHIP, filled(answer)).status_code == 303
    with door.runtime.db.reading() as session:
        assert partners.partnership(session).name == "My name"


def test_an_empty_installation_gets_its_partnership_here(door: Door, admin: Desk) -> None:
    with door.runtime.db.transaction() as session:
        before = partners.partnership(session).model_dump(exclude={"id"})
        session.delete(partners.partnership(session))
    given = {name: str(value or "") for name, value in before.items()}
    assert admin.post(PARTNERSHIP, {**filled(admin.get(PARTNERSHIP)), **given}).status_code == 303
    with door.runtime.db.reading() as session:
        assert session.exec(select(Partnership)).one().name == "Example SEND partnership"


class TestPartnersAndAreas:
    def test_a_partner_is_added_renamed_by_mistake_and_mended(self, door: Door, admin: Desk) -> None:
        answer = admin.post("/staff/settings/partners/new", {"name": NASTY, "from_date": "1/7/2022"})
        assert answer.status_code == 303
        page = admin.get("/staff/settings/partners")
        assert "&lt;script&gt;alert(" in page.text
        assert "<script>alert(" not in page.text
        with door.runtime.db.reading() as session:
            partner = session.exec(select(Partner)).one()
        path = f"/staff/settings/partners/{partner.id}"
        assert filled(admin.get(path))["name"] == NASTY
        form = {**filled(admin.get(path)), "name": "NHS Board", "until_date": "30/6/2027"}
        assert admin.post(path, form).status_code == 303
        assert "until 30 June 2027" in admin.get("/staff/settings/partners").text
        assert [entry[0] for entry in logged(door.runtime)] == ["add partner", "change partner"]

    def test_a_partner_may_want_to_approve_its_texts(self, door: Door, admin: Desk) -> None:
        form = {"name": "Board", "from_date": "1/7/2022", "approves_texts": "yes"}
        admin.post("/staff/settings/partners/new", form)
        with door.runtime.db.reading() as session:
            partner = session.exec(select(Partner)).one()
        path = f"/staff/settings/partners/{partner.id}"
        shown = filled(admin.get(path))
        assert (partner.approves_texts, shown.pop("approves_texts", "")) == (True, "yes")
        assert admin.post(path, shown).status_code == 303
        assert "approves_texts" not in filled(admin.get(path))

    def test_one_name_stands_once_on_a_day(self, admin: Desk) -> None:
        new = "/staff/settings/partners/new"
        admin.post(new, {"name": "NHS Board", "from_date": "1/7/2022", "until_date": "1/7/2026"})
        answer = admin.post(new, {"name": "nhs board", "from_date": "1/7/2026"})
        assert errors(answer) == ["“nhs board” is a partner on some of these days already"]
        assert admin.post(new, {"name": "NHS Board", "from_date": "2/7/2026"}).status_code == 303

    def test_the_last_day_is_after_the_first(self, admin: Desk) -> None:
        answer = admin.post(
            "/staff/settings/partners/new", {"name": "Board", "from_date": "2/7/2026", "until_date": "1/7/2026"}
        )
        assert errors(answer) == ["The last day must be on or after the first day"]

    def test_a_number_is_one_area_at_a_time(self, door: Door, admin: Desk) -> None:
        new = "/staff/settings/priority-areas/new"
        first = {"number": "1", "name": "On time", "description": "Plans on time.", "from_date": "1/1/2026"}
        assert admin.post(new, first).status_code == 303
        assert "has this number" in errors(admin.post(new, {**first, "name": "Other"}))[0]
        with door.runtime.db.reading() as session:
            path = f"/staff/settings/priority-areas/{session.exec(select(PriorityArea.id)).one()}"
        assert admin.post(path, {**filled(admin.get(path)), "until_date": "31/12/2026"}).status_code == 303
        assert admin.post(new, {**first, "name": "Other", "from_date": "1/1/2027"}).status_code == 303

    def test_what_does_not_exist_is_not_found(self, admin: Desk) -> None:
        for path in ("partners/99", "priority-areas/99", "glossary/99", "partners/99999999999999999999"):
            assert admin.get(f"/staff/settings/{path}").status_code in (404, 422)


class TestGlossary:
    def test_a_term_is_added_changed_and_ended(self, door: Door, admin: Desk) -> None:
        new = "/staff/settings/glossary/new"
        given = {"term": "EHCP", "expansion": "education plan", "explanation": "'A' \"plan\" =1+1"}
        assert "HTML" in errors(admin.post(new, {**filled(admin.get(new)), **given, "explanation": NASTY}))[0]
        assert admin.post(new, {**filled(admin.get(new)), **given}).status_code == 303
        assert errors(admin.post(new, {**filled(admin.get(new)), **given})) == [
            "“EHCP” is in the glossary already. Change it there"
        ]
        with door.runtime.db.reading() as session:
            path = f"/staff/settings/glossary/{session.exec(select(GlossaryTerm.id)).one()}"
        form = {**filled(admin.get(path)), "expansion": "education, health and care plan", "until_date": "1/12/2026"}
        assert admin.post(path, form).status_code == 303
        assert "<script>alert" not in door.get("/glossary").text
        with door.runtime.db.reading() as session:
            assert glossary.standing(session, date(2026, 12, 2)) == []

    def test_a_long_glossary_comes_in_pages_with_few_queries(self, door: Door, admin: Desk) -> None:
        with door.runtime.db.transaction() as session:
            for number in range(120):
                session.add(GlossaryTerm(term=f"T{number:03}", explanation="Some.", from_date=date(2026, 1, 1)))
        with Counted(door.runtime) as seen:
            page = admin.get("/staff/settings/glossary?page=2")
        assert seen.number <= 6
        assert ("T050" in page.text, "T049" in page.text, "T100" in page.text) == (True, False, False)


def test_a_role_for_one_list_changes_nothing_that_concerns_all(door: Door, desk: Callable[..., Desk]) -> None:
    somebody = desk(StaffRole.ADMIN)
    with door.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == somebody.staff_id)).one()
        held.mailing_list_id = 1
        session.add(held)
    for end in ("partnership", "partners", "partners/new", "priority-areas", "glossary", "calendar", "keys"):
        assert somebody.get(f"/staff/settings/{end}").status_code == 403, end
    assert somebody.post("/staff/settings/partners/new", {"name": "X", "from_date": "1/1/2026"}).status_code == 403
    assert somebody.get("/staff/settings/lists/1").status_code == 200
    assert somebody.get("/staff/settings/lists/2").status_code == 403
    assert somebody.post("/staff/settings/lists/2", {}).status_code == 403
    assert "professionals" not in somebody.get("/staff/settings/lists").text.partition("<main")[2]
    assert "/staff/settings/keys" not in somebody.get("/staff/settings").text
