"""An address as it goes over the wire, or a refusal before anything is sent.

Domains travel in their ASCII form (IDNA 2008); a local part that is not ASCII needs SMTPUTF8 (RFC 6531).
"""

import re

import idna

_FORBIDDEN = frozenset('<>,;:()[]\\"') | {chr(code) for code in (*range(0x21), 0x7F, 0x85, 0x2028, 0x2029)}
MAXIMUM_OCTETS = 254
#: Nearly every address: nothing to convert, nothing to refuse.
_PLAIN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}").fullmatch


def wire_form(address: str) -> str:
    """The address with its domain in ASCII. Raises `ValueError` with a sentence that does not repeat the address."""
    if _PLAIN(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or set(address) & _FORBIDDEN:
        raise ValueError("The address contains characters that cannot stand in an envelope.")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            raise ValueError("The domain of the address cannot be written in ASCII.") from None
    whole = f"{local}@{domain}"
    if len(whole.encode()) > MAXIMUM_OCTETS or len(local.encode()) > 64:
        raise ValueError(f"The address is longer than {MAXIMUM_OCTETS} characters.")
    return whole


def needs_utf8(address: str) -> bool:
    """Whether only a server that offers SMTPUTF8 can take this address."""
    return not address.isascii()
