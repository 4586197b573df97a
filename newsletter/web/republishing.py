"""An edition for those who pass it on: an Atom feed (RFC 4287) for programs, plain text for people who copy (REQ-64).

Made from the frozen page and its corrections alone, so there is no token in it and nothing personal.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from newsletter.content.dates import in_words, london_date
from newsletter.editions.composing import EditionPage
from newsletter.editions.models import Correction, Edition
from newsletter.rendering import markup
from newsletter.rendering.mails import EventBlock

_ATOM = "http://www.w3.org/2005/Atom"
register_namespace("", _ATOM)

#: What XML 1.0 does not allow, however it is written.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

LICENCE = "Open Government Licence v3.0"
LICENCE_URL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One edition as a feed shows it: the page as it reads now, and what was corrected in it."""

    edition: Edition
    page: EditionPage
    corrections: Sequence[Correction] = ()

    @property
    def updated(self) -> datetime:
        return max([self.edition.released_at or _NEVER, *(correction.at for correction in self.corrections)])


@dataclass(frozen=True, slots=True)
class Channel:
    """A feed: what it is called, where it and the pages it stands for are (absolute), and who writes it."""

    title: str
    subtitle: str
    author: str
    publisher: str
    here: str
    alternate: str


def atom(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """The feed, its entries newest first. Links and ids are absolute and never change; a correction changes `updated`
    (RFC 4287, 4.2.15), so that who copied the edition learns of it."""
    feed = Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en-GB"})
    _add(feed, "id", channel.here)
    _add(feed, "title", channel.title)
    _add(feed, "subtitle", channel.subtitle)
    _add(feed, "updated", _moment(last_change(entries)))
    _add(SubElement(feed, f"{{{_ATOM}}}author"), "name", channel.author)
    _add(feed, "rights", f"{channel.publisher}. {LICENCE}: {LICENCE_URL}")
    _link(feed, "self", channel.here, "application/atom+xml")
    _link(feed, "alternate", channel.alternate, "text/html")
    for each in entries:
        entry = SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", each.page.page_url)
        _add(entry, "title", each.page.title)
        _add(entry, "updated", _moment(each.updated))
        _add(entry, "published", _moment(each.edition.released_at or _NEVER))
        _link(entry, "alternate", each.page.page_url, "text/html")
        _add(entry, "summary", each.page.preheader or each.page.title)
        _add(entry, "content", _html(each), type="html")
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def last_change(entries: Sequence[Entry]) -> datetime:
    """When anything in them was last released or corrected."""
    return max((entry.updated for entry in entries), default=_NEVER)


def plain_text(page: EditionPage, corrections: Sequence[Correction] = ()) -> str:
    """The edition in the order of its page, corrections first and at their places."""
    parts = [
        page.list_name,
        f"Edition {page.number}, {in_words(page.date)}",
        _underlined(page.title, "="),
        *(_corrected(correction) for correction in corrections),
        markup.to_text(page.introduction),
        *(_before_and_after(correction) for correction in corrections if correction.anchor is None),
    ]
    site_url = page.page_url.partition("/editions/")[0]
    if page.corrects:
        parts.append(f"Edition {page.corrects.number} as it is now: {site_url}{page.corrects.page_path}")
    for section in page.sections:
        parts.append(_underlined(f"Priority {section.number}: {section.heading}", "-"))
        for update in section.updates:
            parts += [update.title, markup.to_text(update.body)]
            parts += [_before_and_after(each) for each in corrections if each.anchor == update.anchor]
            if update.picture:
                parts.append(f"Picture: {update.picture.alt}")
            if update.action:
                by = f" by {in_words(update.action_by)}" if update.action_by else ""
                parts.append(f"What to do{by}: {update.action}")
            source = f"From: {update.organisation}"
            parts.append(f"{source}. {update.evidence_label}: {update.evidence_url}" if update.evidence_url else source)
    if page.responses:
        parts.append(_underlined("You said, we did", "-"))
    for response in page.responses:
        parts += [
            response.theme,
            response.asked,
            f"You said: {markup.to_text(response.said)}",
            f"{response.answer}: {markup.to_text(response.did)}",
            response.promise,
            f"Why: {response.reason}" if response.reason else "",
            f"{response.decided}. From: {response.organisation}",
        ]
    if page.events:
        parts.append(_underlined("Dates for you", "-"))
    for event in page.events:
        parts += [
            event.title,
            event.when,
            "\n".join(_facts(event)),
            f"More about this date: {site_url}{event.page_path}",
        ]
    parts += [
        _underlined("Where to get help", "-"),
        markup.to_text(page.help_text),
        f"Published by {page.publisher} for {page.partnership}.\n"
        f"On the web: {page.page_url}\n"
        f"You may copy this under the {LICENCE}: {LICENCE_URL}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _corrected(correction: Correction) -> str:
    return f"Corrected on {in_words(london_date(correction.at))}: {correction.because}"


def _before_and_after(correction: Correction) -> str:
    before, after = markup.words_of(correction.old_text), markup.words_of(correction.new_text)
    now = f"It now says: “{after}”" if after else "We have taken this out."
    return f"Corrected on {in_words(london_date(correction.at))}. It said: “{before}” {now}"


def _html(entry: Entry) -> str:
    def at(anchor: str | None) -> Iterator[str]:
        return (_element("p", _before_and_after(each)) for each in entry.corrections if each.anchor == anchor)

    page = entry.page
    parts: list[str] = [_element("p", _corrected(correction)) for correction in entry.corrections]
    parts += [markup.to_html(page.introduction, heading_level=2, for_mail=False), *at(None)]
    if page.corrects:
        site_url = page.page_url.partition("/editions/")[0]
        words = f"Edition {page.corrects.number} as it is now"
        parts.append(f"<p>{_element('a', words, href=site_url + page.corrects.page_path)}</p>")
    for section in page.sections:
        parts.append(_element("h2", section.heading))
        for update in section.updates:
            parts.append(_element("h3", update.title))
            parts.append(markup.to_html(update.body, heading_level=4, for_mail=False))
            parts += [*at(update.anchor), _element("p", update.organisation)]
    if page.responses:
        parts.append(_element("h2", "You said, we did"))
    for response in page.responses:
        parts += [_element("h3", response.theme), _element("p", response.asked), _element("h4", "You said")]
        parts += [markup.to_html(response.said, heading_level=5, for_mail=False), _element("h4", response.answer)]
        parts.append(markup.to_html(response.did, heading_level=5, for_mail=False))
        reason = f"Why: {response.reason}" if response.reason else ""
        parts += [_element("p", line) for line in (response.promise, reason, response.decided) if line]
    if page.events:
        parts.append(_element("h2", "Dates for you"))
    for event in page.events:
        parts += [_element("h3", event.title), _element("p", event.when)]
        parts += [_element("p", fact) for fact in _facts(event)]
    return "".join(parts)


def _facts(event: EventBlock) -> list[str]:
    """What people ask about an event, a line each."""
    booking = f"{event.booking} {event.booking_url}".strip()
    facts = (
        ("Where", event.where),
        ("Cost", event.cost),
        ("For", event.for_whom),
        ("Access", event.access),
        ("If you need changes to take part", event.adjustments),
        ("Booking", booking),
        ("If you cannot come", event.without_attending),
    )
    return [f"{name}: {words}" for name, words in facts if words]


def _element(name: str, text: str, **attributes: str) -> str:
    element = Element(name, attributes)
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
