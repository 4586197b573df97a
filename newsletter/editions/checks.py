"""The gate before approval: what would harm a reader blocks, what would only read badly warns (REQ-52).

It reads the composed edition and what was rendered from it; it knows no database and changes nothing. What is found in
one update is kept for a while: a change of an edition changes few of them.
"""

import enum
import hashlib
import html
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from newsletter.content.dates import in_words
from newsletter.content.models import ResponseOutcome
from newsletter.core.audience import Audience
from newsletter.editions import acronyms, link_words, plain_words
from newsletter.editions.headlines import PERSONAL, SUBJECT_LENGTH
from newsletter.rendering import markup
from newsletter.rendering.mails import EditionMail, EventBlock, Rendered, ResponseBlock, UpdateBlock

#: Gmail hides the rest of a mail behind a link beyond this many bytes, the way out included.
MAXIMUM_BYTES = 102_400

#: All pictures together: beyond the first a phone with a weak signal waits for them, beyond the second mail servers and
#: full mailboxes begin to refuse what must reach everybody. They do not count for `MAXIMUM_BYTES`: they are not text.
HEAVY_PICTURES_BYTES = 300_000
MAXIMUM_PICTURES_BYTES = 1_000_000

#: Room kept for headers, boundaries and the personal links.
_ENVELOPE_BYTES = 3_000

#: The most words an update should have.
UPDATE_WORDS = 80

#: The age above which a wording is hard going for its readers; names of services alone raise it by some years.
READING_AGES = {Audience.PARENTS: 16, Audience.PROFESSIONALS: 20}

_COMMENT = re.compile(r"(?s)<!--.*?-->")
_HEADING = re.compile(r"<h([1-6])[\s>]")
_PICTURE = re.compile(r"<img\b[^>]*>")

#: A thing found: where (see `Finding.where`), and the sentence.
_Found = tuple[str, str]


