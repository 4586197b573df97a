"""An edition as readers will get it, personal links included, for those who write and approve it.

What was approved is shown byte for byte; before approval, what would be approved now. The links are made for a
subscriber that does not exist, so that pressing them changes nobody's subscription.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlmodel import Session

from newsletter.content import pictures
from newsletter.core.mime import CanonicalMime
from newsletter.core.runtime import Runtime
from newsletter.delivery import headers, letterheads, links
from newsletter.editions import composing, freezing
from newsletter.editions.composing import EditionPage
from newsletter.editions.models import Edition
from newsletter.rendering import dkim, engine, message
from newsletter.rendering.mails import InlinePicture, Letterhead, Rendered
from subscribers import lists

#: Ids begin at 1.
NOBODY = 0


def letterhead(session: Session, runtime: Runtime, edition: Edition) -> Letterhead:
    """Who writes it. Raises `NotFound` when the partnership has not been set up yet."""
    return letterheads.letterhead(session, lists.by_id(session, edition.mailing_list_id), runtime.settings.base_url)


def rendered(session: Session, edition: Edition, head: Letterhead) -> Rendered:
    """Every form of the mail, slot marks still in it. Raises `WrongState` when it is not what was approved,
    `InvalidInput` and `RenderError` when it cannot be put together."""
    if edition.frozen_html is not None:
        return freezing.rendered(session, edition)
    made = engine.render(composing.compose(session, edition, head))
    return replace(made, pictures=pictures.inside(session, made.html))


def page(session: Session, edition: Edition, head: Letterhead) -> EditionPage:
    """The public page. Raises as `rendered` does."""
    if edition.frozen_page is not None:
        freezing.verify_frozen(edition)
        return composing.page_from_json(edition.frozen_page)
    return composing.page_from_json(composing.page_json(composing.compose(session, edition, head)))


def slots(runtime: Runtime, edition: Edition) -> dict[str, str]:
    """Personal links of nobody."""
    personal = links.PersonalLinks(runtime.tokens, runtime.settings.base_url, edition.mailing_list_id)
    leave, manage = personal.leave_and_manage(NOBODY, runtime.clock.now())
    return {"leave_url": leave, "manage_url": manage}


def filled(text: str, given: Mapping[str, str]) -> str:
    """The text with its slots filled."""
    for name, value in given.items():
        text = text.replace(f"[[{name}]]", value)
    return text


def with_pictures(html: str, pictures: Iterable[InlinePicture]) -> str:
    """The HTML with its pictures written into it, for a browser, which knows no message that they would travel in."""
    for picture in pictures:
        data = base64.b64encode(picture.content).decode()
        html = html.replace(f'src="{picture.cid}"', f'src="data:{picture.media_type};base64,{data}"')
    return html


def whole_message(
    runtime: Runtime, edition: Edition, head: Letterhead, shown: Rendered, *, to: str, message_id: str, signed: bool
) -> CanonicalMime:
    """The message as it goes over the wire, to this address."""
    given = slots(runtime, edition)
    return message.compile(
        shown,
        sender=headers.sender_line(head.sender_name, head.sender_email),
        reply_to=head.reply_to,
        headers=headers.edition_headers(head, edition.number, runtime.settings.message_domain),
        date=runtime.clock.now(),
        signer=dkim.load(runtime.settings.provider("dkim")) if signed else None,
    ).fill(
        to=to,
        message_id=message_id,
        slots=given,
        leave_url=given["leave_url"],
        leave_mailto=headers.leave_mailto(head.reply_to, given["leave_url"]),
    )
