"""The headers that mail programs and mail filters read: who the list is, how to leave it, which copy this is."""

import re
from collections.abc import Callable

from newsletter.core.crypto import Crypto
from newsletter.delivery.models import DeliveryKind
from newsletter.rendering.mails import Letterhead

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def edition_headers(head: Letterhead, number: int, domain: str) -> dict[str, str]:
    """Headers of every copy of an edition: RFC 2919 (List-Id), RFC 2369, and Gmail's Feedback-ID."""
    name = head.list_name if _ATOMS.fullmatch(head.list_name) else ""
    campaign = re.sub(r"[^A-Za-z0-9]", "", domain)[:15].ljust(5, "0")  # Gmail wants 5 to 15 characters
    return {
        "List-Id": f"{name} <{head.list_slug}.{domain}>".strip(),
        "List-Help": f"<{head.site_url}/>, <mailto:{head.reply_to}?subject=help>",
        "List-Archive": f"<{head.archive_url}>",
        "Feedback-ID": f"{number}:{head.list_slug}:newsletter:{campaign}",
        "Precedence": "bulk",  # old, harmless, and stops many an out-of-office reply
    }


def letter_headers() -> dict[str, str]:
    """Headers of the service's own letters (RFC 3834): nobody's out-of-office should answer them."""
    return {"Auto-Submitted": "auto-generated"}


def leave_mailto(reply_to: str, leave_url: str) -> str:
    """The mailto form of List-Unsubscribe, for mail programs that know no other."""
    token = leave_url.rpartition("/")[2]  # in letters that may stand in any web address
    return f"mailto:{reply_to}?subject=stop%20{token}"


def message_keys(crypto: Crypto, kind: DeliveryKind, edition_id: int | None) -> Callable[[int], str]:
    """Our reference for each delivery of one edition or of one kind of letter, by its id: the same at every attempt,
    and telling nobody which delivery it is."""
    hashed = crypto.hasher(f"message id:{kind}:{edition_id}")
    return lambda delivery_id: hashed(str(delivery_id)).hex()[:32]


def sender_line(name: str, address: str) -> str:
    """ "Name <address>", as it is read by people; whoever writes it into a message quotes and encodes it."""
    return f"{name} <{address}>" if name else address
