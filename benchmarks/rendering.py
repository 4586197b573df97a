"""How long an edition takes to become a message, and a message one reader's copy (`python -m benchmarks.rendering`).

The baseline builds the same mail with the standard library's `EmailMessage` for each recipient, as most code does.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from statistics import median
from time import perf_counter

from benchmarks.reports import Report
from newsletter.core.mime import CanonicalMime
from newsletter.rendering import message
from newsletter.rendering.engine import Engine, templates_directory
from newsletter.rendering.mails import EditionMail, Letterhead, SectionBlock, UpdateBlock
from newsletter.rendering.pens import PlainPen

UPDATES = 30
WORDS = 80
ROUNDS = 5
_NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
_TOKEN = "a1B2c3D4" * 8
_SLOTS = {
    "leave_url": f"https://news.example.org/leave/{_TOKEN}",
    "manage_url": f"https://news.example.org/manage/{_TOKEN}",
}


def edition(updates: int = UPDATES) -> EditionMail:
    """An edition of so many updates (a multiple of five) of eighty words in five sections."""
    letterhead = Letterhead(
        partnership="Example SEND partnership",
        publisher="Example County Council",
        postal_address="County Hall, New Road, Example EX1 1AA",
        phone="01632 960 100",
        contact_email="send-news@example.org",
        help_text="The [Local Offer](https://example.org/local-offer) lists services and support in one place.",
        brand_colour="#00594c",
        tint_colour="#eef4f2",
        list_name="SEND news for parents and carers",
        list_slug="parents",
        frequency="about once a fortnight",
        sender_name="Example SEND news",
        sender_email="news@example.org",
        reply_to="send-news@example.org",
        lawful_basis="consent",
        site_url="https://news.example.org",
        sign_up_url="https://news.example.org/parents",
        archive_url="https://news.example.org/editions/parents",
        privacy_url="https://news.example.org/privacy",
        accessibility_url="https://news.example.org/accessibility",
    )
    sentence = "Families wait less for a first meeting now that two more therapists have joined the county team."
    body = " ".join((sentence.split() * 5)[:WORDS])
    update = UpdateBlock(
        anchor="update-1",
        title="Waiting times for speech and language therapy are shorter",
        body=body,
        organisation="Example NHS Foundation Trust",
        evidence_url="https://example.org/progress/speech-and-language",
        evidence_label="See how this was measured",
    )
    sections = tuple(
        SectionBlock(
            anchor=f"priority-{area}",
            number=area,
            heading=f"Priority area {area} of the action plan",
            updates=tuple(replace(update, anchor=f"update-{area}-{number}") for number in range(updates // 5)),
        )
        for area in range(1, 6)
    )
    return EditionMail(
        letterhead=letterhead,
        subject="Shorter waits, and three ways to have your say",
        preheader="What has changed since the summer.",
        number=3,
        date=date(2026, 11, 3),
        introduction="Here is what has changed since the summer, and what has not.",
        sections=sections,
        page_url="https://news.example.org/editions/parents/2026-11-03",
    )


def seconds(act: Callable[[], object], times: int) -> float:
    """Seconds that one call takes: the median of a few rounds."""
    act()
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(times):
            act()
        rounds.append((perf_counter() - start) / times)
    return median(rounds)


def main(report: Report) -> None:
    """Measure and print one plain table; takes a second or two."""
    engine, mail = Engine(templates_directory()), edition()
    subject, _ = engine.text(mail, PlainPen())
    mjml = engine.mjml(mail, subject)
    rendered = engine.render(mail)

    def compiled() -> message.CompiledMessage:
        return message.compile(
            rendered,
            sender="Example SEND news <news@example.org>",
            reply_to="send-news@example.org",
            headers={"List-Id": "SEND news <parents.news.example.org>"},
            date=_NOW,
        )

    ready = compiled()

    def filled() -> CanonicalMime:
        return ready.fill(
            to="reader@example.org",
            message_id="d1.e3@news.example.org",
            slots=_SLOTS,
            leave_url=_SLOTS["leave_url"],
            leave_mailto="mailto:send-news@example.org?subject=stop",
        )

    def built() -> bytes:
        text, html = rendered.text, rendered.html
        for name, value in _SLOTS.items():
            text, html = text.replace(f"[[{name}]]", value), html.replace(f"[[{name}]]", value)
        one = EmailMessage(policy=SMTP)
        one["From"], one["To"] = "Example SEND news <news@example.org>", "reader@example.org"
        one["Subject"], one["Message-ID"] = rendered.subject, "<d1.e3@news.example.org>"
        one["List-Unsubscribe"] = f"<{_SLOTS['leave_url']}>"
        one.set_content(text, cte="quoted-printable")
        one.add_alternative(html, subtype="html", cte="quoted-printable")
        return one.as_bytes()

    fill, build = seconds(filled, 500), seconds(built, 5)
    rows = [
        ("Jinja to MJML, Markdown included", seconds(lambda: engine.mjml(mail, subject), 5) * 1e3, "ms"),
        ("MJML to HTML", seconds(lambda: engine.to_html(mjml, "edition.mjml"), 20) * 1e3, "ms"),
        ("whole rendering: HTML, text, Markdown", seconds(lambda: engine.render(mail), 5) * 1e3, "ms"),
        ("compile to MIME, once for an edition", seconds(compiled, 10) * 1e3, "ms"),
        ("fill, for each recipient", fill * 1e6, "µs"),
        ("baseline: EmailMessage for each recipient", build * 1e6, "µs"),
        ("baseline / fill", build / fill, "times"),
        ("HTML", len(rendered.html.encode()), "bytes"),
        ("text", len(rendered.text.encode()), "bytes"),
        ("as sent (limit 102,400)", filled().size_bytes, "bytes"),
    ]
    title = f"Writing: an edition of {UPDATES} updates of {WORDS} words"
    columns = (("", "what", ""), ("", "value", ",.1f"), ("", "unit", ""))
    report.table("rendering", title, columns, [dict(zip(("what", "value", "unit"), row, strict=True)) for row in rows])


if __name__ == "__main__":
    main(Report("python -m benchmarks.rendering"))
