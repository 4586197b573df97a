"""A test of an edition: one copy, marked as a test, to a colleague's mailbox, so that somebody sees it as readers will.

It goes to staff and to the addresses that the operator allows, to nobody else (REQ-47), through the same provider as
the edition, and past the ledger: the edition knows nothing of it. Its personal links are nobody's. No session is open
while it is sent.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlmodel import Session

from newsletter.core import addresses, loops
from newsletter.core.errors import InvalidInput, NotFound, TooMany
from newsletter.core.logs import scrub
from newsletter.core.runtime import Runtime
from newsletter.delivery import headers, preview
from newsletter.editions import moves
from newsletter.providers import registry
from newsletter.providers.base import Message, Outcome, Recipient
from newsletter.staff import accounts, audit

#: Test mails of one member of staff within an hour.
MOST_PER_HOUR = 20
MARK = "[Test] "

#: What stands in the audit log for each.
ACTION = "send test"


@dataclass(frozen=True, slots=True)
class Trial:
    """One test mail, ready to go."""

    message: Message
    recipient: Recipient


def prepare(session: Session, runtime: Runtime, edition_id: int, typed: str, *, staff_id: int) -> Trial:
    """Check who is to get it and note that it is sent; `send` it after the transaction.

    Raises `NotFound`, `InvalidInput` (not somebody who may get tests), `TooMany`, and as `preview.rendered` does.
    """
    now = runtime.clock.now()
    address = addresses.parse(typed)
    if not may_have(session, runtime, address):
        raise InvalidInput(
            "A test goes to colleagues with an account here, and to addresses that the operator allows. Choose one of "
            "those",
            field="address",
        )
    since = now - timedelta(hours=1)
    if audit.count(session, ACTION, staff_id=staff_id, since=since) >= MOST_PER_HOUR:
        raise TooMany(f"You have sent {MOST_PER_HOUR} tests within an hour. Wait a while.", retry_after_s=3600)
    edition = moves.read(session, edition_id)
    head = preview.letterhead(session, runtime, edition)
    shown = preview.rendered(session, edition, head)
    shown = replace(shown, subject=f"{MARK}{shown.subject}")
    audit.note(session, runtime.crypto, ACTION, staff_id=staff_id, about=f"edition {edition_id}", now=now)
    key = f"test-{secrets.token_hex(12)}"
    domain = runtime.settings.message_domain
    mime = preview.whole_message(runtime, edition, head, shown, to=address, message_id=f"<{key}@{domain}>", signed=True)
    slots = preview.slots(runtime, edition)
    return Trial(
        Message(
            subject=shown.subject,
            markdown=shown.markdown,
            html=shown.html,
            text=shown.text,
            sender=headers.sender_line(head.sender_name, head.sender_email),
            reply_to=head.reply_to,
        ),
        Recipient(key=key, address=address, slots=slots, mime=mime, leave_url=slots["leave_url"]),
    )


def send(runtime: Runtime, trial: Trial) -> str:
    """Hand it to the mail provider; empty when it was taken, else a sentence that says what came of it."""
    return loops.run(_send(runtime, trial))


def may_have(session: Session, runtime: Runtime, address: str) -> bool:
    """Whether a test may go to this address: a colleague's, or one the operator allows."""
    allowed = {each.strip().casefold() for each in runtime.settings.test_recipients.split(",")} - {""}
    folded = addresses.look_up_form(address)
    if folded in allowed or f"@{addresses.domain(folded)}" in allowed:
        return True
    try:
        accounts.find(session, runtime.crypto, address)
    except NotFound:
        return False
    return True


async def _send(runtime: Runtime, trial: Trial) -> str:
    provider = registry.make_configured(runtime)
    try:
        (result,) = await provider.send(trial.message, [trial.recipient])
    finally:
        await provider.aclose()
    if result.outcome is Outcome.ACCEPTED:
        return ""
    said = scrub(" ".join(part for part in (result.code, result.detail) if part))[:200]
    if result.outcome is Outcome.UNKNOWN:
        return f"Nobody can know whether the test was sent. {provider.name} said: {said or 'nothing'}."
    return f"The test was not sent. {provider.name} said: {said or 'nothing'}."
