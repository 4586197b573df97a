"""A draft in the hands of one person: held while they change it, refused when it is no longer what they looked at.

Pages carry the revision that was shown; a change that was meant for another one is not made, so that two people who
compose at the same time never undo each other's work unseen.
"""

from sqlmodel import Session, col, select

from newsletter.core.errors import NotFound, WrongState
from newsletter.editions.models import Edition, EditionState


class ChangedMeanwhile(WrongState):
    """Somebody else changed the edition after it was shown."""


class NoDraft(WrongState):
    """The edition is not a draft: what was agreed about it stands."""


def hold(session: Session, edition_id: int, *, revision: int) -> Edition:
    """The draft, held until the transaction ends, if it still is what was shown.

    Raises `NotFound`, `NoDraft` and `ChangedMeanwhile`.
    """
    held = select(Edition).where(col(Edition.id) == edition_id).with_for_update()
    edition = session.exec(held.execution_options(populate_existing=True)).one_or_none()
    if edition is None:
        raise NotFound(f"There is no edition {edition_id}.")
    if edition.state is not EditionState.DRAFT:
        raise NoDraft(
            f"Edition {edition.number} is not a draft, so nothing in it was changed. Take it back to draft first: an "
            "approval is then undone."
        )
    if edition.revision != revision:
        raise ChangedMeanwhile(
            f"Edition {edition.number} was changed after you opened this page, so your change was not made. This is "
            "the edition as it is now: look at it, and make your change again."
        )
    return edition
