"""Mailboxes that several people read. Only ever a hint: a notice that leaving affects everybody who uses it."""

import re

#: Enough on their own, wherever they stand: senco@, head.senco@, school-office@.
_ANYWHERE = frozenset(
    (
        "senco", "sencos", "sendco", "sendcos", "office", "reception", "enquiries", "enquiry", "admin",
        "administrator", "secretary", "inclusion",
    )
)  # fmt: skip
#: Enough only as the whole of the local part, because they are also parts of names.
_WHOLE = frozenset(
    (
        "head", "headteacher", "principal", "deputy", "send", "sen", "info", "information", "contact", "mail", "email",
        "hello", "school", "nursery", "preschool", "pupilservices", "safeguarding", "dsl", "team",
    )
)  # fmt: skip


def is_shared_mailbox(address: str) -> bool:
    """Whether the address looks like that of a role (senco@, office@) and not of one person."""
    local = address.rpartition("@")[0].partition("+")[0].casefold()
    words = [word for word in re.split(r"[^a-z]+", local) if word]
    return "".join(words) in _WHOLE | _ANYWHERE or bool(_ANYWHERE & set(words))
