"""The SMTP provider: one transaction and one recipient for each message, a window of messages over one connection."""

from collections import deque
from collections.abc import Sequence

from newsletter.core.errors import ProviderRefused
from newsletter.core.mime import CanonicalMime
from newsletter.providers import wire
from newsletter.providers.base import API_VERSION, Capabilities, Message, Outcome, Recipient, Result, Scope
from newsletter.providers.smtp import answers
from newsletter.providers.smtp.connecting import CannotConnect, Server, connect
from newsletter.providers.smtp.pool import Pool
from newsletter.providers.smtp.transactions import Transaction

#: After so many connections on which the server decided nothing, the rest of a window waits for another time.
PATIENCE = 3

_ENDLESS = "The mail server ended the connection again and again."


class Smtp:
    name = "smtp"
    api_version = API_VERSION

    def __init__(self, server: Server, *, connections: int) -> None:
        self._server = server
        self._pool = Pool(lambda: connect(server), size=connections)
        self.capabilities = Capabilities(
            max_batch=100,
            max_bytes=25_000_000,
            raw_mime=True,
            one_click_unsubscribe=True,
            id_per_recipient=False,
            concurrency=connections,
        )

    async def check(self) -> None:
        try:
            connection, _ = await self._pool.take(fresh=True)
        except CannotConnect as error:
            raise ProviderRefused(f"{error}. Check the settings NEWSLETTER_SMTP_….") from None
        self._pool.give_back(connection)

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        sender = message.sender.rpartition("<")[2].rstrip(" >")
        try:
            sender = wire.wire_form(sender)
        except ValueError:
            return [_unfit_sender(recipient) for recipient in recipients]
        prepared = [_transaction(sender, recipient) for recipient in recipients]
        queue = deque(one for one in prepared if isinstance(one, Transaction))
        if queue:
            await self._carry(queue)
        return [one if isinstance(one, Result) else _result(one) for one in prepared]

    async def aclose(self) -> None:
        await self._pool.close()

    async def _carry(self, queue: deque[Transaction]) -> None:
        """Over as many connections as it takes. A message that was handed over is never sent again here; one that was
        not goes over the next connection."""
        fruitless = 0
        while queue:
            if fruitless >= PATIENCE:
                return _give_up(queue, _ENDLESS)
            try:
                connection, was_idle = await self._pool.take()
            except CannotConnect as error:
                scope = Scope.BATCH if error.is_passing else Scope.ACCOUNT
                return _give_up(queue, str(error), code=error.code, scope=scope)
            before, waiting = connection.answered, len(queue)
            try:
                await connection.carry(queue)
            finally:
                self._pool.give_back(connection)
            # The server may have closed an idle connection in the very moment that we used it again.
            if connection.answered == before and not (was_idle and len(queue) == waiting):
                fruitless += 1
        return None


def _give_up(queue: deque[Transaction], why: str, *, code: str | None = None, scope: Scope = Scope.BATCH) -> None:
    """What is true of everybody who is left."""
    while queue:
        transaction = queue.popleft()
        transaction.result = answers.not_sent(transaction.key, why, code=code, scope=scope)


def _result(transaction: Transaction) -> Result:
    assert transaction.result is not None
    return transaction.result


def _unfit_sender(recipient: Recipient) -> Result:
    detail = "The sender's address cannot stand in an envelope."
    return Result(recipient.key, Outcome.REJECTED, code="sender", detail=detail, scope=Scope.BATCH)


def _transaction(sender: str, recipient: Recipient) -> Transaction | Result:
    """What goes over the wire, or why it must not."""
    key, mime = recipient.key, recipient.mime
    try:
        address = wire.wire_form(recipient.address)
    except ValueError as error:
        return Result(key, Outcome.REJECTED, code="address", detail=str(error))
    if recipient.return_path is not None:
        try:
            sender = wire.wire_form(recipient.return_path)
        except ValueError:
            return _unfit_sender(recipient)
    needs_utf8 = wire.needs_utf8(address) or wire.needs_utf8(sender)
    if isinstance(mime, CanonicalMime):
        return Transaction(key, sender, address, mime.pieces, mime.size_bytes, needs_utf8)
    if (unfit := _unfit(mime)) is not None:
        return Result(key, Outcome.REJECTED, code="message", detail=unfit, scope=Scope.BATCH)
    return Transaction(key, sender, address, [_dotted(mime)], len(mime), needs_utf8)


def _unfit(mime: bytes) -> str | None:
    """Why a message of unknown make must not be sent."""
    text = mime.replace(b"\r\n", b"")
    if not mime or b"\r" in text or b"\n" in text or b"\0" in text:
        return "The message is empty or has line ends that mail servers read in different ways."
    if any(len(line) > 998 for line in mime.split(b"\r\n")):
        return "The message has a line of more than 998 characters."
    return None


def _dotted(mime: bytes) -> bytes:
    """The message as DATA wants it: lines that begin with a dot get another (RFC 5321, section 4.5.2)."""
    stuffed = (b"." if mime.startswith(b".") else b"") + mime.replace(b"\r\n.", b"\r\n..")
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
