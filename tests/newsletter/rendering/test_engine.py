"""What the engine promises about any content: it arrives as written, or is refused with a sentence."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput, RenderError
from newsletter.rendering.engine import Engine, render, templates_directory
from newsletter.rendering.mails import EditionMail, SectionBlock, UpdateBlock
from tests.newsletter.rendering.reading import Page
from tests.newsletter.rendering.samples import EDITION, LETTERHEAD, MAILS, PROFESSIONAL_EDITION, edition_of


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return Path(shutil.copytree(templates_directory(), tmp_path / "email"))


def with_update(**changes: object) -> EditionMail:
    update = replace(UpdateBlock("update-1", "A title", "A body.", "A council"), **changes)  # type: ignore[arg-type]
    section = SectionBlock("priority-1", 1, "An area", (update,))
    return replace(EDITION, sections=(section,), responses=(), events=())


class TestContent:
    @settings(max_examples=60)
    @given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=60))
    def test_a_title_arrives_as_written(self, title: str) -> None:
        mail = with_update(title=title)
        if "[[" in title or "\ufffe" in title or "\uffff" in title:
            return
        rendered = render(mail)
        shown = "".join(run.text for run in Page(rendered.html).seen if run.element == "h3")
        assert shown.split() == title.split()
        assert " ".join(title.split()) in " ".join(rendered.text.split())

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", "[[leave_url]]"),
            ("title", "two\nlines"),
            ("organisation", "A \x00 council"),
            ("evidence_url", "javascript:alert(1)"),
            ("body", "<script>"),
        ],
    )
    def test_what_cannot_stand_in_a_mail_is_refused(self, field: str, value: str) -> None:
        with pytest.raises(InvalidInput):
            render(with_update(**{field: value}))

    def test_a_subject_of_two_lines_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="one line"):
            render(replace(EDITION, subject="One\nBcc: everybody"))

    def test_a_colour_that_is_none_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="not a colour"):
            render(replace(EDITION, letterhead=replace(LETTERHEAD, brand_colour="red")))

    def test_the_same_mail_gives_the_same_bytes(self) -> None:
        assert render(EDITION) == render(EDITION)


class TestEdition:
    def test_contents_link_to_at_most_eight_updates_from_all_sections(self) -> None:
        mail = edition_of(30)
        contents = [update.anchor for update in mail.contents]
        assert len(contents) == 8
        assert {anchor for section in mail.sections for anchor in [section.updates[0].anchor]} <= set(contents)
        assert contents == [update.anchor for update in mail.updates if update.anchor in contents]
        assert "And 22 more updates." in render(mail).text

    def test_each_link_of_the_contents_leads_to_its_update(self) -> None:
        page = Page(render(edition_of(30)).html)
        anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
        assert {link[1:] for link in page.links if link.startswith("#")} <= anchors

    def test_actions_come_soonest_first_and_before_the_sections(self) -> None:
        text = render(PROFESSIONAL_EDITION).text
        assert (
            text.index("In this edition")
            < text.index("Actions for you")
            < text.index("By Friday 22 December 2023")
            < text.index("By Friday 12 January 2024")
            < text.index("Priority 1")
        )

    def test_an_action_without_a_date_comes_last(self) -> None:
        mail = with_update(action="Tell a colleague")
        assert "When you can" in render(mail).text
        later = replace(mail.updates[0], anchor="update-2", action_by=date(2024, 5, 1))
        section = replace(mail.sections[0], updates=(mail.updates[0], later))
        assert [update.anchor for update in replace(mail, sections=(section,)).actions] == ["update-2", "update-1"]

    def test_parents_see_no_heading_for_actions_they_do_not_have(self) -> None:
        assert "Actions for you" not in render(EDITION).html

    def test_one_update_needs_no_contents(self) -> None:
        assert "In this edition" not in render(with_update()).text


class TestBrokenTemplates:
    def test_a_syntax_error_names_template_and_line(self, templates: Path) -> None:
        path = templates / "welcome.mjml"
        path.write_text(path.read_text().replace("{% block heading %}", "{% blok heading %}"))
        with pytest.raises(RenderError, match=r"welcome.mjml, line 3") as broken:
            Engine(templates).render(MAILS["welcome"])
        assert (broken.value.template, broken.value.line) == ("welcome.mjml", 3)

    def test_a_value_that_does_not_exist_names_template_and_line(self, templates: Path) -> None:
        (templates / "partials" / "imprint.txt").write_text("Published by\n{{ letterhead.publishr }}\n")
        with pytest.raises(RenderError, match=r"imprint.txt, line 2.*publishr") as broken:
            Engine(templates).render(MAILS["goodbye"])
        assert (broken.value.template, broken.value.line) == ("imprint.txt", 2)

    def test_mjml_that_is_not_closed_names_the_template(self, templates: Path) -> None:
        path = templates / "confirm.mjml"
        path.write_text(path.read_text().replace("</mj-button>", ""))
        with pytest.raises(RenderError, match=r"confirm.mjml is not well-formed MJML.*not closed") as broken:
            Engine(templates).render(MAILS["confirm"])
        assert broken.value.template == "confirm.mjml"

    def test_a_template_that_is_not_there_is_named(self, templates: Path) -> None:
        (templates / "already.txt").unlink()
        with pytest.raises(RenderError, match=r"no template already.txt"):
            Engine(templates).render(MAILS["already"])

    def test_a_text_template_without_its_subject_is_named(self, templates: Path) -> None:
        (templates / "already.txt").write_text("You are already signed up\n")
        with pytest.raises(RenderError, match=r"already.txt, line 1: the first line must be “Subject: …”"):
            Engine(templates).render(MAILS["already"])
