"""The addresses of pages that mails lead to. Personal ones carry a token and nothing else about the person."""

from datetime import UTC, datetime

from newsletter.core.tokens import Purpose, Tokens


class PersonalLinks:
    """The personal links of everybody on one mailing list. What they have in common is worked out once."""

    def __init__(self, tokens: Tokens, base_url: str, list_id: int) -> None:
        self._tokens, self._list_id = tokens, list_id
        self._before = f"{base_url.rstrip('/')}/"
        self._leave, self._manage = f"{self._before}{Purpose.LEAVE}/", f"{self._before}{Purpose.MANAGE}/"
        self._leave_and_manage = tokens.maker((Purpose.LEAVE, Purpose.MANAGE), list_id)
        self._issued_at, self._issued_at_s = datetime.fromtimestamp(0, UTC), 0

    def leave_and_manage(self, subscriber_id: int, issued_at: datetime) -> tuple[str, str]:
        """The links to stop one list's emails, and to change what we know, which stand in nearly every mail."""
        if issued_at is not self._issued_at and issued_at != self._issued_at:
            # All copies of an edition were queued in the same moment.
            self._issued_at, self._issued_at_s = issued_at, int(issued_at.timestamp())
        leave, manage = self._leave_and_manage(subscriber_id, self._issued_at_s)
        return self._leave + leave, self._manage + manage

    def confirm(self, subscriber_id: int, issued_at: datetime) -> str:
        return self._made(Purpose.CONFIRM, subscriber_id, issued_at)

    def still_you(self, subscriber_id: int, issued_at: datetime) -> str:
        return self._made(Purpose.STILL_YOU, subscriber_id, issued_at)

    def _made(self, purpose: Purpose, subscriber_id: int, issued_at: datetime) -> str:
        token = self._tokens.make(purpose, list_id=self._list_id, subject_id=subscriber_id, issued_at=issued_at)
        return f"{self._before}{purpose}/{token}"


def page_url(base_url: str, list_slug: str, edition_slug: str) -> str:
    """The permanent public page of an edition."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}/{edition_slug}"


def archive_url(base_url: str, list_slug: str) -> str:
    """Where the editions of one mailing list are listed."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}"
