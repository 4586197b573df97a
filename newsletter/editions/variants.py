"""Other forms of an edition: a short version, Easy Read, translations, sign language, audio, large print (REQ-57).

People write and record them; here they are promised, added and published. One that is there when the edition goes out
is published with it, one that comes later as soon as it is added. What is promised has a date, and approval asks for
it. Whatever is added stands in the history of the edition.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import moves
from newsletter.editions.checks import Missing
from newsletter.editions.models import EditionState, EditionVariant, VariantKind
from newsletter.rendering import markup

ENGLISH = "en-GB"
#: British Sign Language in ISO 639-3, and so in BCP 47.
SIGNED = "bfi"

NAMES: Mapping[VariantKind, str] = MappingProxyType(
    {
        VariantKind.SHORT: "Short version",
        VariantKind.EASY_READ: "Easy Read",
        VariantKind.TRANSLATION: "Translation",
        VariantKind.BSL: "British Sign Language (BSL)",
        VariantKind.AUDIO: "Audio",
        VariantKind.LARGE_PRINT: "Large print",
    }
)

#: The shape of a language tag of RFC 5646 (BCP 47), as far as one is likely here: "pl", "zh-Hant", "pt-BR".
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")
_URL = re.compile(r"https://[^\s/?#@]+\.[^\s@]+")

#: Languages written from right to left, of those that families here read.
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


def add(
    session: Session,
    edition_id: int,
    kind: VariantKind,
    *,
    language: str | None = None,
    title: str | None = None,
    url: str = "",
    text: str = "",
    promised_for: date | None = None,
    now: datetime,
    staff_id: int | None = None,
) -> EditionVariant:
    """Promise another form of an edition, or add it: with a `url`, or with a `text` in restricted Markdown.

    A second call for the same kind and language fills in or replaces the first. Raises `NotFound`, `InvalidInput`, and
    `WrongState` for a cancelled edition that never went out.
    """
    edition = moves.read(session, edition_id)
    if edition.state is EditionState.CANCELLED and edition.released_at is None:
        raise WrongState(f"Edition {edition.number} was cancelled before it went out.")
    language = _language(kind, language)
    variant = session.exec(
        select(EditionVariant).where(
            EditionVariant.edition_id == edition_id, EditionVariant.kind == kind, EditionVariant.language == language
        )
    ).one_or_none()
    is_new = variant is None
    if variant is None:
        variant = EditionVariant(edition_id=edition_id, kind=kind, language=language, title=NAMES[kind])
    variant.title = _title(kind, title, None if is_new else variant.title)
    variant.url, variant.text = _content(url.strip(), text.strip())
    variant.promised_for = promised_for
    is_there = bool(variant.url or variant.text)
    was_public = variant.published_at is not None
    variant.published_at = now if is_there and edition.released_at is not None else None
    session.add(variant)
    done = "Replaced" if was_public else "Added" if is_there else "Promised"
    moves.note(session, edition, "variant", f"{done}: {variant.title} ({language})", now=now, staff_id=staff_id)
    return variant


def all_of(session: Session, edition_id: int) -> list[EditionVariant]:
    """Every form that was promised or added, in the order of `VariantKind`, then by language."""
    order = list(VariantKind)
    found = session.exec(select(EditionVariant).where(EditionVariant.edition_id == edition_id))
    return sorted(found, key=lambda variant: (order.index(variant.kind), variant.language))


def public(session: Session, edition_id: int, key: str) -> EditionVariant:
    """The published text with that key. Raises `NotFound`."""
    for variant in all_of(session, edition_id):
        if variant.published_at is not None and variant.text and key_of(variant) == key:
            return variant
    raise NotFound("There is no such form of this edition.")


def publish(session: Session, edition_id: int, *, now: datetime) -> None:
    """The edition goes out, and what is there of its other forms with it."""
    is_there = sa.or_(col(EditionVariant.url) != "", col(EditionVariant.text) != "")
    session.execute(
        sa.update(EditionVariant).where(col(EditionVariant.edition_id) == edition_id, is_there).values(published_at=now)
    )


def missing(session: Session, edition_id: int) -> list[Missing]:
    """What is promised and not there."""
    return [
        Missing(variant.title, variant.promised_for)
        for variant in all_of(session, edition_id)
        if not (variant.url or variant.text)
    ]


def key_of(variant: EditionVariant) -> str:
    """The last part of its address: "short", "translation-pl"."""
    usual = SIGNED if variant.kind is VariantKind.BSL else ENGLISH
    return variant.kind.value if variant.language == usual else f"{variant.kind.value}-{variant.language}"


def direction(language: str) -> str:
    """How the language is written, as HTML says it: "ltr" or "rtl"."""
    return "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def _language(kind: VariantKind, language: str | None) -> str:
    if language is None:
        if kind is VariantKind.TRANSLATION:
            raise InvalidInput("Say which language it is in, like “pl” for Polish.", field="language")
        return SIGNED if kind is VariantKind.BSL else ENGLISH
    if not _LANGUAGE.fullmatch(language):
        raise InvalidInput("Write the language as a tag like “pl”, “ur” or “zh-Hant”.", field="language")
    return language


def _title(kind: VariantKind, title: str | None, before: str | None) -> str:
    if title is None:
        if before is not None:
            return before
        if kind is VariantKind.TRANSLATION:
            raise InvalidInput("Give the name of the language in that language, like “Polski”.", field="title")
        return NAMES[kind]
    try:
        line = one_line(title)
    except ValueError as error:
        raise InvalidInput(f"Title: {error}", field="title") from None
    if not 0 < len(line) <= 120:
        raise InvalidInput("Title must have 1 to 120 characters", field="title")
    return line


def _content(url: str, text: str) -> tuple[str, str]:
    if url and text:
        raise InvalidInput("Give a link or a text, not both.", field="url")
    if url and (len(url) > 500 or not _URL.fullmatch(url)):
        raise InvalidInput("Give the whole address of the link, with https in front.", field="url")
    markup.validate(text)
    return url, text
