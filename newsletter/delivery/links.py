"""The addresses of pages that mails lead to. Personal ones carry a token and nothing else about the person."""

from datetime import datetime

from newsletter.core.tokens import Purpose, Tokens


def confirm_url(tokens: Tokens, base_url: str, list_id: int, subscriber_id: int, issued_at: datetime) -> str:
    return _personal(Purpose.CONFIRM, tokens, base_url, list_id, subscriber_id, issued_at)


def leave_url(tokens: Tokens, base_url: str, list_id: int, subscriber_id: int, issued_at: datetime) -> str:
    return _personal(Purpose.LEAVE, tokens, base_url, list_id, subscriber_id, issued_at)


def manage_url(tokens: Tokens, base_url: str, list_id: int, subscriber_id: int, issued_at: datetime) -> str:
    return _personal(Purpose.MANAGE, tokens, base_url, list_id, subscriber_id, issued_at)


def page_url(base_url: str, list_slug: str, edition_slug: str) -> str:
    """The permanent public page of an edition."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}/{edition_slug}"


def archive_url(base_url: str, list_slug: str) -> str:
    """Where the editions of one mailing list are listed."""
    return f"{base_url.rstrip('/')}/editions/{list_slug}"


def _personal(
    purpose: Purpose, tokens: Tokens, base_url: str, list_id: int, subscriber_id: int, issued_at: datetime
) -> str:
    token = tokens.make(purpose, list_id=list_id, subject_id=subscriber_id, issued_at=issued_at)
    return f"{base_url.rstrip('/')}/{purpose.value}/{token}"
