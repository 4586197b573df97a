"""The gate before approval: what would harm a reader blocks, what would only read badly warns (REQ-52).

It reads the composed edition and what was rendered from it; it knows no database and changes nothing.
"""

import enum
import html
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from newsletter.content.dates import in_words
from newsletter.content.models import ResponseOutcome
from newsletter.editions.headlines import PERSONAL, SUBJECT_LENGTH
from newsletter.rendering import markup
from newsletter.rendering.mails import EditionMail, EventBlock, Rendered, ResponseBlock, UpdateBlock

#: Gmail hides the rest of a mail behind a link beyond this many bytes, the way out included.
MAXIMUM_BYTES = 102_400

#: Room kept for headers, boundaries and the personal links.
_ENVELOPE_BYTES = 3_000

#: The most words an update should have, and the most words of one sentence.
UPDATE_WORDS = 80
SENTENCE_WORDS = 25

#: What readers meet most; the first use must say what it stands for (REQ-53).
ACRONYMS = {
    "EHCP": "education, health and care plan",
    "EHC": "education, health and care",
    "SENCO": "special educational needs coordinator",
    "PCF": "parent carer forum",
    "DfE": "Department for Education",
    "CQC": "Care Quality Commission",
    "ICB": "integrated care board",
    "CAMHS": "child and adolescent mental health services",
    "SENDIASS": "special educational needs and disabilities information, advice and support service",
    "SIAB": "strategic improvement and assurance board",
}

