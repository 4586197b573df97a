"""`newsletter edition preview`: the files that show an edition as readers will get it, personal links included.

The links are made for a subscriber that does not exist, so that pressing them changes nobody's subscription.
"""

from pathlib import Path

from sqlmodel import Session

from newsletter.core.runtime import Runtime
from newsletter.delivery import headers, letterheads, links
from newsletter.editions import composing, moves, publishing
from newsletter.editions.models import Edition
from newsletter.rendering import engine, message
from newsletter.rendering.mails import Letterhead, Rendered
from subscribers import lists

#: Ids begin at 1.
NOBODY = 0
PREVIEW_ADDRESS = "preview@example.org"


def write(session: Session, runtime: Runtime, edition_id: int, directory: Path) -> list[Path]:
    """Write `edition.html`, `edition.txt` and `edition.eml`, replacing older ones; their paths.

    What was approved is shown byte for byte; before approval, what would be approved now.
    """
    edition = moves.read(session, edition_id)
    mailing_list = lists.by_id(session, edition.mailing_list_id)
    head = letterheads.letterhead(session, mailing_list, runtime.settings.base_url)
    rendered = _rendered(session, edition, head)
    personal = links.PersonalLinks(runtime.tokens, runtime.settings.base_url, edition.mailing_list_id)
    leave, manage = personal.leave_and_manage(NOBODY, runtime.clock.now())
    slots = {"leave_url": leave, "manage_url": manage}
    mime = message.compile(
        rendered,
        sender=headers.sender_line(head.sender_name, head.sender_email),
        reply_to=head.reply_to,
        headers=headers.edition_headers(head, edition.number, runtime.settings.message_domain),
        date=runtime.clock.now(),
    ).fill(
        to=PREVIEW_ADDRESS,
        message_id=f"<preview-{edition.id}@{runtime.settings.message_domain}>",
        slots=slots,
        leave_url=leave,
        leave_mailto=headers.leave_mailto(head.reply_to, leave),
    )
    directory.mkdir(parents=True, exist_ok=True)
    files = {
        "edition.html": _filled(rendered.html, slots).encode(),
        "edition.txt": _filled(rendered.text, slots).encode(),
        "edition.eml": bytes(mime),
    }
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in files]


def _rendered(session: Session, edition: Edition, head: Letterhead) -> Rendered:
    if edition.frozen_html is None:
        return engine.render(composing.compose(session, edition, head))
    publishing.verify_frozen(edition)
    return Rendered(
        subject=edition.frozen_subject or "",
        html=edition.frozen_html,
        text=edition.frozen_text or "",
        markdown=edition.frozen_markdown or "",
    )


def _filled(text: str, slots: dict[str, str]) -> str:
    for name, value in slots.items():
        text = text.replace(f"[[{name}]]", value)
    return text
