"""Who an update is written for. Content, editions and subscribers are strangers; this word they share."""

import enum


class Audience(enum.StrEnum):
    """Decides which wording of an update a mailing list gets, and which questions its sign-up asks."""

    PARENTS = "parents"
    PROFESSIONALS = "professionals"
