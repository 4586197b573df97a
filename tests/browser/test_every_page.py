"""Every public page, in every state a reader can meet, looked at by axe on a desktop and on a small phone."""

from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from newsletter.core.tokens import Purpose
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web import town

LONG_ADDRESS = f"a.person.with.a.very.long.name.indeed.{'x' * 20}@mail.department.of.things.example.org"


def personal(site: Site, purpose: Purpose, *, slug: str = "parents", confirmed: bool = True) -> str:
    return town.token(
        site.runtime, purpose, town.subscriber(site.runtime, "reader@example.org", slug=slug, confirmed=confirmed)
    )


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("home", "/"),
        ("parents", "/parents"),
        ("professionals", "/professionals"),
        ("editions", "/editions"),
        ("editions-parents", "/editions/parents"),
        ("edition", "/editions/parents/2026-10-19"),
        ("edition-professionals", "/editions/professionals/2026-11-02"),
        ("privacy", "/privacy"),
        ("accessibility", "/accessibility"),
        ("outbox-empty", "/outbox"),
        ("not-found", "/editions/parents/never"),
        ("check-your-email-without-address", "/parents/check-your-email"),
        ("broken-link", "/leave/broken"),
    ],
)
def test_pages_that_anybody_can_open(name: str, path: str, visitor: Visitor) -> None:
    visitor.open(path)
    visitor.look(name)


def test_the_parents_form_with_a_mistake(visitor: Visitor) -> None:
    visitor.open("/parents")
    visitor.page.get_by_label("Email address").fill("not an address")
    visitor.press("Sign up")
    assert visitor.page.title().startswith("Error: ")
    assert visitor.page.get_by_label("Email address").input_value() == "not an address"
    assert visitor.page.evaluate("document.activeElement.className").startswith("govuk-error-summary")
    visitor.look("parents-error")


def test_the_parents_form_with_a_likely_typing_error(visitor: Visitor) -> None:
    visitor.open("/parents")
    visitor.page.get_by_label("Email address").fill("a.reader.with.a.long.name@gmial.com")
    visitor.press("Sign up")
    visitor.look("parents-typo")
    visitor.press("No, keep a.reader.with.a.long.name@gmial.com")
    assert visitor.heading() == "Check your email"


def test_the_professionals_form_with_mistakes(visitor: Visitor) -> None:
    visitor.open("/professionals")
    visitor.press("Sign up")
    assert visitor.page.get_by_role("alert").get_by_role("link").count() == 3
    visitor.look("professionals-error")


def test_check_your_email_with_and_without_a_wrong_code(visitor: Visitor) -> None:
    visitor.open("/parents")
    visitor.page.get_by_label("Email address").fill(LONG_ADDRESS)
    visitor.press("Sign up")
    assert LONG_ADDRESS in visitor.page.content()
    assert LONG_ADDRESS not in visitor.page.url
    visitor.look("check-your-email")
    visitor.press("Send it again")
    visitor.look("check-your-email-again")
    visitor.page.get_by_label("Code of 6 digits").fill("12")
    visitor.press("Start my emails")
    assert visitor.page.title().startswith("Error: ")
    visitor.look("check-your-email-error")


def test_confirming_by_link(visitor: Visitor) -> None:
    visitor.open(f"/confirm/{personal(visitor.site, Purpose.CONFIRM, confirmed=False)}")
    assert visitor.heading() == "One more step"
    visitor.look("confirm")
    visitor.press("Start my emails")
    assert visitor.heading() == "Your emails have started"
    visitor.look("confirmed")


def test_not_having_asked(visitor: Visitor) -> None:
    visitor.open(f"/confirm/{personal(visitor.site, Purpose.CONFIRM, confirmed=False)}")
    visitor.press("I did not ask for this")
    visitor.look("not-me")


def test_an_expired_link(visitor: Visitor) -> None:
    token = personal(visitor.site, Purpose.CONFIRM, confirmed=False)
    visitor.site.runtime.clock.move(town.WEEK)  # type: ignore[attr-defined]
    visitor.open(f"/confirm/{token}")
    assert visitor.heading() == "This link has expired"
    visitor.look("expired")
    visitor.press("Get a new link")
    assert visitor.heading() == "Check your email"


def test_leaving_and_coming_back(visitor: Visitor) -> None:
    visitor.open(f"/leave/{personal(visitor.site, Purpose.LEAVE)}")
    assert visitor.heading() == "Stop getting SEND news for parents and carers"
    visitor.look("leave")
    visitor.press("Stop these emails")
    assert visitor.heading() == "Your emails have stopped"
    visitor.look("left")
    visitor.press("Sign up again")
    assert visitor.heading() == "Check your email"


def test_managing(visitor: Visitor) -> None:
    visitor.open(f"/manage/{personal(visitor.site, Purpose.MANAGE, slug='professionals')}")
    visitor.look("manage-professionals")
    visitor.page.get_by_label("Health worker").check()
    visitor.press("Save my answers")
    assert "Your answers are saved" in visitor.page.content()
    visitor.look("manage-saved")


def test_managing_as_a_parent(visitor: Visitor) -> None:
    visitor.open(f"/manage/{personal(visitor.site, Purpose.MANAGE)}")
    visitor.look("manage-parents")


def test_reading_the_outbox(visitor: Visitor) -> None:
    directory = visitor.site.runtime.settings.data_dir / "outbox"
    directory.mkdir()
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "One more step for SEND news"
    message["From"] = "SEND news <news@example.org>"
    message["To"] = LONG_ADDRESS
    message["Date"] = "Tue, 03 Nov 2026 09:00:00 +0000"
    link = f"{visitor.site.base_url}/confirm/{'x' * 43}"
    message.set_content(f"Open this link: {link}\n")
    message.add_alternative(
        f'<!doctype html><html lang="en-GB"><head><title>One more step</title><style>a{{color:#00594c}}</style></head>'
        f'<body><main><h1 style="color:#00594c">One more step</h1><p><a href="{link}">Continue to confirm</a></p>'
        '<img src="https://tracker.example.org/pixel.gif" alt=""></main></body></html>',
        subtype="html",
    )
    (directory / "20261103T090000000000-1-abcd.eml").write_bytes(bytes(message))
    visitor.open("/outbox")
    visitor.look("outbox")
    visitor.page.get_by_role("link", name="One more step").click()
    frame = visitor.page.frame_locator("iframe")
    assert frame.get_by_role("heading").inner_text() == "One more step"
    assert frame.locator("h1").evaluate("element => getComputedStyle(element).color") == "rgb(0, 89, 76)"
    visitor.look("outbox-message")
    assert visitor.page.get_by_role("link", name=link).count() == 1
    with visitor.context.expect_page() as opened:
        frame.get_by_role("link").click()
    assert opened.value.url == link
    # What remains is the frame's policy at work: the picture from elsewhere, and our own test tools' scripts, refused.
    expected = ("tracker.example.org", "Blocked script execution in")
    visitor.complaints[:] = [text for text in visitor.complaints if not any(part in text for part in expected)]


def test_the_edition_page_prints_without_what_paper_cannot_do(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open("/editions/parents/2026-11-02")
    assert visitor.page.get_by_role("button", name="Print this page").is_visible()
    visitor.page.emulate_media(media="print")
    for gone in ("Print this page", "Get this newsletter by email"):
        assert visitor.page.get_by_role("button", name=gone).count() == 0
    assert visitor.page.locator("article h1").is_visible()