_CLICK_HERE = re.compile(r"\bclick\s+(?:here|this|below|on\s+this)\b", re.IGNORECASE)
_EMPTY_LINK_WORDS = re.compile(r"^(?:here|this|link|this link|more|read more|find out more)$", re.IGNORECASE)
_LINK = re.compile(r"(?<!\\)\[([^\]]*)\]\(\s*<?([^)\s>]*)")
_ADDRESS_IN_TEXT = re.compile(r"\s*\((?:https://[^()\s]*|[^()\s]+@[^()\s]+|\+?[\d\s-]{5,})\)")
_BARE_LINK = re.compile(r"\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE)
_CAPITALS = re.compile(r"\b[A-Z][A-Z'’]+(?:[\s,]+[A-Z][A-Z'’]+){2,}\b")
_SENTENCE_END = re.compile(r"(?<=[.!?:])[\s\n]+|\n+")


class Severity(enum.StrEnum):
    ERROR = "error"  # blocks approval
    WARNING = "warning"  # for people to weigh


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, in a sentence that says how to mend it."""

    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Another form of the edition that is promised: its name, and by when, where that was said."""

    title: str
    promised_for: date | None


def findings(
    mail: EditionMail, rendered: Rendered, missing: Iterable[Missing] = (), *, on: date | None = None
) -> list[Finding]:
    """Everything found, errors first. `missing` are the other forms of the edition that were promised and are not
    there yet (REQ-57); `on` is today, for what has passed, without it the date of the edition."""
    messages = (*_errors(mail, rendered), *_missing(mail, missing))
    errors = [Finding(Severity.ERROR, message) for message in messages]
    warnings = [Finding(Severity.WARNING, message) for message in _warnings(mail, on or mail.date)]
    return errors + warnings


def _errors(mail: EditionMail, rendered: Rendered) -> Iterator[str]:
    if not mail.subject.strip():
        yield "The subject is empty: write one."
    for place, line in (("subject", mail.subject), ("line after the subject", mail.preheader)):
        if found := PERSONAL.search(line):
            yield (
                f"The {place} says “{found[0]}”, which others may see on a locked screen: write about services, not "
                "about the reader's family."
            )
    if not mail.letterhead.help_text.strip():
        yield "The partnership has no text about where to get help: write one, every edition carries it."
    if not mail.sections:
        yield "There is no update in the edition: add one."
    for section in mail.sections:
        if not section.updates:
            yield f"The section “{section.heading}” is empty: add an update or leave the section out."
        for update in section.updates:
            yield from _update_errors(update)
    for response in mail.responses:
        yield from _response_errors(response)
    for event in mail.events:
        yield from _event_errors(event)
    size = as_sent_bytes(rendered)
    if size > MAXIMUM_BYTES:
        yield (
            f"The email is {size:,} bytes and mail programs cut it off at {MAXIMUM_BYTES:,}: leave out an update or "
            "shorten some."
        )
    if mail.sections and not _says_the_same(mail, rendered):
        yield "The text version does not carry the same in the same order: the mail template is broken."


def _missing(mail: EditionMail, missing: Iterable[Missing]) -> Iterator[str]:
    for variant in missing:
        if variant.promised_for is None:
            yield f"“{variant.title}” is promised but not there: add it, or say by when it will be."
        elif variant.promised_for < mail.date:
            yield f"“{variant.title}” was promised for {in_words(variant.promised_for)}: add it, or give a later date."


def _update_errors(update: UpdateBlock) -> Iterator[str]:
    if not (update.title.strip() and update.body.strip()):
        yield f"“{update.title or update.anchor}” has no wording for these readers: write one or leave it out."
    yield from _link_errors(update.title, _texts(update))
    labels = [label for label, _ in _links(update)]
    if any(_EMPTY_LINK_WORDS.match(label.strip()) for label in labels):
        yield f"“{update.title}” has a link whose words do not say where it goes: name the page."


def _response_errors(response: ResponseBlock) -> Iterator[str]:
    if response.outcome == ResponseOutcome.DOING and response.doing_by is None:
        yield f"“{response.theme}” says that something is being done: say by when."
    yield from _link_errors(response.theme, (markup.to_text(response.said), markup.to_text(response.did)))


def _event_errors(event: EventBlock) -> Iterator[str]:
    if event.is_cancelled:
        yield f"“{event.title}” has been cancelled: leave it out."
    if not event.without_attending:
        yield f"“{event.title}” does not say how to take part without coming: write it."
    if not event.access:
        yield f"“{event.title}” says nothing about access: write what people will find, or will not find."
    texts = (event.title, event.for_whom, event.access, event.without_attending, event.booking, event.adjustments)
    yield from _link_errors(event.title, texts)


def _link_errors(title: str, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if _CLICK_HERE.search(text):
            yield f"“{title}” says “click here”: use words that say where the link goes."
        if _BARE_LINK.search(_ADDRESS_IN_TEXT.sub("", text)):
            yield f"“{title}” shows a bare web address: put the link behind words that say where it goes."


def _warnings(mail: EditionMail, today: date) -> Iterator[str]:
    if len(mail.subject) > SUBJECT_LENGTH:
        yield f"The subject has {len(mail.subject)} characters; phones cut it off after about {SUBJECT_LENGTH}."
    if not mail.preheader.strip():
        yield "The line after the subject is empty; mail programs then show the first words of the mail."
    if not mail.introduction.strip():
        yield "There is no introduction."
    yield from _style("The introduction", markup.to_text(mail.introduction))
    if _CAPITALS.search(mail.subject):
        yield "The subject has words in capitals, which are hard to read and look like shouting."
    for section in mail.sections:
        for update in section.updates:
            yield from _update_warnings(update, mail)
    for response in mail.responses:
        for text in (response.said, response.did):
            yield from _style(f"“{response.theme}”", markup.to_text(text))
    for event in mail.events:
        if event.day < today:
            yield f"“{event.title}” was on {in_words(event.day)}, which has passed: leave it out."
    yield from _unexpanded(mail)


def _update_warnings(update: UpdateBlock, mail: EditionMail) -> Iterator[str]:
    words = markup.count_words(update.body)
    if words > UPDATE_WORDS:
        yield f"“{update.title}” has {words} words; {UPDATE_WORDS} is enough for most readers."
    for text in _texts(update):
        yield from _style(f"“{update.title}”", text)
    targets = [target.partition("?")[0].lower() for _, target in _links(update)]
    if targets and all(target.endswith(".pdf") for target in targets):
        yield f"“{update.title}” links to a PDF only; link to a web page as well."
    if update.action_by and update.action_by < mail.date:
        yield f"“{update.title}” asks for something by {in_words(update.action_by)}, before the date of the edition."


def _style(what: str, text: str) -> Iterator[str]:
    plain = _ADDRESS_IN_TEXT.sub("", text)
    for sentence in _SENTENCE_END.split(plain):
        count = len(sentence.split())
        if count > SENTENCE_WORDS:
            yield f"{what} has a sentence of {count} words; split it (“{' '.join(sentence.split()[:5])} …”)."
    if _CAPITALS.search(plain):
        yield f"{what} has words in capitals, which are hard to read and look like shouting."


def _unexpanded(mail: EditionMail) -> Iterator[str]:
    """Acronyms whose first use in the edition is not explained there."""
    everything = "\n".join(
        [mail.subject, markup.to_text(mail.introduction)]
        + [text for section in mail.sections for update in section.updates for text in _texts(update)]
    )
    folded = " ".join(everything.split()).casefold()
    flat = " ".join(everything.split())
    for acronym, meaning in ACRONYMS.items():
        used = re.search(rf"\b{acronym}s?\b", flat)
        if used is None:
            continue
        explained = folded.find(meaning.casefold())
        if not 0 <= explained <= used.end() + 2:
            yield f"“{acronym}” is not explained where it is first used: write “{meaning} ({acronym})”."


def _texts(update: UpdateBlock) -> list[str]:
    """Every text of an update as a reader reads it."""
    return [update.title, markup.to_text(update.body), update.action, update.evidence_label]


def _links(update: UpdateBlock) -> list[tuple[str, str]]:
    """Words and target of every link of an update."""
    links = [(words, target) for words, target in _LINK.findall(update.body)]
    if update.evidence_url:
        links.append((update.evidence_label, update.evidence_url))
    return links


def as_sent_bytes(rendered: Rendered) -> int:
    """About how large the message is on the wire: both parts in quoted-printable, and room for the rest."""
    parts = (rendered.html, rendered.text)
    return sum(len(quopri.encodestring(part.encode())) for part in parts) + _ENVELOPE_BYTES


def _says_the_same(mail: EditionMail, rendered: Rendered) -> bool:
    """Whether HTML and text both carry title and first words of everything, in the order of the edition."""
    wanted = [
        piece
        for section in mail.sections
        for update in section.updates
        for piece in (update.title, _opening(update.body))
    ]
    for response in mail.responses:
        wanted += [response.theme, _opening(response.said), response.answer, _opening(response.did)]
    for event in mail.events:
        wanted += [event.title, event.when, event.where, event.cost]
    return all(_in_order(wanted, _squeezed(text)) for text in (_visible(rendered.html), rendered.text))


def _opening(body: str) -> str:
    """The first words of a text, up to the first that a template may render in its own way."""
    first_line = markup.to_text(body).lstrip("*• \t").split("\n")[0]
    return " ".join(re.split(r"[(\[]", first_line)[0].split()[:6])


def _in_order(wanted: list[str], text: str) -> bool:
    place = 0
    for piece in map(_squeezed, wanted):
        place = text.find(piece, place)
        if place < 0:
            return False
    return True


def _visible(document: str) -> str:
    without_hidden = re.sub(r"(?s)<!--.*?-->|<style.*?</style>|<title.*?</title>|<head.*?</head>", " ", document)
    return html.unescape(re.sub(r"<[^>]*>", "", without_hidden))


def _squeezed(text: str) -> str:
    """Only letters and digits, in lower case: line breaks, quotation marks and underlining are the template's own."""
    return re.sub(r"[\W_]+", "", text.casefold())