class Severity(enum.StrEnum):
    ERROR = "error"  # blocks approval
    WARNING = "warning"  # for people to weigh


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, in a sentence that says how to mend it."""

    severity: Severity
    message: str
    #: "subject", "preheader", "introduction", "variants", "help", the anchor of an update, response or event, or
    #: "edition" for what concerns the whole.
    where: str = field(default="edition", compare=False)

    @property
    def key(self) -> str:
        """The same for the same sentence about the same place: what a reason for it is kept under."""
        return hashlib.sha256(f"{self.where}\0{self.message}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Missing:
    """Another form of the edition that is promised: its name, and by when, where that was said."""

    title: str
    promised_for: date | None


def findings(
    mail: EditionMail,
    rendered: Rendered,
    missing: Iterable[Missing] = (),
    *,
    on: date | None = None,
    audience: Audience = Audience.PARENTS,
    broken_links: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """Everything found, errors first. `missing` are the other forms of the edition that were promised and are not
    there yet (REQ-57); `on` is today, for what has passed, without it the date of the edition; `broken_links` says of
    targets that were tried and did not open what came instead."""
    errors = (*_errors(mail, rendered), *(("variants", message) for message in _missing(mail, missing)))
    warnings = _warnings(mail, on or mail.date, audience, broken_links)
    return [Finding(Severity.ERROR, message, where) for where, message in errors] + [
        Finding(Severity.WARNING, message, where) for where, message in warnings
    ]


def of_wording(update: UpdateBlock, audience: Audience, *, on: date) -> list[Finding]:
    """What would be found of one update by itself, errors first, in an edition of that day."""
    warnings = [*_update_warnings(update, on, audience), *acronyms.unexplained("\n".join(_texts(update)))]
    return [Finding(Severity.ERROR, message, update.anchor) for message in _update_errors(update)] + [
        Finding(Severity.WARNING, message, update.anchor) for message in warnings
    ]


def _errors(mail: EditionMail, rendered: Rendered) -> Iterator[_Found]:
    if not mail.subject.strip():
        yield "subject", "The subject is empty: write one."
    for where, place, line in (
        ("subject", "subject", mail.subject),
        ("preheader", "line after the subject", mail.preheader),
    ):
        if found := PERSONAL.search(line):
            yield (
                where,
                f"The {place} says “{found[0]}”, which others may see on a locked screen: write about services, not "
                "about the reader's family.",
            )
    if not mail.letterhead.help_text.strip():
        yield "help", "The partnership has no text about where to get help: write one, every edition carries it."
    for message in _introduction_errors(mail):
        yield "introduction", message
    if mail.corrects is not None:
        if not mail.introduction.strip():
            yield "introduction", "The email does not say what was wrong: write it in the introduction."
    elif not mail.sections:
        yield "edition", "There is no update in the edition: add one."
    for section in mail.sections:
        if not section.updates:
            yield "edition", f"The section “{section.heading}” is empty: add an update or leave the section out."
        for update in section.updates:
            yield from ((update.anchor, message) for message in _update_errors(update))
    for response in mail.responses:
        yield from ((response.anchor, message) for message in _response_errors(response))
    for event in mail.events:
        yield from ((event.anchor, message) for message in _event_errors(event))
    size = as_sent_bytes(rendered)
    if size > MAXIMUM_BYTES:
        yield (
            "edition",
            f"The email is {size:,} bytes and mail programs cut it off at {MAXIMUM_BYTES:,}: leave out an update or "
            "shorten some.",
        )
    if (weight := _pictures_bytes(mail)) > MAXIMUM_PICTURES_BYTES:
        yield (
            "edition",
            f"The pictures together are {_kb(weight)} and an email must not carry more than "
            f"{_kb(MAXIMUM_PICTURES_BYTES)}: take some away.",
        )
    if (mail.sections or mail.corrects) and not _says_the_same(mail, rendered):
        yield "edition", "The text version does not carry the same in the same order: the mail template is broken."
    yield from (("edition", message) for message in _outline_errors(rendered.html))


def _introduction_errors(mail: EditionMail) -> Iterator[str]:
    yield from link_words.text_errors("The introduction", [markup.to_text(mail.introduction)])
    yield from link_words.link_errors("The introduction", link_words.of_markdown(mail.introduction))


def _outline_errors(html_document: str) -> Iterator[str]:
    """What a screen reader would stumble over, whoever wrote it: texts leave no level out, so the template does."""
    before = 0
    for level in map(int, _HEADING.findall(_COMMENT.sub("", html_document))):
        if level > before + 1:
            yield f"A heading of level {level} follows one of level {before}: the mail template leaves a level out."
            break
        before = level
    if any("alt=" not in picture for picture in _PICTURE.findall(html_document)):
        yield "A picture says nothing to those who do not see it: give it an alternative text."


def _missing(mail: EditionMail, missing: Iterable[Missing]) -> Iterator[str]:
    for variant in missing:
        if variant.promised_for is None:
            yield f"“{variant.title}” is promised but not there: add it, or say by when it will be."
        elif variant.promised_for < mail.date:
            yield f"“{variant.title}” was promised for {in_words(variant.promised_for)}: add it, or give a later date."


@lru_cache(maxsize=1000)
def _update_errors(update: UpdateBlock) -> tuple[str, ...]:
    return tuple(_errors_of(update))


def _errors_of(update: UpdateBlock) -> Iterator[str]:
    if update.picture and not update.picture.alt.strip():
        yield f"The picture of “{update.title}” says nothing to those who do not see it: write what it shows."
    if not (update.title.strip() and update.body.strip()):
        yield f"“{update.title or update.anchor}” has no wording for these readers: write one or leave it out."
    yield from link_words.text_errors(update.title, _texts(update))
    yield from link_words.link_errors(update.title, links(update))


def _response_errors(response: ResponseBlock) -> Iterator[str]:
    if response.outcome == ResponseOutcome.DOING and response.doing_by is None:
        yield f"“{response.theme}” says that something is being done: say by when."
    texts = (response.said, response.did)
    yield from link_words.text_errors(response.theme, map(markup.to_text, texts))
    yield from link_words.link_errors(response.theme, (link for text in texts for link in link_words.of_markdown(text)))


def _event_errors(event: EventBlock) -> Iterator[str]:
    if event.is_cancelled:
        yield f"“{event.title}” has been cancelled: leave it out."
    if not event.without_attending:
        yield f"“{event.title}” does not say how to take part without coming: write it."
    if not event.access:
        yield f"“{event.title}” says nothing about access: write what people will find, or will not find."
    texts = (event.title, event.for_whom, event.access, event.without_attending, event.booking, event.adjustments)
    yield from link_words.text_errors(event.title, texts)


def _warnings(mail: EditionMail, today: date, audience: Audience, broken_links: Mapping[str, str]) -> Iterator[_Found]:
    # A correction mail repeats the subject of its edition: what tells them apart stands at its beginning.
    if len(mail.subject) > SUBJECT_LENGTH and mail.corrects is None:
        yield (
            "subject",
            f"The subject has {len(mail.subject)} characters; phones cut it off after about {SUBJECT_LENGTH}.",
        )
    if not mail.preheader.strip():
        yield "preheader", "The line after the subject is empty; mail programs then show the first words of the mail."
    if not mail.introduction.strip() and mail.corrects is None:
        yield "introduction", "There is no introduction."
    for message in plain_words.findings("The introduction", markup.to_text(mail.introduction)):
        yield "introduction", message
    for message in plain_words.findings("The subject", mail.subject):
        yield "subject", message
    if HEAVY_PICTURES_BYTES < (weight := _pictures_bytes(mail)) <= MAXIMUM_PICTURES_BYTES:
        yield (
            "edition",
            f"The pictures together are {_kb(weight)}, which a phone with a weak signal waits for: keep those that "
            "tell readers something.",
        )
    for update in mail.updates:
        yield from ((update.anchor, message) for message in _update_warnings(update, mail.date, audience))
    for response in mail.responses:
        for text in (response.said, response.did):
            for message in plain_words.findings(f"“{response.theme}”", markup.to_text(text)):
                yield response.anchor, message
    for event in mail.events:
        if event.day < today:
            yield event.anchor, f"“{event.title}” was on {in_words(event.day)}, which has passed: leave it out."
    for place, title, words, target in all_links(mail):
        if problem := broken_links.get(target):
            yield place, f"{title} has a link, “{words}”, that does not open: {problem}. Mend it or take it out."
    yield from _unexplained(mail)


@lru_cache(maxsize=1000)
def _update_warnings(update: UpdateBlock, on: date, audience: Audience) -> tuple[str, ...]:
    return tuple(_warnings_of(update, on, audience))


def _warnings_of(update: UpdateBlock, on: date, audience: Audience) -> Iterator[str]:
    words = markup.count_words(update.body)
    if words > UPDATE_WORDS:
        yield f"“{update.title}” has {words} words; {UPDATE_WORDS} is enough for most readers."
    for text in _texts(update):
        yield from plain_words.findings(f"“{update.title}”", text)
    age, limit = plain_words.reading_age(markup.to_words(update.body)), READING_AGES[audience]
    if age is not None and age > limit:
        yield (
            f"“{update.title}” reads as if written for people of {age} and older, above the {limit} for these "
            "readers: use shorter sentences and shorter words."
        )
    if link_words.is_pdf_only(links(update)):
        yield f"“{update.title}” links to a PDF only; link to a web page as well."
    if update.action_by and update.action_by < on:
        yield f"“{update.title}” asks for something by {in_words(update.action_by)}, before the date of the edition."


def _unexplained(mail: EditionMail) -> Iterator[_Found]:
    """Acronyms whose first use in the edition is not explained there."""
    places = [("subject", mail.subject), ("introduction", markup.to_text(mail.introduction))]
    places += [(update.anchor, text) for update in mail.updates for text in _texts(update)]
    for message in acronyms.unexplained("\n".join(text for _, text in places)):
        term = re.escape(message.partition("”")[0].removeprefix("“"))
        yield next((where for where, text in places if re.search(rf"\b{term}s?\b", text)), "edition"), message


def _texts(update: UpdateBlock) -> list[str]:
    """Every text of an update as a reader reads it."""
    return [update.title, markup.to_text(update.body), update.action, update.evidence_label]


def links(update: UpdateBlock) -> list[tuple[str, str]]:
    """Words and target of every link of an update."""
    found = link_words.of_markdown(update.body)
    return [*found, (update.evidence_label, update.evidence_url)] if update.evidence_url else found


def all_links(mail: EditionMail) -> Iterator[tuple[str, str, str, str]]:
    """Every link that people wrote into the edition: where it stands (`Finding.where`), the title there, its words and
    its target, in the order in which they are read."""
    for words, target in link_words.of_markdown(mail.introduction):
        yield "introduction", "The introduction", words, target
    for update in mail.updates:
        for words, target in links(update):
            yield update.anchor, f"“{update.title}”", words, target
    for response in mail.responses:
        for text in (response.said, response.did):
            for words, target in link_words.of_markdown(text):
                yield response.anchor, f"“{response.theme}”", words, target
    for event in mail.events:
        if event.booking_url:
            yield event.anchor, f"“{event.title}”", event.booking or "Booking", event.booking_url
    for words, target in link_words.of_markdown(mail.letterhead.help_text):
        yield "help", "“Where to get help”", words, target


def as_sent_bytes(rendered: Rendered) -> int:
    """About how large the message is on the wire: both parts in quoted-printable, and room for the rest."""
    parts = (rendered.html, rendered.text)
    return sum(len(quopri.encodestring(part.encode())) for part in parts) + _ENVELOPE_BYTES


def _pictures_bytes(mail: EditionMail) -> int:
    """How large they are on the wire: base64, four characters for three bytes."""
    return sum(picture.size_bytes for picture in mail.pictures) * 4 // 3


def _kb(size_bytes: int) -> str:
    return f"{round(size_bytes / 1000):,} KB"


def _says_the_same(mail: EditionMail, rendered: Rendered) -> bool:
    """Whether HTML and text both carry title and first words of everything, in the order of the edition."""
    wanted = [
        piece
        for section in mail.sections
        for update in section.updates
        for piece in (update.title, _opening(update.body))
    ]
    if mail.corrects is not None:
        wanted += [_first_words(paragraph) for paragraph in markup.to_text(mail.introduction).split("\n\n")]
    for response in mail.responses:
        wanted += [response.theme, _opening(response.said), response.answer, _opening(response.did)]
    for event in mail.events:
        wanted += [event.title, event.when, event.where, event.cost]
    pieces = list(map(_squeezed, wanted))
    return all(_in_order(pieces, _squeezed(text)) for text in (_visible(rendered.html), rendered.text))


def _opening(body: str) -> str:
    """The first words of a text, up to the first that a template may render in its own way."""
    return _first_words(markup.to_text(body))


def _first_words(text: str) -> str:
    first_line = text.lstrip("*• \t").split("\n")[0]
    return " ".join(re.split(r"[(\[]", first_line)[0].split()[:6])


def _in_order(pieces: list[str], text: str) -> bool:
    place = 0
    for piece in pieces:
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
