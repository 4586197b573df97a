"""What an edition says, kept as plain text when it goes out, so that the archive can be searched.

Capitals, forms of a letter and kinds of apostrophe do not count: `fold` takes them away here, from the text and from
what is looked for, and SQLite and PostgreSQL find the same.
"""

import unicodedata

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.editions.composing import EditionPage
from newsletter.editions.models import EditionArea, EditionText
from newsletter.rendering import markup

#: Apostrophes as phones and word processors write them, and the one on a keyboard.
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'"})


def keep(session: Session, edition_id: int, page: EditionPage) -> None:
    """Write down what the page of the edition says, and which priority areas it has news of. Repeatable."""
    text = plain(page)
    session.merge(EditionText(edition_id=edition_id, text=text, folded=fold(text)))
    session.execute(sa.delete(EditionArea).where(col(EditionArea.edition_id) == edition_id))
    for section in page.sections:
        session.add(EditionArea(edition_id=edition_id, number=section.number, heading=section.heading))
    session.flush()


def plain(page: EditionPage) -> str:
    """Everything a reader might look for, one paragraph a line, the title first."""
    parts = [page.title, markup.to_words(page.introduction)]
    for section in page.sections:
        parts.append(section.heading)
        for update in section.updates:
            picture = update.picture.alt if update.picture else ""
            parts += [update.title, markup.to_words(update.body), picture, update.action, update.organisation]
    for response in page.responses:
        parts += [response.theme, markup.to_words(response.said), markup.to_words(response.did), response.reason]
    for event in page.events:
        parts += [event.title, event.when, event.where, event.for_whom, event.without_attending]
    lines = (" ".join(line.split()) for part in parts for line in part.splitlines())
    return "\n".join(line for line in lines if line)


def fold(text: str) -> str:
    """The text without what does not count in a search. What is folded already stays as it is."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_PLAIN)
