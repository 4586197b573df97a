"""Email addresses: read what a person typed, in the one form that everything else uses.

The syntax is RFC 5321/5322 with internationalised domains (RFC 5890) and local parts (RFC 6531), as `email-validator`
implements it; nothing is looked up in the DNS, so that checking tells nobody anything and never waits.
"""

from difflib import get_close_matches

from email_validator import EmailNotValidError, validate_email

from newsletter.core.errors import InvalidInput

#: RFC 5321, section 4.5.3.1.3, less the angle brackets.
MAXIMUM_LENGTH = 254

#: What people here mostly have: only these are ever suggested.
COMMON_DOMAINS = frozenset({
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.com", "live.co.uk", "msn.com",
    "yahoo.com", "yahoo.co.uk", "icloud.com", "me.com", "aol.com", "btinternet.com", "sky.com", "virginmedia.com",
    "talktalk.net", "ntlworld.com", "blueyonder.co.uk", "tiscali.co.uk", "protonmail.com", "nhs.net",
})  # fmt: skip

#: Real, and so like one of those that they would be taken for a slip.
_REAL_TOO = frozenset({
    "mail.com", "email.com", "ymail.com", "rocketmail.com", "outlook.co.uk", "outlook.ie", "hotmail.ie", "hotmail.fr",
    "hotmail.it", "hotmail.es", "yahoo.ie", "yahoo.ca", "yahoo.fr", "aol.co.uk", "live.ie", "live.ca", "live.fr",
    "proton.me", "mac.com", "bt.com", "nhs.uk", "nhs.scot", "gmx.com", "gmx.co.uk", "gmx.net", "talktalk.co.uk",
})  # fmt: skip

#: Endings that do not exist, or that nobody here means, and what was meant: schools, councils, the NHS, companies.
_SLIPS_AT_THE_END = {
    ".shc.uk": ".sch.uk", ".sch.co.uk": ".sch.uk", ".sch.ku": ".sch.uk", ".sch.u": ".sch.uk", ".sch": ".sch.uk",
    ".gov.co.uk": ".gov.uk", ".gvo.uk": ".gov.uk", ".gov.ku": ".gov.uk", ".gov.u": ".gov.uk",
    ".nhs.co.uk": ".nhs.uk", ".nsh.uk": ".nhs.uk", ".nhs.ku": ".nhs.uk", ".nhs.u": ".nhs.uk",
    "gmail.co.uk": "gmail.com",
    ".co.ku": ".co.uk", ".co.u": ".co.uk", ".con": ".com", ".cmo": ".com", ".comm": ".com", ".ocm": ".com",
}  # fmt: skip

#: Mailboxes that anybody can have: who has one there says nothing about who else does.
_PUBLIC_MAILBOXES = COMMON_DOMAINS - {"nhs.net"} | {
    "aol.co.uk", "btopenworld.com", "ee.co.uk", "fastmail.com", "gmx.co.uk", "gmx.com", "hey.com", "mac.com",
    "mail.com", "o2.co.uk", "outlook.co.uk", "plus.com", "plusnet.com", "pm.me", "proton.me", "rocketmail.com",
    "tesco.net", "tuta.com", "tutanota.com", "ymail.com", "zen.co.uk", "zoho.com",
}  # fmt: skip


def parse(typed: str) -> str:
    """The address as we keep it: trimmed, domain in lower case and Unicode form, local part as typed.

    Raises `InvalidInput` with a sentence for the form.
    """
    text = typed.strip()
    if not text:
        raise InvalidInput("Enter your email address", field="email")
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidInput(f"Email address must be {MAXIMUM_LENGTH} characters or fewer", field="email")
    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError:
        raise InvalidInput(
            "Enter an email address in the correct format, like name@example.com", field="email"
        ) from None
    if len(valid.normalized) > MAXIMUM_LENGTH:
        raise InvalidInput(f"Email address must be {MAXIMUM_LENGTH} characters or fewer", field="email")
    return valid.normalized


def look_up_form(address: str) -> str:
    """The form that is hashed: case does not tell two people apart in practice, so it is folded."""
    return address.casefold()


def domain(address: str) -> str:
    return address.rpartition("@")[2]


def is_public_mailbox(domain: str) -> bool:
    """Whether this is a provider of mailboxes for everybody, and not an organisation."""
    return domain.casefold() in _PUBLIC_MAILBOXES


def likely_typo(address: str) -> str | None:
    """The address that was probably meant ("gmial.com" → "gmail.com"), or None. Only ever a hint: it lets through.

    Never for a domain that is itself common or known to be real: nhs.net and nhs.uk are two things, and both right.
    """
    local, _, typed = address.rpartition("@")
    if typed in COMMON_DOMAINS or typed in _REAL_TOO:
        return None
    for slip, meant in _SLIPS_AT_THE_END.items():
        if typed.endswith(slip):
            mended = typed.removesuffix(slip) + meant
            return likely_typo(f"{local}@{mended}") or f"{local}@{mended}"
    close = get_close_matches(typed, sorted(COMMON_DOMAINS), n=1, cutoff=0.85)
    return f"{local}@{close[0]}" if close else None
