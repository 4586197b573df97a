"""What was approved, kept byte for byte, and the hash that proves it.

The hash covers subject, HTML, text, Markdown and page together with the edition's own place (list, number, slug), each
with its length in front, so that nothing can be moved from one part, or one edition, to another unnoticed. It covers
the pictures too: the HTML names each by the hash of its bytes, and those are compared before anything is sent.
"""

import hashlib
import hmac
from typing import Any

from sqlmodel import Session, col, select

from newsletter.content import pictures
from newsletter.core.errors import WrongState
from newsletter.editions.models import Edition, EditionApproval
from newsletter.rendering.mails import InlinePicture, Rendered

#: The columns of `Edition` that belong to an approval, and what they are without one.
NOTHING: dict[str, Any] = {
    "approver_id": None,
    "approved_at": None,
    "election_reason": None,
    "send_at": None,
    "frozen_subject": None,
    "frozen_html": None,
    "frozen_text": None,
    "frozen_markdown": None,
    "frozen_page": None,
    "frozen_sha256": None,
}


def freeze(edition: Edition, rendered: Rendered, page: str) -> dict[str, str]:
    """The frozen columns of the edition, hash included."""
    frozen = {
        "frozen_subject": rendered.subject,
        "frozen_html": rendered.html,
        "frozen_text": rendered.text,
        "frozen_markdown": rendered.markdown,
        "frozen_page": page,
    }
    return {**frozen, "frozen_sha256": _digest(edition, frozen)}


def rendered(session: Session, edition: Edition) -> Rendered:
    """The frozen mail, pictures included. Raises `WrongState` when there is none, or when it is not what was
    approved."""
    verify_frozen(edition)
    frozen = _frozen(edition)
    return Rendered(
        subject=frozen["frozen_subject"],
        html=frozen["frozen_html"],
        text=frozen["frozen_text"],
        markdown=frozen["frozen_markdown"],
        pictures=_pictures(session, edition),
    )


def verify_frozen(edition: Edition) -> None:
    """Make sure that what is stored is what was approved.

    Raises `WrongState` when nothing is frozen or the hash does not match.
    """
    expected = _digest(edition, _frozen(edition))
    if edition.frozen_sha256 is None or not hmac.compare_digest(expected, edition.frozen_sha256):
        raise _not_as_approved(edition)


def verify_approved(session: Session, edition: Edition) -> None:
    """`verify_frozen`, that its pictures are still the same, and that an approver approved this very text last: whoever
    writes another one into the edition can write its hash too. Editions that were approved before approvals were kept
    have none.

    Raises `WrongState`.
    """
    verify_frozen(edition)
    _pictures(session, edition)
    last = session.exec(
        select(EditionApproval.sha256)
        .where(EditionApproval.edition_id == edition.id)
        .order_by(col(EditionApproval.id).desc())
        .limit(1)
    ).first()
    if last is not None and not hmac.compare_digest(last, edition.frozen_sha256 or ""):
        raise _not_as_approved(edition)


def _pictures(session: Session, edition: Edition) -> tuple[InlinePicture, ...]:
    """The pictures in the frozen mail. Raises `WrongState`, saying what can still be done."""
    try:
        return pictures.inside(session, edition.frozen_html or "")
    except WrongState as problem:
        if edition.released_at is None:
            raise WrongState(f"{problem} Edit it, and have it approved again.") from None
        raise WrongState(
            f"{problem} Edition {edition.number} has gone out, so it cannot be edited, and no more copies of it can be "
            "made."
        ) from None


def _not_as_approved(edition: Edition) -> WrongState:
    return WrongState(
        f"Edition {edition.number} is not what was approved: its text was changed in the database. It is not sent. "
        "Edit it, and have it approved again."
    )


def _frozen(edition: Edition) -> dict[str, str]:
    found = {
        "frozen_subject": edition.frozen_subject,
        "frozen_html": edition.frozen_html,
        "frozen_text": edition.frozen_text,
        "frozen_markdown": edition.frozen_markdown,
        "frozen_page": edition.frozen_page,
    }
    whole = {name: value for name, value in found.items() if value is not None}
    if len(whole) != len(found):
        raise WrongState(f"Edition {edition.number} has no approved text. It has to be approved first.")
    return whole


def _digest(edition: Edition, frozen: dict[str, str]) -> str:
    place = [str(edition.mailing_list_id), edition.audience, str(edition.number), edition.slug]
    digest = hashlib.sha256()
    for part in [*place, *(frozen[name] for name in sorted(frozen))]:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()
