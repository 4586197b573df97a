"""An edition for those who pass it on: an Atom feed (RFC 4287) for programs, plain text for people who copy (REQ-64).

Made from the frozen page alone, so there is no token in it and nothing personal.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from newsletter.content.dates import in_words
from newsletter.editions.composing import EditionPage
from newsletter.editions.models import Edition
from newsletter.rendering import markup
from subscribers.models import MailingList

_ATOM = "http://www.w3.org/2005/Atom"
register_namespace("", _ATOM)

#: What XML 1.0 does not allow, however it is written.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

LICENCE = "Open Government Licence v3.0"
LICENCE_URL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def atom(
    mailing_list: MailingList,
    publisher: str,
    entries: Sequence[tuple[Edition, EditionPage]],
    *,
    base_url: str,
) -> bytes:
    """The feed of one mailing list, its entries newest first. Links and ids are absolute and never change."""
    here = f"{base_url}/editions/{mailing_list.slug}"
    feed = Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en-GB"})
    _add(feed, "id", f"{here}/feed.xml")
    _add(feed, "title", mailing_list.name)
    _add(feed, "subtitle", mailing_list.summary)
    _add(feed, "updated", _moment(max((edition.released_at or _NEVER for edition, _ in entries), default=_NEVER)))
    _add(SubElement(feed, f"{{{_ATOM}}}author"), "name", publisher or mailing_list.sender_name)
    _add(feed, "rights", f"{publisher}. {LICENCE}: {LICENCE_URL}")
    _link(feed, "self", f"{here}/feed.xml", "application/atom+xml")
    _link(feed, "alternate", here, "text/html")
    for edition, page in entries:
        entry = SubElement(feed, f"{{{_ATOM}}}entry")
        address = f"{here}/{edition.slug}"
        _add(entry, "id", address)
        _add(entry, "title", page.title)
        _add(entry, "updated", _moment(edition.released_at or _NEVER))
        _add(entry, "published", _moment(edition.released_at or _NEVER))
        _link(entry, "alternate", address, "text/html")
        _add(entry, "summary", page.preheader or page.title)
        _add(entry, "content", _html(page), type="html")
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def plain_text(page: EditionPage) -> str:
    """The edition in the order of its page."""
    parts = [
        page.list_name,
        f"Edition {page.number}, {in_words(page.date)}",
        _underlined(page.title, "="),
        markup.to_text(page.introduction),
    ]
    for section in page.sections:
        parts.append(_underlined(f"Priority {section.number}: {section.heading}", "-"))
        for update in section.updates:
            parts += [update.title, markup.to_text(update.body)]
            if update.action:
                by = f" by {in_words(update.action_by)}" if update.action_by else ""
                parts.append(f"What to do{by}: {update.action}")
            source = f"From: {update.organisation}"
            parts.append(f"{source}. {update.evidence_label}: {update.evidence_url}" if update.evidence_url else source)
    parts += [
        _underlined("Where to get help", "-"),
        markup.to_text(page.help_text),
        f"Published by {page.publisher} for {page.partnership}.\n"
        f"On the web: {page.page_url}\n"
        f"You may copy this under the {LICENCE}: {LICENCE_URL}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(page: EditionPage) -> str:
    parts: list[str] = [markup.to_html(page.introduction, heading_level=2, for_mail=False)]
    for section in page.sections:
        parts.append(_element("h2", section.heading))
        for update in section.updates:
            parts.append(_element("h3", update.title))
            parts.append(markup.to_html(update.body, heading_level=4, for_mail=False))
            parts.append(_element("p", update.organisation))
    return "".join(parts)


def _element(name: str, text: str) -> str:
    element = Element(name)
    element.text = _clean(text)
    return tostring(element, encoding="unicode")


def _underlined(text: str, line: str) -> str:
    return f"{text}\n{line * min(len(text), 72)}"


def _add(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, f"{{{_ATOM}}}{name}", attributes).text = _clean(text)


def _link(parent: Element, rel: str, href: str, media_type: str) -> None:
    SubElement(parent, f"{{{_ATOM}}}link", {"rel": rel, "href": href, "type": media_type})


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
