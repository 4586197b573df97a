"""From a window of the ledger to what a provider needs: who may still be mailed, and each person's own copy.

Subscription and suppression are asked again here, a moment before sending. Nothing is sent from this module, and a
text that cannot be rendered loses nothing: the edition is paused with a sentence, letters wait and are tried again.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import ConfigurationError, InvalidInput, NewsletterError, WrongState
from newsletter.core.logs import scrub
from newsletter.core.mime import CanonicalMime
from newsletter.core.runtime import Runtime
from newsletter.delivery import links
from newsletter.delivery.headers import edition_headers, leave_mailto, letter_headers, message_keys, sender_line
from newsletter.delivery.ledger import Claim, Claimed, NotSent, Standing
from newsletter.delivery.letterheads import letterhead
from newsletter.delivery.models import DeliveryKind
from newsletter.delivery.return_paths import ReturnPaths
from newsletter.editions import freezing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers import wire
from newsletter.providers.base import MailProvider, Message, Outcome, Recipient, Result
from newsletter.rendering import dkim, engine
from newsletter.rendering import message as mime_messages
from newsletter.rendering.mails import (
    AddressChangedMail,
    AlreadyMail,
    ConfirmMail,
    GoodbyeMail,
    HandOverMail,
    Letterhead,
    Mail,
    NewAddressMail,
    ReminderMail,
    Rendered,
    StillOnMail,
    StillYouMail,
    WelcomeMail,
)
from subscribers import lists, recipients, reminding, signup
from subscribers.models import Subscriber, SubscriberState

log = logging.getLogger(__name__)

#: In which state a subscriber must be for each kind of mail.
MAY_HAVE: Mapping[DeliveryKind, set[SubscriberState]] = {
    DeliveryKind.EDITION: {SubscriberState.CONFIRMED},
    DeliveryKind.CONFIRM: {SubscriberState.PENDING},
    DeliveryKind.REMINDER: {SubscriberState.PENDING},
    DeliveryKind.ALREADY: {SubscriberState.CONFIRMED},
    DeliveryKind.WELCOME: {SubscriberState.CONFIRMED},
    DeliveryKind.GOODBYE: {SubscriberState.LEFT},
    DeliveryKind.NEW_ADDRESS: {SubscriberState.PENDING},
    DeliveryKind.ADDRESS_CHANGED: {SubscriberState.LEFT},
    DeliveryKind.STILL_ON: {SubscriberState.CONFIRMED},
    DeliveryKind.STILL_YOU: {SubscriberState.CONFIRMED},
    DeliveryKind.STILL_YOU_REMINDER: {SubscriberState.CONFIRMED},
    DeliveryKind.HAND_OVER: {SubscriberState.PENDING, SubscriberState.CONFIRMED},
}

#: Mails that ask for a yes, and those of them that also carry a code.
_WITH_CONFIRM_LINK = {
    DeliveryKind.CONFIRM,
    DeliveryKind.REMINDER,
    DeliveryKind.NEW_ADDRESS,
    DeliveryKind.HAND_OVER,
}
_WITH_CODE = {DeliveryKind.CONFIRM, DeliveryKind.NEW_ADDRESS}

#: Mails that carry List-Unsubscribe. The one that says that a mail filter pressed it (`STILL_ON`) had better not.
_WITH_LEAVE_HEADER = {
    DeliveryKind.EDITION,
    DeliveryKind.WELCOME,
    DeliveryKind.STILL_YOU,
    DeliveryKind.STILL_YOU_REMINDER,
}

#: What has copies in common: the kind and the mailing list.
_mail = attrgetter("kind", "mailing_list_id")

#: Editions kept compiled; more than are ever sent at once.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Template:
    """One mail, compiled once for all its recipients."""

    message: Message
    compiled: mime_messages.CompiledMessage
    reply_to: str


@dataclass(slots=True)
class Batch:
    """Copies of one mail, by delivery id."""

    message: Message
    copies: dict[int, Recipient] = field(default_factory=dict)


@dataclass(slots=True)
class Prepared:
    """What to hand to the provider, and what is already known about the rest of the window."""

    batches: list[Batch] = field(default_factory=list)
    results: dict[int, Result | NotSent] = field(default_factory=dict)
    pause_because: str | None = None  # the edition cannot be sent as it is
    can_pause: bool = False  # the window belongs to an edition that is `sending`


class UnfitAddress(Exception):
    """An address that cannot stand in a message."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes the copies of one mail, with everything that they have in common at hand."""

    kind: DeliveryKind
    template: Template
    links: links.PersonalLinks
    key: Callable[[int], str]  # our reference for a delivery
    domain: str
    return_path: Callable[[int], str] | None  # the envelope sender of a delivery
    leave_in_header: bool  # the mail carries List-Unsubscribe

    def write(self, delivery: Claimed, subscriber_id: int, address: str, code: str | None) -> Recipient:
        """One person's copy. Raises `UnfitAddress` when nothing but the address is at fault."""
        # Issued when the delivery was queued, so that a second attempt carries the same links.
        leave, manage = self.links.leave_and_manage(subscriber_id, delivery.queued_at)
        slots = {"leave_url": leave, "manage_url": manage}
        if self.kind in _WITH_CONFIRM_LINK:
            slots |= {"confirm_url": self.links.confirm(subscriber_id, delivery.queued_at), "code": code or ""}
        elif self.kind in (DeliveryKind.STILL_YOU, DeliveryKind.STILL_YOU_REMINDER):
            slots |= {"still_you_url": self.links.still_you(subscriber_id, delivery.queued_at)}
        key, in_header = self.key(delivery.id), self.leave_in_header
        try:
            to = wire.wire_form(address)
            mime = self._fill(to, key, slots, in_header)
        except (ValueError, InvalidInput) as error:
            self._fill("somebody@example.org", key, slots, in_header)  # raises when it is the mail that is at fault
            raise UnfitAddress(str(error)) from None
        return Recipient(
            key=key,
            address=to,
            slots=slots,
            mime=mime,
            leave_url=leave if in_header else None,
            return_path=self.return_path(delivery.id) if self.return_path else None,
        )

    def _fill(self, to: str, key: str, slots: Mapping[str, str], in_header: bool) -> CanonicalMime:
        leave = slots["leave_url"] if in_header else None
        return self.template.compiled.fill(
            to=to,
            message_id=f"{key}@{self.domain}",
            slots=slots,
            leave_url=leave,
            leave_mailto=leave_mailto(self.template.reply_to, leave) if leave else None,
        )


