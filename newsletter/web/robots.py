"""Programs that fill in forms, kept off without a puzzle, a script or a cookie, and without dropping a person.

Our own form carries a stamp: when it was shown, with a code that only we can make. A form without one (embedded in
another site, or sent by a program), one that comes back faster than anybody types, and one whose trap is filled in are
answered with "One more press". Its button carries a second code for this very address, and is always believed. All of
this goes by the form alone, and never by what we know about an address (REQ-04).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from newsletter.core.addresses import look_up_form
from newsletter.core.crypto import Crypto

#: The field that people do not see. Only a program fills it in, or a browser that fills in everything.
TRAP = "website"
STAMP = "stamp"
SURE = "sure"

#: Nobody reads the form, types an address and presses the button in less.
TYPING = timedelta(seconds=2)
#: Long enough for a page left open overnight.
LIFETIME = timedelta(hours=24)


def stamp(crypto: Crypto, mailing_list_id: int, *, now: datetime) -> str:
    """What the form of a mailing list carries from now on: the second, and our code for it."""
    return _made(crypto, f"form:{mailing_list_id}", int(now.timestamp()))


def sure(crypto: Crypto, mailing_list_id: int, address: str, *, now: datetime) -> str:
    """What the button beside an address carries: whoever presses it means this address on this list."""
    return _made(crypto, f"address:{mailing_list_id}:{look_up_form(address)}", int(now.timestamp()))


def is_sure(crypto: Crypto, form: Mapping[str, str], mailing_list_id: int, address: str, *, now: datetime) -> bool:
    """Whether the form comes from a button that stood beside this address."""
    sent = form.get(SURE, "")
    shown_at = _read(sent)
    fits = crypto.same(sent.encode(), sure(crypto, mailing_list_id, address, now=shown_at).encode())
    return fits and shown_at <= now < shown_at + LIFETIME


def is_typed(crypto: Crypto, form: Mapping[str, str], mailing_list_id: int, *, now: datetime) -> bool:
    """Whether the form looks like one of ours that a person filled in."""
    sent = form.get(STAMP, "")
    shown_at = _read(sent)
    fits = crypto.same(sent.encode(), stamp(crypto, mailing_list_id, now=shown_at).encode())
    return fits and shown_at + TYPING <= now < shown_at + LIFETIME and not form.get(TRAP, "").strip()


def _made(crypto: Crypto, what: str, second: int) -> str:
    return f"{second}-{crypto.keyed_hash(f'{what}:{second}', context='form stamp').hex()[:32]}"


def _read(text: str) -> datetime:
    """The moment that a stamp claims; the beginning of time where it claims none."""
    second = text.partition("-")[0]
    is_moment = second.isascii() and second.isdigit() and len(second) <= 10
    return datetime.fromtimestamp(int(second) if is_moment else 0, UTC)
