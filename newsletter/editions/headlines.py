"""The first words of an edition: subject, preheader and introduction, made from its updates and edited by people later.

They name no person and no condition, and never say "your child": a subject is read on a locked screen by whoever is
near.
"""

import re
from collections.abc import Sequence

from newsletter.content import updates
from newsletter.content.models import Update
from newsletter.core.audience import Audience

#: Many mail programs on a phone cut a subject off near here.
SUBJECT_LENGTH = 70

#: About what a phone shows after the subject.
PREHEADER_LENGTH = 110

#: Words that would tell somebody who glances at the screen about the reader's family (REQ-38).
PERSONAL = re.compile(
    r"\byour\s+(?:own\s+)?(?:child|children|kid|kids|son|daughter|family|young\s+person|baby|teenager|diagnosis|needs|"
    r"disability|autis\w*|adhd|dyslexi\w*|anxiety|ehcp|education,\s+health)\b",
    re.IGNORECASE,
)


def subject(chosen: Sequence[Update], audience: Audience) -> str:
    """One line: the newest update that fits, and how many more there are."""
    rest = len(chosen) - 1
    more = f", and {rest} more {'update' if rest == 1 else 'updates'}" if rest else ""
    for title in _newest_first(chosen, audience):
        line = f"SEND news: {title}{more}"
        if len(line) <= SUBJECT_LENGTH:
            return line
    return f"SEND news: {count(len(chosen), 'update')} on what has changed"


def preheader(chosen: Sequence[Update], audience: Audience, subject_line: str) -> str:
    """What a mail program shows after the subject: as many of the other titles as fit."""
    line = ""
    for title in _newest_first(chosen, audience):
        longer = f"{line}. {title}" if line else f"Also: {title}"
        if title not in subject_line and len(longer) < PREHEADER_LENGTH:
            line = longer
    return f"{line}." if line else "News about services for children and young people with SEND."


def introduction(chosen: Sequence[Update], audience: Audience, area: str) -> str:
    """Two plain sentences that say what is in it."""
    updates_in_it = (
        f"This edition has {count(len(chosen), 'update')} on services for special educational needs and disabilities "
        f"(SEND) in {area}."
    )
    if audience is Audience.PARENTS:
        return f"{updates_in_it} Each one says who is doing the work and where you can read more."
    actions = sum(1 for update in chosen if update.action)
    if not actions:
        return f"{updates_in_it} None of them needs you to do anything."
    verb = "asks" if actions == 1 else "ask"
    return f"{updates_in_it} {count(actions, 'update').capitalize()} {verb} you to do something."


def count(number: int, thing: str) -> str:
    """1 update, 2 updates."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _newest_first(chosen: Sequence[Update], audience: Audience) -> list[str]:
    """Titles fit for a subject, newest first."""
    newest = sorted(chosen, key=lambda update: update.from_date, reverse=True)
    titles = (updates.wording(update, audience)[0].rstrip(".") for update in newest)
    return [title for title in titles if not PERSONAL.search(title)]
