"""Every public page, in every state a reader can meet, looked at by axe on a desktop and on a small phone."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlmodel import select

from newsletter.content import partners
from newsletter.core.tokens import Purpose
from subscribers import privacy
from subscribers.models import AddressChange
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
        ("edition-large", "/editions/parents/2026-10-19?text=large"),
        ("edition-spaced", "/editions/parents/2026-10-19?text=spaced"),
        ("editions-search", "/editions?words=helpline+posts&since=2026"),
        ("editions-search-error", "/editions?words=help&since=never"),
        ("editions-search-empty", "/editions?words=xylophone"),
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


def test_a_corrected_edition(visitor: Visitor) -> None:
    town.correct(visitor.site.runtime, "2026-11-02")
    visitor.open("/editions/parents/2026-11-02")
    visitor.page.get_by_role("link", name="See what changed").first.click()
    assert visitor.page.locator(":target").get_by_text("It said: until 6pm on weekdays").is_visible()
    visitor.look("edition-corrected")


def test_an_edition_and_the_email_that_corrects_it(visitor: Visitor) -> None:
    town.mail_correction(visitor.site.runtime, "2026-11-02")
    visitor.open("/editions/parents/2026-11-02")
    visitor.look("edition-corrected-by-email")
    visitor.page.get_by_role("link", name="Read that email").click()
    assert visitor.heading().startswith("Correction: ")
    visitor.look("correction-mail")
    visitor.page.get_by_role("link", name="Read edition 3 as it is now").click()
    assert visitor.page.get_by_text("It said: until 6pm on weekdays").is_visible()


def test_an_edition_in_other_forms(visitor: Visitor) -> None:
    town.add_variants(visitor.site.runtime, "2026-11-02")
    visitor.open("/editions/parents/2026-11-02")
    visitor.look("edition-variants")
    visitor.page.get_by_role("link", name="اردو").click()
    assert visitor.heading() == "اردو"
    visitor.look("variant-urdu")
    visitor.page.get_by_role("link", name="Read the whole edition in English").click()
    visitor.page.get_by_role("link", name="Easy Read").click()
    visitor.look("variant-easy-read")


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
    visitor.press("Continue")
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


def test_changing_the_address(visitor: Visitor) -> None:
    visitor.open(f"/manage/{personal(visitor.site, Purpose.MANAGE)}")
    visitor.page.get_by_role("link", name="Change your email address").click()
    visitor.look("new-address")
    visitor.page.get_by_label("New email address").fill("reader@")
    visitor.press("Change my address")
    assert visitor.page.title().startswith("Error: ")
    visitor.look("new-address-error")
    visitor.page.get_by_label("New email address").fill(LONG_ADDRESS)
    visitor.press("Change my address")
    assert visitor.heading() == "Check your email"
    visitor.look("new-address-check-your-email")
    visitor.press("Send it again")
    assert "We have tried again" in visitor.page.content()
    with visitor.site.runtime.db.reading() as session:
        (change,) = session.exec(select(AddressChange))
    visitor.open(f"/confirm/{town.token(visitor.site.runtime, Purpose.CONFIRM, change.subscriber_id)}")
    visitor.press("Start my emails")
    assert visitor.heading() == "Your email address is changed"
    visitor.look("new-address-confirmed")
    visitor.open(f"/leave/{town.token(visitor.site.runtime, Purpose.LEAVE, change.replaces_id)}/return")
    assert visitor.heading() == "Get SEND news for parents and carers again"
    visitor.look("come-back")
    visitor.press("Sign up again")
    assert visitor.heading() == "Check your email"


def test_a_link_that_is_sure_to_stop(visitor: Visitor) -> None:
    visitor.open(f"/leave/{personal(visitor.site, Purpose.LEAVE, slug='professionals')}?sure=yes")
    visitor.look("leave-professionals")
    visitor.press("Stop these emails")
    visitor.look("left-professionals")


def test_stopping_everything_and_the_way_back_after_28_days(visitor: Visitor) -> None:
    visitor.open(f"/manage/{personal(visitor.site, Purpose.MANAGE)}")
    visitor.press("Stop all emails from us")
    visitor.look("left-everything")
    visitor.site.runtime.clock.move(timedelta(days=28))  # type: ignore[attr-defined]
    with visitor.site.runtime.db.transaction() as session:
        privacy.sweep(session, now=visitor.site.runtime.clock.now())
    visitor.press("Sign up again")
    assert visitor.heading() == "Please sign up again"
    visitor.look("gone")


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
    for gone in ("Print this page", "Copy the text", "Get this newsletter by email"):
        assert visitor.page.get_by_role("button", name=gone).count() == 0
    for gone in ("Pages", "In this edition", "Text size", "Other editions"):
        assert visitor.page.get_by_role("navigation", name=gone).count() == 0
    assert visitor.page.locator("article h1").is_visible()
    assert f"On the web: {visitor.site.base_url}/editions/parents/2026-11-02" in visitor.page.inner_text("article")
    link = visitor.page.get_by_role("link", name="Read the budget plan")
    assert link.evaluate("a => getComputedStyle(a, '::after').content") == '" (https://www.example.org/budget)"'
    colours = visitor.page.evaluate(
        "[...document.querySelectorAll('body, body *')].map(e => getComputedStyle(e))"
        ".map(s => s.color + ' on ' + s.backgroundColor)"
    )
    assert set(colours) == {"rgb(0, 0, 0) on rgba(0, 0, 0, 0)"}
    update = visitor.page.locator(".app-update").first
    assert update.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    assert visitor.page.pdf(format="A4").startswith(b"%PDF")


def test_the_text_of_an_edition_is_copied_with_one_button(visit: Callable[..., Visitor]) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.open("/editions/parents/2026-11-02")
    visitor.page.get_by_role("button", name="Copy the text").click()
    visitor.page.get_by_text("Copied. You can paste it now.").wait_for()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert "The helpline is open for longer" in copied
    assert "You may copy this under the Open Government Licence" in copied


def test_an_edition_is_searched_for_and_made_larger_without_scripts(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open("/editions")
    visitor.page.get_by_label("Search for words").fill("helpline")
    visitor.page.get_by_text("Choose a newsletter, priority area or dates").click()
    visitor.page.get_by_label("Newsletter", exact=True).select_option("SEND news for parents and carers")
    visitor.page.get_by_label("To", exact=True).fill("10/2026")
    visitor.press("Search")
    assert visitor.page.get_by_role("heading", name="2 editions found").is_visible()
    assert visitor.page.locator("mark").first.inner_text() == "helpline"
    visitor.page.locator("ol a").first.click()
    before = visitor.page.locator(".app-prose p").first.evaluate("p => parseFloat(getComputedStyle(p).fontSize)")
    visitor.page.get_by_role("link", name="Larger", exact=True).click()
    after = visitor.page.locator(".app-prose p").first.evaluate("p => parseFloat(getComputedStyle(p).fontSize)")
    assert after > before * 1.25
    for needs_a_script in ("Copy the text", "Print this page"):
        assert visitor.page.get_by_role("button", name=needs_a_script).count() == 0


def test_the_archive_is_searched_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.open("/editions")
    visitor.page.get_by_label("Search for words").focus()
    visitor.page.keyboard.type("helpline")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")  # opens the other questions
    for _ in range(3):
        visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.id") == "since"
    visitor.page.keyboard.type("November 2026")
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.page.get_by_role("heading", name="2 editions found").is_visible()


@pytest.mark.parametrize("colour", ["#000000", "#7a0050", "#5c4400"])
def test_a_partnerships_own_colours_can_be_read_light_and_dark(visitor: Visitor, colour: str) -> None:
    with visitor.site.runtime.db.transaction() as session:
        partners.partnership(session).brand_colour = colour
    visitor.open("/editions/professionals/2026-11-02")
    visitor.look(f"own-colour-{colour[1:]}")


#: A link is yellow; a field has a yellow line around it, and a round button to choose with draws its own.
_LOOK_OF_FOCUS = """() => {
    const of = (element, part) => {
        const style = getComputedStyle(element, part);
        return `${style.backgroundColor} ${style.outlineColor} ${style.boxShadow}`;
    };
    const element = document.activeElement;
    const drawn = element.type === "radio" ? of(element.nextElementSibling, "::before") : "";
    return `${element.tagName} ${of(element)} ${drawn}`;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_where_the_keyboard_is_can_be_seen(visit: Callable[..., Visitor], scheme: str) -> None:
    visitor = visit(color_scheme=scheme)
    visitor.open("/editions/parents/2026-11-02")
    shown = []
    while True:
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement === document.body"):
            break
        shown.append(visitor.page.evaluate(_LOOK_OF_FOCUS))
    assert len(shown) > 20
    assert [look for look in shown if "rgb(255, 221, 0)" not in look] == []
