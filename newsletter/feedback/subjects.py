"""What a reply answers, as its subject says it: mail programs put "Re:" and the like before the one they answer."""

import re
import unicodedata

from newsletter.core.texts import visible

#: What stands before a subject: "Re:", "AW:", "Re[2]:", "Fwd :", or the mark of a mail filter, "[EXTERNAL]".
_BEFORE = re.compile(r"(?:\[[^\[\]]{1,40}\]|[^\W\d_]{1,10} ?(?:[\[(]\d{1,3}[\])])? ?[:：]) ?")
#: Longer subjects are not ours, and nobody answers an answer more often.
_LONGEST, _MOST = 500, 20


def comparable(subject: str) -> str:
    """A subject as two are compared: whatever its capitals and its spaces."""
    return " ".join(visible(unicodedata.normalize("NFKC", subject[:_LONGEST])).split()).casefold()


def may_answer(subject: str) -> list[str]:
    """The subjects that this one may be an answer to, comparable, the likeliest first: what is one of ours is known by
    being one, for ours may begin with a word and a colon as well."""
    found: list[str] = []
    rest = comparable(subject)
    while rest and len(found) < _MOST:
        found.append(rest)
        before = _BEFORE.match(rest)
        rest = rest[before.end() :] if before else ""
    return found
