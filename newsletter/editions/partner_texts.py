"""The texts of partners that want to approve what goes out in their name (REQ-46).

A partner approves all its texts in an edition together, exactly as readers will see them: the approval is tied to their
hash, so that any change of any of them asks the partner again. Which partners want this is data (`approves_texts`).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.models import Event, Partner, Response, Update
from newsletter.core.errors import NotFound, WrongState
from newsletter.editions import moves
from newsletter.editions.models import (
    Edition,
    EditionChoice,
    EditionState,
    EventChoice,
    PartnerApproval,
    ResponseChoice,
)
from newsletter.rendering.mails import EditionMail, EventBlock, ResponseBlock, UpdateBlock

Block = UpdateBlock | EventBlock | ResponseBlock

#: While a partner may still be asked.
OPEN = (EditionState.DRAFT, EditionState.REVIEW)


@dataclass(frozen=True, slots=True)
class PartnerText:
    """What one partner has to approve in an edition, and whether it has."""

    partner: Partner
    blocks: tuple[Block, ...]
    sha256: str
    approval: PartnerApproval | None  # of exactly these texts
    was_approved: bool  # of other texts, earlier


def of(session: Session, edition: Edition, mail: EditionMail) -> list[PartnerText]:
    """The partners that have to approve texts of the edition as it is composed in `mail`, by name."""
    owners = _owners(session, edition)
    if not owners:
        return []
    by_partner: defaultdict[int, list[Block]] = defaultdict(list)
    partners: dict[int, Partner] = {}
    everything: list[Block] = [*mail.updates, *mail.responses, *mail.events]
    for block in everything:
        if (partner := owners.get(block.anchor)) is not None and partner.id is not None:
            partners[partner.id] = partner
            by_partner[partner.id].append(block)
    given = _approvals(session, edition)
    found = []
    for partner_id, blocks in by_partner.items():
        sha256 = _digest(blocks)
        mine = [each for each in given if each.partner_id == partner_id]
        approval = next((each for each in mine if each.sha256 == sha256), None)
        found.append(PartnerText(partners[partner_id], tuple(blocks), sha256, approval, bool(mine)))
    return sorted(found, key=lambda text: text.partner.name)


def waiting_for(session: Session, edition: Edition, mail: EditionMail) -> list[str]:
    """A sentence for each partner that has not approved its texts as they are."""
    return [
        f"{text.partner.name} has still to approve its texts{' again, because they were changed' * text.was_approved}."
        for text in of(session, edition, mail)
        if text.approval is None
    ]


def approve(
    session: Session,
    edition_id: int,
    partner_id: int,
    *,
    mail: EditionMail,
    seen_sha256: str,
    staff_id: int,
    partner_ids: Collection[int],
    now: datetime,
) -> PartnerApproval:
    """Record that a partner approves its texts; somebody of `partner_ids` says so, having seen those of that hash.

    Repeatable. Raises `NotFound` (no such partner, or not theirs), `WrongState` (too late, or changed meanwhile).
    """
    edition = moves.read(session, edition_id)
    text = next((each for each in of(session, edition, mail) if each.partner.id == partner_id), None)
    if text is None or partner_id not in partner_ids:
        raise NotFound("There is no text of this partner in the edition that you could approve.")
    if edition.state not in OPEN:
        raise WrongState(
            f"Edition {edition.number} is no longer open for changes: partners approve their texts before."
        )
    if text.sha256 != seen_sha256:
        raise WrongState("The text was changed after you looked at it. Look at it again, and then decide.")
    if text.approval is not None:
        return text.approval
    approval = PartnerApproval(
        edition_id=edition_id, partner_id=partner_id, sha256=text.sha256, staff_id=staff_id, at=now
    )
    session.add(approval)
    sentence = f"{text.partner.name} approved its texts, SHA-256 {text.sha256}"
    moves.note(session, edition, "partner", sentence, now=now, staff_id=staff_id)
    return approval


def _owners(session: Session, edition: Edition) -> dict[str, Partner]:
    """Which partner each part of the edition belongs to, by its anchor; only partners that want to approve."""
    owners: dict[str, Partner] = {}
    for name, part, choice, is_of in (
        ("update", Update, EditionChoice, col(EditionChoice.update_id) == col(Update.id)),
        ("event", Event, EventChoice, col(EventChoice.event_id) == col(Event.id)),
        ("response", Response, ResponseChoice, col(ResponseChoice.response_id) == col(Response.id)),
    ):
        rows = session.execute(
            sa.select(col(part.id), Partner)
            .select_from(part)
            .join(choice, is_of)
            .join(Partner, col(Partner.id) == col(part.partner_id))
            .where(col(choice.edition_id) == edition.id, col(choice.is_in), col(Partner.approves_texts))
        )
        owners |= {f"{name}-{part_id}": partner for part_id, partner in rows}
    return owners


def _approvals(session: Session, edition: Edition) -> Sequence[PartnerApproval]:
    return session.exec(
        select(PartnerApproval).where(PartnerApproval.edition_id == edition.id).order_by(col(PartnerApproval.id))
    ).all()


def _digest(blocks: list[Block]) -> str:
    parts: list[Any] = sorted(map(_told, blocks), key=lambda part: str(part["anchor"]))
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _told(block: Block) -> dict[str, Any]:
    """Everything a block says. Without a picture it is what it was before there were pictures: approvals stay good."""
    return {name: value for name, value in asdict(block).items() if name != "picture" or value is not None}
