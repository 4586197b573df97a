"""The addresses of pages that mails lead to. Personal ones carry a token and nothing else about the person."""

from datetime import datetime

from newsletter.core.tokens import Purpose, Tokens

_LEAVE_AND_MANAGE = (Purpose.LEAVE, Purpose.MANAGE)


class PersonalLinks:
    """The personal links of everybody on one mailing list. What they have in common is worked out once."""

    def __init__(self, tokens: Tokens, base_url: str, list_id: int) -> None:
        self._tokens, self._list_id = tokens, list_id
        self._before = f"{base_url.rstrip('/')}/"
        self._issued: tuple[datetime, int] | None = None

    def leave_and_manage(self, subscriber_id: int, issued_at: datetime) -> tuple[str, str]:
        """The links to stop one list's emails, and to change what we know, which stand in nearly every mail."""
        leave, manage = self._made(_LEAVE_AND_MANAGE, subscriber_id, issued_at)
        return leave, manage

    def confirm(self, subscriber_id: int, issued_at: datetime) -> str:
        return self._made((Purpose.CONFIRM,), subscriber_id, issued_at)[0]

    def still_you(self, subscriber_id: int, issued_at: datetime) -> str:
        return self._made((Purpose.STILL_YOU,), subscriber_id, issued_at)[0]

    def _made(self, purposes: tuple[Purpose, ...], subscriber_id: int, issued_at: datetime) -> list[str]:
        if self._issued is None or self._issued[0] is not issued_at and self._issued[0] != issued_at:
            # All copies of an edition were queued in the same moment.
            self._issued = (issued_at, int(issued_at.timestamp()))
        tokens = self._tokens.make_all(purposes, self._list_id, subscriber_id, self._issued[1])
        return [f"{self._before}{purpose}/{token}" for purpose, token in zip(purposes, tokens, strict=True)]


def page_url(base_url: str, list_slug: str, edition_slug: str) -> str:
    """The permanent public page of an edition."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}/{edition_slug}"


def archive_url(base_url: str, list_slug: str) -> str:
    """Where the editions of one mailing list are listed."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}"