class Copies:
    """Writes the copies for one provider. Used from several threads; what it keeps is only ever replaced whole."""

    def __init__(self, runtime: Runtime, provider: MailProvider) -> None:
        self._runtime = runtime
        self._provider = provider
        # Who builds the mail signs it: providers that do not send our bytes sign for themselves.
        raw_mime = provider.capabilities.raw_mime
        self._signer = dkim.load(runtime.settings.provider("dkim")) if raw_mime else None
        self._domain = runtime.settings.message_domain
        self._return_paths = ReturnPaths(runtime.crypto, runtime.settings.bounce_address)
        self._editions: dict[tuple[int, str], Template] = {}
        self._reported: set[str] = set()

    def prepare(self, claim: Claim, standing: Standing | None) -> Prepared:
        """Everything that must be known before a window is sent. Opens and closes its own session. `standing`: how
        the edition stood when its window was claimed; None for letters."""
        prepared = Prepared()
        with self._runtime.db.glance() as session:
            for (kind, mailing_list_id), group in groupby(sorted(claim.deliveries, key=_mail), key=_mail):
                deliveries = list(group)
                try:
                    if standing is not None:
                        self._prepare_edition(session, standing, deliveries, prepared)
                    else:
                        self._prepare_letters(session, kind, mailing_list_id, deliveries, prepared)
                except sa.exc.SQLAlchemyError:
                    raise
                except (NewsletterError, ConfigurationError) as error:
                    self._cannot(kind, deliveries, str(error), prepared)
                except Exception as error:  # a fault of ours in one mail must not hold up the others, nor lose any
                    log.exception("A mail cannot be written", extra={"kind": kind.value})
                    self._cannot(kind, deliveries, f"It cannot be written: {type(error).__name__}", prepared)
        return prepared

    def _prepare_edition(
        self, session: Session, standing: Standing, deliveries: list[Claimed], prepared: Prepared
    ) -> None:
        if standing.state not in (EditionState.SENDING, EditionState.SENT):  # paused or cancelled: see `ledger.held`
            prepared.results |= dict.fromkeys((delivery.id for delivery in deliveries), NotSent.BACK)
            return
        prepared.can_pause = standing.state is EditionState.SENDING
        if not self._provider.capabilities.one_click_unsubscribe:
            raise WrongState(
                f"The mail provider {self._provider.name} cannot carry a one-click unsubscribe link, so that editions "
                "may not be sent through it. Choose another provider."
            )
        known = (deliveries[0].edition_id or 0, standing.frozen_sha256 or "")
        template = self._editions.get(known)
        if template is None:
            edition = session.get_one(Edition, deliveries[0].edition_id)
            freezing.verify_approved(session, edition)
            template = self._compile_edition(session, edition)
            self._editions = dict([*list(self._editions.items())[-_KEPT + 1 :], (known, template)])
        self._write(session, DeliveryKind.EDITION, template, deliveries, prepared, standing.special)

    def _compile_edition(self, session: Session, edition: Edition) -> Template:
        rendered = freezing.rendered(session, edition)
        letters = self._letterhead(session, edition.mailing_list_id)
        headers = edition_headers(letters, edition.number, self._domain)
        return self._compile(rendered, letters, headers)

    def _prepare_letters(
        self, session: Session, kind: DeliveryKind, mailing_list_id: int, deliveries: list[Claimed], prepared: Prepared
    ) -> None:
        head = self._letterhead(session, mailing_list_id)
        template = self._compile(engine.render(_letter(kind, head)), head, letter_headers())
        self._write(session, kind, template, deliveries, prepared)

    def _letterhead(self, session: Session, mailing_list_id: int) -> Letterhead:
        return letterhead(session, lists.by_id(session, mailing_list_id), self._runtime.settings.base_url)

    def _compile(self, rendered: Rendered, head: Letterhead, headers: Mapping[str, str]) -> Template:
        sender = sender_line(head.sender_name, head.sender_email)
        compiled = mime_messages.compile(
            rendered,
            sender=sender,
            reply_to=head.reply_to,
            headers=headers,
            date=self._runtime.clock.now(),
            signer=self._signer,
        )
        shared = Message(
            subject=rendered.subject,
            markdown=rendered.markdown,
            html=rendered.html,
            text=rendered.text,
            sender=sender,
            reply_to=head.reply_to,
        )
        return Template(shared, compiled, head.reply_to)

    def _write(
        self,
        session: Session,
        kind: DeliveryKind,
        template: Template,
        deliveries: list[Claimed],
        prepared: Prepared,
        special: recipients.Special | None = None,
    ) -> None:
        """One copy for everybody who may have one."""
        runtime, now = self._runtime, self._runtime.clock.now()
        ids = [delivery.subscriber_id for delivery in deliveries if delivery.subscriber_id is not None]
        addresses = recipients.reachable(session, runtime.crypto, ids, states=MAY_HAVE[kind], now=now, special=special)
        codes = self._codes(session, ids) if kind in _WITH_CODE else {}
        first = deliveries[0]
        pen = Pen(
            kind,
            template,
            links.PersonalLinks(runtime.tokens, runtime.settings.base_url, first.mailing_list_id),
            message_keys(runtime.crypto, kind, first.edition_id),
            self._domain,
            self._return_paths.writer(kind, first.edition_id),
            kind in _WITH_LEAVE_HEADER,
        )
        batch = Batch(template.message)
        for delivery in deliveries:
            address = addresses.get(delivery.subscriber_id) if delivery.subscriber_id is not None else None
            if address is None or delivery.subscriber_id is None:
                prepared.results[delivery.id] = NotSent.SKIP
                continue
            try:
                code = codes.get(delivery.subscriber_id)
                batch.copies[delivery.id] = pen.write(delivery, delivery.subscriber_id, address, code)
            except UnfitAddress as error:  # this person's copy cannot be written; everybody else's can
                key, why = pen.key(delivery.id), scrub(str(error))
                prepared.results[delivery.id] = Result(key, Outcome.REJECTED, code="address", detail=why)
        if batch.copies:
            prepared.batches.append(batch)

    def _codes(self, session: Session, ids: list[int]) -> dict[int, str]:
        found = session.exec(select(Subscriber).where(col(Subscriber.id).in_(ids))).all()
        return {row.id: signup.code_for(self._runtime.crypto, row) for row in found if row.id is not None}

    def _cannot(self, kind: DeliveryKind, deliveries: list[Claimed], why: str, prepared: Prepared) -> None:
        """A mail that cannot be written: say so once, keep every delivery."""
        why = scrub(why)
        if (known := f"{kind}: {why}") not in self._reported:
            self._reported = {*self._reported, known}
            fields = {"kind": kind.value, "edition_id": deliveries[0].edition_id}
            log.error("A mail cannot be written: %s", why, extra=fields)
        if kind is DeliveryKind.EDITION:
            prepared.pause_because = why
            prepared.results |= dict.fromkeys((delivery.id for delivery in deliveries), NotSent.BACK)
        else:
            waits = Result("", Outcome.DEFERRED, code="template", detail=why)
            prepared.results |= dict.fromkeys((delivery.id for delivery in deliveries), waits)


