"""Entity tags (RFC 9110, section 8.8.3): whoever has a file already is told so instead of being sent it again."""

import hashlib


def of(content: bytes) -> str:
    """The tag of these bytes: a weak one, because they may go out compressed or not."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether the header of a request names this tag (weak comparison), or any."""
    tags = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
