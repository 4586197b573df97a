"""One class per mail: exactly what its templates may use. `render` turns any of them into a `Rendered` mail.

Adding a mail means a class here, `templates/email/<name>.mjml` and `templates/email/<name>.txt`. The first line of the
second is the subject; GOV.UK Notify's Markdown is made from it as well.

Personal values are not known here. Templates write `[[leave_url]]` and the like (`SLOTS`), and the message compiler
fills them in for each recipient.
"""

from dataclasses import dataclass
from datetime import date
from itertools import chain, islice, zip_longest
from typing import ClassVar

#: Every personal value a mail can carry.
SLOTS = frozenset({"leave_url", "manage_url", "confirm_url", "still_you_url", "code"})

#: How many links "In this edition" has at most: more would be a page of its own on a phone.
MOST_CONTENTS = 8


#: What follows a picture's hash in the Content-ID of its part and in the `cid:` that refers to it (RFC 2392).
PICTURES = "pictures"

#: How large a picture is shown at most: the text's width in a mail, and no higher than a small screen.
SHOWN_SIDES = (552, 480)
#: And a logo.
LOGO_SIDES = (240, 72)


@dataclass(frozen=True, slots=True)
class PictureBlock:
    """A picture, known by the hash of its bytes, with the words for whoever does not see it."""

    sha256: str
    extension: str  # "jpg" or "png"
    width: int
    height: int
    size_bytes: int
    alt: str

    @property
    def cid(self) -> str:
        """How a mail refers to the picture that travels inside it."""
        return f"cid:{self.sha256}@{PICTURES}"

    @property
    def path(self) -> str:
        """Its address on this site, without the site's name."""
        return f"/pictures/{self.sha256}.{self.extension}"

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height at which an edition shows it."""
        return _fitted(self.width, self.height, SHOWN_SIDES)

    @property
    def shown_as_logo(self) -> tuple[int, int]:
        """Width and height at which a masthead shows it."""
        return _fitted(self.width, self.height, LOGO_SIDES)


def _fitted(width: int, height: int, sides: tuple[int, int]) -> tuple[int, int]:
    """Made smaller until it fits, never larger."""
    scale = min(1.0, sides[0] / width, sides[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes, and from where: the same on every mail of one mailing list."""

    partnership: str  # "Oxfordshire SEND partnership"
    publisher: str  # "Oxfordshire County Council"
    postal_address: str
    phone: str
    contact_email: str
    help_text: str  # restricted Markdown
    brand_colour: str  # "#00594c"
    tint_colour: str
    list_name: str  # "SEND news for parents and carers"
    list_slug: str
    frequency: str  # "about once a fortnight"
    sender_name: str
    sender_email: str
    reply_to: str
    lawful_basis: str
    site_url: str  # base URL without a slash at the end
    sign_up_url: str
    archive_url: str  # public list of this mailing list's editions
    privacy_url: str
    accessibility_url: str
    logo: PictureBlock | None = None  # at the top of editions


@dataclass(frozen=True, slots=True)
class UpdateBlock:
    """One update in the wording of the edition's audience."""

    anchor: str  # "update-12"
    title: str
    body: str  # restricted Markdown
    organisation: str
    evidence_url: str = ""
    evidence_label: str = ""
    action: str = ""
    action_by: date | None = None
    picture: PictureBlock | None = None


@dataclass(frozen=True, slots=True)
class SectionBlock:
    """The updates of one priority area."""

    anchor: str  # "priority-3"
    number: int
    heading: str
    updates: tuple[UpdateBlock, ...]


@dataclass(frozen=True, slots=True)
class ResponseBlock:
    """What people said and what was done about it. `answer`, `promise` and `decided` are the words readers see."""

    anchor: str  # "response-3"
    theme: str
    asked: str  # "14 people told us, 1 September to 31 October 2026"
    said: str  # restricted Markdown
    answer: str  # "We did", the heading of the answer
    did: str  # restricted Markdown
    promise: str  # "We will finish by 1 March 2027.", or empty
    reason: str
    decided: str  # "Decided by: Head of SEND"
    organisation: str
    outcome: str  # one of `newsletter.content.models.ResponseOutcome`
    doing_by: date | None = None


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Something to come to, or to take part in without coming. Paths are those of this site, without its name."""

    anchor: str  # "event-7"
    title: str
    day: date  # the day it begins, in London
    when: str  # "Friday 20 November 2026, 6:30pm to 8pm"
    where: str
    cost: str
    for_whom: str
    access: str
    without_attending: str
    booking: str
    booking_url: str
    adjustments: str
    organisation: str
    page_path: str  # "/events/tell-us-what-you-think-2026-11-20"
    calendar_path: str
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an acronym stands for."""

    term: str
    expansion: str


@dataclass(frozen=True, slots=True)
class CorrectedBlock:
    """The edition that a correction mail puts right."""

    number: int
    date: date
    title: str  # its subject
    page_path: str  # "/editions/parents/2023-12-18"


