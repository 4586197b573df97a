"""Email addresses: read what a person typed, in the one form that everything else uses.

The syntax is RFC 5321/5322 with internationalised domains (RFC 5890) and local parts (RFC 6531), as `email-validator`
implements it; nothing is looked up in the DNS, so that checking tells nobody anything and never waits.
"""

from difflib import get_close_matches

from email_validator import EmailNotValidError, validate_email

from newsletter.core.errors import InvalidInput

#: RFC 5321, section 4.5.3.1.3, less the angle brackets.
MAXIMUM_LENGTH = 254

_COMMON_DOMAINS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.co.uk", "yahoo.com",
    "yahoo.co.uk", "icloud.com", "btinternet.com", "sky.com", "virginmedia.com", "talktalk.net", "nhs.net",
)  # fmt: skip

#: Mailboxes that anybody can have: who has one there says nothing about who else does.
_PUBLIC_MAILBOXES = frozenset(
    (
        "gmail.com", "googlemail.com", "outlook.com", "outlook.co.uk", "hotmail.com", "hotmail.co.uk", "live.com",
        "live.co.uk", "msn.com", "yahoo.com", "yahoo.co.uk", "ymail.com", "rocketmail.com", "aol.com", "aol.co.uk",
        "icloud.com", "me.com", "mac.com", "btinternet.com", "btopenworld.com", "sky.com", "virginmedia.com",
        "ntlworld.com", "blueyonder.co.uk", "talktalk.net", "tiscali.co.uk", "plusnet.com", "plus.com", "tesco.net",
        "ee.co.uk", "o2.co.uk", "zen.co.uk", "gmx.com", "gmx.co.uk", "mail.com", "proton.me", "protonmail.com", "pm.me",
        "fastmail.com", "tutanota.com", "tuta.com", "hey.com", "zoho.com",
    )
)  # fmt: skip


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
    """The address that was probably meant ("gmial.com" → "gmail.com"), or None. Only ever a hint: it lets through."""
    local, _, typed = address.rpartition("@")
    if typed in _COMMON_DOMAINS:
        return None
    close = get_close_matches(typed, _COMMON_DOMAINS, n=1, cutoff=0.85)
    return f"{local}@{close[0]}" if close else None