def _letter(kind: DeliveryKind, head: Letterhead) -> Mail:
    if kind in _WITH_CODE:
        asking = ConfirmMail if kind is DeliveryKind.CONFIRM else NewAddressMail
        return asking(
            head,
            link_days=signup.LINK_LIFETIME.days,
            code_minutes=int(signup.CODE_LIFETIME.total_seconds() // 60),
        )
    if kind is DeliveryKind.REMINDER:
        return ReminderMail(head, days_left=(signup.LINK_LIFETIME - reminding.LATEST).days)
    if kind is DeliveryKind.HAND_OVER:
        return HandOverMail(head, link_days=signup.LINK_LIFETIME.days)
    if kind in (DeliveryKind.STILL_YOU, DeliveryKind.STILL_YOU_REMINDER):
        return StillYouMail(head, is_reminder=kind is DeliveryKind.STILL_YOU_REMINDER)
    return _PLAIN[kind](head)


_PLAIN: Mapping[DeliveryKind, Callable[[Letterhead], Mail]] = {
    DeliveryKind.ALREADY: AlreadyMail,
    DeliveryKind.WELCOME: WelcomeMail,
    DeliveryKind.GOODBYE: GoodbyeMail,
    DeliveryKind.ADDRESS_CHANGED: AddressChangedMail,
    DeliveryKind.STILL_ON: StillOnMail,
}
