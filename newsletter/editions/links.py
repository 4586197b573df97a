"""The links of an edition, and what came of opening them: kept for a day, so that showing a page opens none.

Opening is the business of `newsletter.editions.opening_links`; here nothing leaves the machine.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.core.db import insert
from newsletter.editions import checks
from newsletter.editions.models import LinkCheck
from newsletter.rendering.mails import EditionMail

#: For how long what came of it is believed.
GOOD_FOR = timedelta(days=1)
#: How long results are kept at all.
KEPT_FOR = timedelta(days=30)


def targets(mail: EditionMail) -> Sequence[str]:
    """The web addresses that an edition links to, each once, in the order in which they are read."""
    found = (target for _, _, _, target in checks.all_links(mail) if target.lower().startswith(("https://", "http://")))
    return tuple(dict.fromkeys(found))


def kept(session: Session, urls: Iterable[str], *, now: datetime) -> dict[str, LinkCheck]:
    """What came of opening each, of those that were opened lately."""
    keys = {_key(url): url for url in urls}
    rows = session.exec(
        select(LinkCheck).where(col(LinkCheck.url_sha256).in_(keys), col(LinkCheck.at) > now - GOOD_FOR)
    )
    return {keys[row.url_sha256]: row for row in rows}


def keep(session: Session, problems: Mapping[str, str], *, now: datetime) -> None:
    """Keep what came of opening links: a problem for each target, empty where it opened."""
    for url, problem in sorted(problems.items()):
        values = {"url_sha256": _key(url), "at": now, "problem": problem[:120]}
        session.execute(
            insert(session, LinkCheck)
            .values(**values)
            .on_conflict_do_update(index_elements=["url_sha256"], set_={"at": now, "problem": problem[:120]})
        )


def forget(session: Session, *, now: datetime) -> None:
    """Delete what is too old to say anything. Repeatable."""
    for row in session.exec(select(LinkCheck).where(col(LinkCheck.at) < now - KEPT_FOR)):
        session.delete(row)


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
