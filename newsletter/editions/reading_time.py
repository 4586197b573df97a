"""About how long an edition takes to read."""

from newsletter.editions.composing import EditionPage
from newsletter.editions.search_text import plain

#: Words a minute: below the 240 or so of practised readers of English, because many of ours are tired or not practised.
WORDS_A_MINUTE = 180


def minutes(page: EditionPage) -> int:
    """Whole minutes, at least one."""
    return max(1, round(len(plain(page).split()) / WORDS_A_MINUTE))
