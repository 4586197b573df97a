"""Every mail template: the words are there in every form and order, it can be read, and nothing in it is remote.

The words are looked for because MJML drops a tag that it does not know without a word of complaint.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.editions import checks
from newsletter.rendering import message
from newsletter.rendering.colours import AA
from newsletter.rendering.engine import render, templates_directory
from newsletter.rendering.mails import SLOTS, Mail
from tests.newsletter.rendering.reading import Page, words
from tests.newsletter.rendering.samples import (
    EDITION,
    EVENTS,
    LETTERHEAD,
    MAILS,
    RESPONSES,
    SLOT_VALUES,
    edition_of,
)
from tests.newsletter.rendering.test_message import HEADERS, NOW

#: Gmail cuts a message off after 102 kB.
MOST_BYTES = 102_400

EVERY_MAIL = [
    "Oxfordshire SEND partnership",
    "SEND news for",
    "Published by Oxfordshire County Council for the partnership",
    "County Hall, New Road, Oxford OX1 1ND",
    "Phone 01632 960 100 or email send-news@example.org",
    "in large print or on paper",
    "Privacy",
    "Accessibility",
    "All editions",
]
PERSONAL_LINKS = ["Stop these emails", "Change your details"]
EXPECTED = {
    "edition": [
        "Edition 1 · 18 December 2023",
        "Read on the web",
        "Work to make services better has begun.",
        "In this edition",
        "Priority 3",
        "Education, health and care plans on time",
        "52 in every 100 assessments finished within 20 weeks",
        "That still leaves 48 families in every 100 waiting longer.",
        "See the figures",
        "in schools and colleges",
        "You can also tell us what you think without coming.",
        "You said, we did",
        "14 people told us, 1 September to 31 October 2023",
        "We are doing",
        "We will finish by 1 March 2024.",
        "We will not do this",
        "Why: The rooms are closed at the weekend.",
        "Decided by: Head of SEND",
        "Dates for you",
        "Tuesday 16 January 2024, 6:30pm to 8pm",
        "Where: County Hall, New Road, Oxford OX1 1ND, or online",
        "Cost: Free",
        "Access: There is a lift, a quiet room and a hearing loop.",
        "If you need changes to take part: Call 01632 960 100.",
        "Booking: Book by 12 January.",
        "Book a place",
        "If you cannot come: Reply to this email, and we read your answer out.",
        "More about this date",
        "Add it to your calendar",
        "All dates",
        "Where to get help",
        "You get this email because you asked for SEND news for parents and carers. It comes about once a fortnight.",
        *PERSONAL_LINKS,
    ],
    "professional-edition": [
        "Actions for you",
        "By Friday 22 December 2023",
        "Share the plan with your governors.",
        "It comes every half term.",
        *PERSONAL_LINKS,
    ],
    "correction-edition": [
        "Edition 2 · 20 December 2023",
        "Read on the web",
        "We have put something right in edition 1",
        "We gave the wrong closing time.",
        "It said: “until 6pm on weekdays”",
        "It now says: “until 7pm on weekdays”",
        "Read edition 1 as it is now",
        "Where to get help",
        *PERSONAL_LINKS,
    ],
    "confirm": [
        "Confirm your email address",
        "Continue to confirm",
        "This link works for 7 days.",
        "[[code]]",
        "The code works for 30 minutes.",
        "If you did not ask for this, do nothing.",
    ],
    "reminder": [
        "You have not finished signing up",
        "Continue to confirm",
        "The link works for at least 4 more days.",
        "We will not remind you again.",
    ],
    "already": ["You are already signed up", "there is nothing to do", *PERSONAL_LINKS],
    "welcome": [
        "Thank you. You are signed up",
        "about once a fortnight",
        "A person reads every reply.",
        "You can stop at any time",
        *PERSONAL_LINKS,
    ],
    "goodbye": ["Your emails have stopped", "Sign up again", "read every edition on the web"],
    "new-address": [
        "Confirm your new email address",
        "stop sending it to the old one",
        "Continue to confirm",
        "[[code]]",
        "If you did not ask for this, do nothing.",
    ],
    "address-changed": [
        "Your email address was changed",
        "If this was not you",
        "Send my emails here again",
        "This link works for 28 days",
    ],
    "still-on": ["Your emails go on", "There is nothing to do.", "Do you want to stop?", "Stop these emails"],
    "still-you": ["Are these emails still for you?", "If you do nothing, the emails go on.", *PERSONAL_LINKS],
    "still-you-reminder": ["We asked you this four weeks ago.", "Tell us what you want", *PERSONAL_LINKS],
    "hand-over": ["A colleague has handed these emails over to you", "for 7 days", "We will not sign you up."],
}
USED_SLOTS = {
    "edition": {"leave_url", "manage_url"},
    "professional-edition": {"leave_url", "manage_url"},
    "correction-edition": {"leave_url", "manage_url"},
    "confirm": {"confirm_url", "code"},
    "reminder": {"confirm_url"},
    "already": {"leave_url", "manage_url"},
    "welcome": {"leave_url", "manage_url"},
    "goodbye": set(),
    "new-address": {"confirm_url", "code"},
    "address-changed": {"leave_url"},
    "still-on": {"leave_url"},
    "still-you": {"leave_url", "manage_url", "still_you_url"},
    "still-you-reminder": {"leave_url", "manage_url", "still_you_url"},
    "hand-over": {"confirm_url"},
}
ALLOWED_TAGS = {
    "mjml", "mj-head", "mj-title", "mj-preview", "mj-raw", "mj-attributes", "mj-all", "mj-style", "mj-body",
    "mj-section", "mj-column", "mj-text", "mj-divider", "mj-button",
}  # fmt: skip


@pytest.fixture(params=MAILS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mail(name: str) -> Mail:
    return MAILS[name]


def one_line(text: str) -> str:
    return " ".join(text.split())


class TestWords:
    def test_everything_it_must_say_is_in_every_form(self, name: str, mail: Mail) -> None:
        rendered = render(mail)
        shown = one_line(" ".join(run.text for run in Page(rendered.html).seen))
        # Links and dots between them are written differently in each form.
        for form in (
            shown,
            one_line(rendered.text),
            one_line(re.sub(r"\[([^\[\]]+)\]\([^)]*\)", r"\1", rendered.markdown)),
        ):
            for expected in EVERY_MAIL + EXPECTED[name]:
                assert expected in form

    def test_all_forms_say_the_same_in_the_same_order(self, mail: Mail) -> None:
        rendered = render(mail)
        read = Page(rendered.html).words
        assert read == words(rendered.text)
        assert read == words(re.sub(r"\[([^\[\]]+)\]\((?:[^()]*)\)", r" \1 ", rendered.markdown))

    def test_all_forms_have_the_same_slots(self, name: str, mail: Mail) -> None:
        rendered = render(mail)
        for form in (rendered.html, rendered.text, rendered.markdown):
            assert set(message.MARK.findall(form)) == USED_SLOTS[name]
            assert set(re.findall(r"\[\[(\w+)\]\]", form)) <= SLOTS

    def test_nothing_a_template_engine_left_behind_is_seen(self, mail: Mail) -> None:
        rendered = render(mail)
        for form in (rendered.subject, rendered.html, rendered.text, rendered.markdown):
            assert not re.search(r"\{\{|\}\}|\{%|%\}|Undefined|&amp;(amp|lt|gt|#39|quot);|None", form)
        assert not re.search(r"<[a-z/]", rendered.text)
        assert not re.search(r"<[a-z/]", rendered.markdown)

    def test_subjects_tell_nobody_about_a_child(self, mail: Mail) -> None:
        subject = render(mail).subject
        assert 10 < len(subject) <= 120
        assert not re.search(r"\b(your|my) (child|son|daughter|family)", subject, re.IGNORECASE)

    def test_service_mails_name_their_newsletter_in_the_subject(self, name: str, mail: Mail) -> None:
        assert "edition" in name or LETTERHEAD.list_name in render(mail).subject


class TestHtml:
    def test_headings_are_in_order(self, mail: Mail) -> None:
        levels = Page(render(mail).html).headings
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))

    def test_it_says_its_language_and_title(self, mail: Mail) -> None:
        rendered = render(mail)
        assert rendered.html.startswith('<!doctype html><html lang="en-GB"')
        title = re.search(r"<title>(.*?)</title>", rendered.html)
        assert title
        assert title[1] == rendered.subject

    def test_tables_are_only_for_layout(self, mail: Mail) -> None:
        for tag, attributes in Page(render(mail).html).elements:
            assert tag != "table" or attributes["role"] == "presentation"

    def test_nothing_is_remote(self, mail: Mail) -> None:
        html = render(mail).html
        assert not re.search(r"<(img|link|script|iframe|object|embed|video|audio|form|input|base|svg|v:)", html)
        assert not re.search(r"\b(src|srcset|background|poster|data|action)=|url\(|@import|@font-face", html)
        assert not re.search(r"\bon\w+=", html)

    def test_every_link_leads_somewhere(self, mail: Mail) -> None:
        page = Page(render(mail).html)
        anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
        assert page.links
        for link in page.links:
            assert re.match(r"https://|mailto:|tel:\d|\[\[\w+\]\]([/?][\w=]+)?$", link) or link[1:] in anchors

    def test_every_text_can_be_read_against_its_background(self, mail: Mail) -> None:
        for run in Page(render(mail).html).seen:
            assert run.contrast >= AA, run

    def test_it_is_whole_without_its_style_element(self, mail: Mail) -> None:
        """Every text has its size, family and colour from inline styles."""
        html = re.sub(r"<style.*?</style>", "", render(mail).html, flags=re.DOTALL)
        texts = re.findall(r'<div style="(font-family:Arial[^"]*)">', html)
        assert texts
        for style in texts:
            assert re.search(r"font-size:(\d+)px", style)
            assert re.search(r"color:#", style)

    def test_no_text_is_small(self, mail: Mail) -> None:
        sizes = [int(size) for size in re.findall(r"font-size:(\d+)px", render(mail).html)]
        assert all(size >= 16 for size in sizes if size > 1)  # 0 and 1: spacing cells and the hidden preheader

    def test_the_way_out_is_as_large_as_the_text(self) -> None:
        html = render(MAILS["edition"]).html
        before = html[: html.index("Stop these emails")]
        assert before[before.rindex("font-size:") :].startswith("font-size:18px")

    def test_dark_mode_changes_colours_and_nothing_else(self, mail: Mail) -> None:
        style = re.search(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", render(mail).html, re.DOTALL)
        assert style
        assert set(re.findall(r"([a-z-]+):\s*#", style[1])) <= {"color", "background", "border-color"}
        assert "#000000" not in style[1]


class TestKindsOfContent:
    def test_answers_and_dates_stand_between_the_news_and_the_help(self) -> None:
        for form in (render(MAILS["edition"]).html, render(MAILS["edition"]).text):
            places = [
                form.rindex(words)
                for words in ("Ofsted has approved", "You said, we did</h2>", "Dates for you</h2>", "Where to get help")
                if words in form
            ]
            assert len(places) >= 2
            assert places == sorted(places)

    def test_calendar_and_page_are_the_same_for_everybody(self) -> None:
        links = [link for link in Page(render(MAILS["edition"]).html).links if "/events/" in link]
        assert links == [
            f"https://news.example.org{path}"
            for event in EDITION.events
            for path in (event.page_path, event.calendar_path)
        ]


class TestSize:
    def test_eight_dates_and_five_answers_leave_room_for_twenty_updates(self) -> None:
        full = replace(edition_of(20), events=EVENTS[:1] * 8, responses=RESPONSES[:1] * 5)
        assert checks.as_sent_bytes(render(full)) < MOST_BYTES

    def test_thirty_updates_fit_under_the_limit_as_sent(self) -> None:
        compiled = message.compile(
            render(edition_of(30)),
            sender="News <news@example.org>",
            reply_to="a@example.org",
            headers=HEADERS,
            date=NOW,
        )
        mime = compiled.fill(
            to="reader@example.org", message_id="a@example.org", slots=SLOT_VALUES, leave_url=SLOT_VALUES["leave_url"]
        )
        assert mime.size_bytes == len(bytes(mime)) < MOST_BYTES


def sources() -> list[Path]:
    return sorted(templates_directory().rglob("*.mjml"))


class TestSources:
    @pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
    def test_only_tags_that_mjml_knows_are_used(self, path: Path) -> None:
        assert set(re.findall(r"</?(mj[\w-]*)", path.read_text())) <= ALLOWED_TAGS

    @pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
    def test_no_element_depends_on_a_link_or_style_from_elsewhere(self, path: Path) -> None:
        assert not re.search(r"mj-include|mj-font|mj-image|mj-social|mj-carousel|url\(|@import", path.read_text())

    def test_every_mail_has_both_templates(self) -> None:
        for mail in MAILS.values():
            for suffix in (".mjml", ".txt"):
                assert (templates_directory() / f"{mail.template}{suffix}").is_file()
