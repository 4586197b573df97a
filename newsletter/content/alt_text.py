"""The words that stand for a picture where it is not seen: read aloud, in plain text, with pictures switched off.

They are required. What says nothing to whoever hears them is refused, with what to write instead.
"""

import re

from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput

#: What a screen reader reads in one breath.
LONGEST = 160

_FILE_NAME = re.compile(r"\.(jpe?g|png|webp|gif|hei[cf]|bmp|tiff?)$", re.IGNORECASE)
_CAMERA = re.compile(r"(img|dsc[nf]?|pxl|image|photo|picture|screenshot|untitled|logo)[\s_-]*[\d_.-]*", re.IGNORECASE)
_OF = re.compile(r"(an?\s+|the\s+)?(image|picture|photo|photograph|graphic|icon|illustration) (of|showing)\b", re.I)


def checked(text: str) -> str:
    """The words as they are kept. Raises `InvalidInput` with a sentence for the form."""
    try:
        words = one_line(text)
    except ValueError as error:
        raise _refused(f"What the picture shows: {error}") from None
    if not words:
        raise _refused("Say in words what the picture shows, for people who cannot see it")
    if not any(character.isalnum() for character in words):
        raise _refused("Say in words what the picture shows, like “Two parents and a teacher at a table”")
    if _FILE_NAME.search(words) or _CAMERA.fullmatch(words):
        raise _refused("This looks like the name of a file. Say in words what the picture shows")
    if found := _OF.match(words):
        raise _refused(f"Leave out “{found[0]}”: screen readers say that it is a picture. Begin with what it shows")
    if len(words) > LONGEST:
        raise _refused(
            f"What the picture shows must be {LONGEST} characters or fewer; you have used {len(words)}. Put the rest "
            "into the text of the update"
        )
    return words


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="alt")
