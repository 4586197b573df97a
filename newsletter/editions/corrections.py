"""Put something right in an edition that has gone out, openly: what was frozen stays, and readers see what it said
before, what it says now, when that changed and why (REQ-49)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.editions import moves, search_text
from newsletter.editions.composing import EditionPage, page_from_json
from newsletter.editions.models import Correction, Edition
from newsletter.rendering import markup
from newsletter.rendering.mails import UpdateBlock

#: The texts of an update that can be corrected.
_TEXTS = ("title", "body", "action", "organisation", "evidence_label")


def correct(
    session: Session,
    edition_id: int,
    *,
    anchor: str | None,
    old: str,
    new: str,
    because: str,
    now: datetime,
    staff_id: int | None = None,
) -> Correction:
    """Replace `old` by `new` (restricted Markdown) in one update, or in the introduction when `anchor` is None.

    `because` says to readers, in a sentence, what changed. `old` has to stand exactly once in that place, as it reads
    after earlier corrections. Raises `NotFound`, `WrongState` (it has not gone out: edit it), `InvalidInput`.
    """
    edition = moves.read(session, edition_id)
    if edition.released_at is None or edition.frozen_page is None:
        raise WrongState(f"Edition {edition.number} has not gone out. Edit it instead.")
    old, new = old.strip(), new.strip()
    correction = Correction(
        edition_id=edition_id,
        at=now,
        anchor=anchor,
        because=_sentence(because),
        old_text=old,
        new_text=new,
        staff_id=staff_id,
    )
    if not old or old == new:
        raise InvalidInput("Give the text as it is and, different from it, as it should be.", field="old")
    page = current_page(edition, of_editions(session, [edition_id]).get(edition_id, []))
    times = _count(page, correction)
    if times is None:
        anchors = ", ".join(update.anchor for section in page.sections for update in section.updates)
        raise InvalidInput(f"There is no “{anchor}” in edition {edition.number}. There are: {anchors}.", field="anchor")
    if times != 1:
        where = "in that update" if anchor else "in the introduction"
        raise InvalidInput(
            f"“{old[:60]}” stands {'nowhere' if times == 0 else f'{times} times'} {where}. Give words that stand there "
            "once, as they were approved.",
            field="old",
        )
    corrected = _apply(page, correction)
    _check(corrected, anchor)
    session.add(correction)
    search_text.keep(session, edition_id, corrected)
    moves.note(session, edition, "correct", f"Corrected: {correction.because}", now=now, staff_id=staff_id)
    return correction


def of_editions(session: Session, edition_ids: Collection[int]) -> dict[int, list[Correction]]:
    """The corrections of each edition that has any, oldest first."""
    found: dict[int, list[Correction]] = {}
    rows = session.exec(
        select(Correction)
        .where(col(Correction.edition_id).in_(edition_ids))
        .order_by(col(Correction.at), col(Correction.id))
    )
    for correction in rows:
        found.setdefault(correction.edition_id, []).append(correction)
    return found


def current_page(edition: Edition, corrections: Iterable[Correction]) -> EditionPage:
    """The frozen page with its corrections made, oldest first."""
    page = page_from_json(edition.frozen_page or "")
    for correction in corrections:
        if _count(page, correction) == 1:
            page = _apply(page, correction)
    return page


def by_anchor(corrections: Sequence[Correction]) -> dict[str | None, list[Correction]]:
    """The corrections by the place they were made at."""
    found: dict[str | None, list[Correction]] = {}
    for correction in corrections:
        found.setdefault(correction.anchor, []).append(correction)
    return found


def _count(page: EditionPage, correction: Correction) -> int | None:
    """How often the old text stands where the correction is to be made; None when there is no such update."""
    if correction.anchor is None:
        return page.introduction.count(correction.old_text)
    for section in page.sections:
        for update in section.updates:
            if update.anchor == correction.anchor:
                texts: list[str] = [getattr(update, name) for name in _TEXTS]
                return sum(text.count(correction.old_text) for text in texts)
    return None


def _apply(page: EditionPage, correction: Correction) -> EditionPage:
    old, new = correction.old_text, correction.new_text
    if correction.anchor is None:
        return replace(page, introduction=page.introduction.replace(old, new).strip())

    def mended(update: UpdateBlock) -> UpdateBlock:
        if update.anchor != correction.anchor:
            return update
        return replace(update, **{name: getattr(update, name).replace(old, new).strip() for name in _TEXTS})

    sections = (
        replace(section, updates=tuple(mended(update) for update in section.updates)) for section in page.sections
    )
    return replace(page, sections=tuple(sections))


def _check(page: EditionPage, anchor: str | None) -> None:
    """Refuse what no page could show."""
    if anchor is None:
        markup.validate(page.introduction)
        return
    update = next(update for section in page.sections for update in section.updates if update.anchor == anchor)
    markup.validate(update.body)
    _lines(update.title, update.action, update.organisation, update.evidence_label)
    if not (update.title and update.body and update.organisation):
        raise InvalidInput("An update keeps a title, a text and an organisation. Say instead that it was wrong.")


def _lines(*texts: str) -> None:
    try:
        for text in texts:
            one_line(text)
    except ValueError as error:
        raise InvalidInput(f"{error}.", field="new") from None


def _sentence(because: str) -> str:
    try:
        line = one_line(because)
    except ValueError as error:
        raise InvalidInput(f"{error}.", field="because") from None
    if not 0 < len(line) <= 300:
        raise InvalidInput("Say in one sentence of at most 300 characters what changed and why.", field="because")
    return line