@dataclass(frozen=True, slots=True)
class EditionMail:
    """An edition of a mailing list."""

    template: ClassVar[str] = "edition"

    letterhead: Letterhead
    subject: str
    preheader: str
    number: int
    date: date
    introduction: str  # restricted Markdown
    sections: tuple[SectionBlock, ...]
    page_url: str  # the permanent public page of this edition
    responses: tuple[ResponseBlock, ...] = ()
    events: tuple[EventBlock, ...] = ()
    glossary: tuple[Expansion, ...] = ()  # the acronyms that were written out at their first use
    corrects: CorrectedBlock | None = None  # in a correction mail, which has an introduction and no sections

    @property
    def updates(self) -> tuple[UpdateBlock, ...]:
        """All updates, in the order in which they are read."""
        return tuple(update for section in self.sections for update in section.updates)

    @property
    def pictures(self) -> tuple[PictureBlock, ...]:
        """Every picture that travels with it, the logo first, each once."""
        logo = (self.letterhead.logo,) if self.letterhead.logo else ()
        shown = (*logo, *(update.picture for update in self.updates if update.picture))
        return tuple({picture.sha256: picture for picture in shown}.values())

    @property
    def actions(self) -> tuple[UpdateBlock, ...]:
        """The updates that ask for something, soonest first, those without a date last."""
        asking = (update for update in self.updates if update.action)
        return tuple(sorted(asking, key=lambda update: update.action_by or date.max))

    @property
    def contents(self) -> tuple[UpdateBlock, ...]:
        """The updates that "In this edition" names."""
        return contents_of(self.sections)


def contents_of(sections: tuple[SectionBlock, ...]) -> tuple[UpdateBlock, ...]:
    """At most `MOST_CONTENTS` updates, from as many sections as possible, in the order in which they are read."""
    rounds = zip_longest(*(section.updates for section in sections))
    chosen = {update.anchor for update in islice(filter(None, chain.from_iterable(rounds)), MOST_CONTENTS)}
    return tuple(update for section in sections for update in section.updates if update.anchor in chosen)


@dataclass(frozen=True, slots=True)
class ConfirmMail:
    """Asks a person to confirm a sign-up: `[[confirm_url]]` and the six-digit `[[code]]`."""

    template: ClassVar[str] = "confirm"

    letterhead: Letterhead
    link_days: int
    code_minutes: int


@dataclass(frozen=True, slots=True)
class ReminderMail:
    """Asks once more a person who has not confirmed: `[[confirm_url]]`, which works for at least `days_left` days."""

    template: ClassVar[str] = "reminder"

    letterhead: Letterhead
    days_left: int


@dataclass(frozen=True, slots=True)
class AlreadyMail:
    """Tells somebody who is on the list, and signed up again, that there is nothing to do."""

    template: ClassVar[str] = "already"

    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class WelcomeMail:
    """Says that the sign-up is complete, what will come, and how to stop."""

    template: ClassVar[str] = "welcome"

    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class GoodbyeMail:
    """Says that the emails have stopped, and how to come back."""

    template: ClassVar[str] = "goodbye"

    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class NewAddressMail:
    """Asks a person to confirm that this address takes the place of their old one: `[[confirm_url]]` and `[[code]]`."""

    template: ClassVar[str] = "new-address"

    letterhead: Letterhead
    link_days: int
    code_minutes: int


@dataclass(frozen=True, slots=True)
class AddressChangedMail:
    """Tells the old address that another one has taken its place, and how to come back."""

    template: ClassVar[str] = "address-changed"

    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class StillOnMail:
    """Says that something pressed the stop link, that the emails go on, and how to stop them for certain."""

    template: ClassVar[str] = "still-on"

    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class StillYouMail:
    """Asks a professional whether this is still the right mailbox: `[[still_you_url]]`."""

    template: ClassVar[str] = "still-you"

    letterhead: Letterhead
    is_reminder: bool


@dataclass(frozen=True, slots=True)
class HandOverMail:
    """Asks a professional to take over from a colleague: `[[confirm_url]]`."""

    template: ClassVar[str] = "hand-over"

    letterhead: Letterhead
    link_days: int


Mail = (
    EditionMail
    | ConfirmMail
    | ReminderMail
    | AlreadyMail
    | WelcomeMail
    | GoodbyeMail
    | NewAddressMail
    | AddressChangedMail
    | StillOnMail
    | StillYouMail
    | HandOverMail
)


@dataclass(frozen=True, slots=True)
class InlinePicture:
    """A picture as it travels inside a mail. `Rendered.html` refers to it by its hash."""

    sha256: str
    content: bytes
    media_type: str
    extension: str

    @property
    def cid(self) -> str:
        return f"cid:{self.sha256}@{PICTURES}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail in every form a provider may need, with slot marks still in it.

    `pictures` are those the HTML shows, in that order: whoever has the database puts them in before the mail is sent.
    """

    subject: str
    html: str
    text: str
    markdown: str
    pictures: tuple[InlinePicture, ...] = ()
