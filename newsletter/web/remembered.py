"""What the page after the sign-up form must know, carried in its URL where nobody can read it: no cookie is set.

Sealed with AES-GCM, tied to one mailing list, good for an hour. A page whose seal is broken or too old asks for the
address again; nothing else is lost.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from newsletter.core.crypto import NONCE_BYTES, Crypto
from newsletter.core.errors import ConfigurationError
from subscribers.models import Phase, Role
from subscribers.signup import Details

LIFETIME = timedelta(hours=1)

#: An address of 254 and a setting of 200 characters of four bytes each, sealed and encoded, stay well below.
MAXIMUM_LENGTH = 4_000


class Remembered(BaseModel):
    """A sign-up, or a change of address, as it was typed."""

    mailing_list_id: int
    until: datetime
    address: str
    role: Role | None = None
    school_urn: int | None = None
    setting_name: str | None = None
    phase: Phase | None = None
    manage_token: str | None = None  # the address is to take the place of the one that this link belongs to

    @property
    def details(self) -> Details | None:
        if self.role is None:
            return None
        return Details(role=self.role, school_urn=self.school_urn, setting_name=self.setting_name, phase=self.phase)

    @property
    def as_typed(self) -> dict[str, str]:
        """The answers as fields of the sign-up form, to fill it in again."""
        answers = {
            "email": self.address,
            "role": self.role,
            "school": self.school_urn,
            "setting_name": self.setting_name,
            "phase": self.phase,
        }
        return {name: str(answer) for name, answer in answers.items() if answer is not None}


def remember(mailing_list_id: int, address: str, details: Details | None, *, now: datetime) -> Remembered:
    given = details or Details()
    return Remembered(
        mailing_list_id=mailing_list_id,
        until=now + LIFETIME,
        address=address,
        role=given.role,
        school_urn=given.school_urn,
        setting_name=given.setting_name,
        phase=given.phase,
    )


def seal(crypto: Crypto, remembered: Remembered) -> str:
    """URL-safe text; two seals of one sign-up differ."""
    return urlsafe_b64encode(crypto.encrypt(remembered.model_dump_json())).decode().rstrip("=")


def unseal(crypto: Crypto, text: str, *, mailing_list_id: int, now: datetime) -> Remembered | None:
    """What was remembered for this list, or None when the text is damaged, made up, too old or of another list."""
    if not text or len(text) > MAXIMUM_LENGTH:
        return None
    try:
        sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        if len(sealed) <= NONCE_BYTES:
            return None
        remembered = Remembered.model_validate_json(crypto.decrypt(sealed))
    except (Base64Error, UnicodeEncodeError, ValidationError, ValueError, ConfigurationError):
        return None
    if remembered.mailing_list_id != mailing_list_id or remembered.until < now:
        return None
    return remembered
