"""What comes back, as other mail servers write it: the samples in `bounces/`, made out for one of our deliveries."""

from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from sqlmodel import Session, col, select

from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery import inbox
from newsletter.delivery.headers import message_keys
from newsletter.delivery.inbox import Taken
from newsletter.delivery.models import Delivery, DeliveryKind, Receipt
from newsletter.delivery.return_paths import ReturnPaths
from subscribers.models import Subscriber

SAMPLES = {path.stem: path for path in (Path(__file__).parent / "bounces").glob("*.eml")}


@dataclass(frozen=True)
class Copy:
    """What a copy that was sent says of itself on the outside."""

    delivery_id: int
    subscriber_id: int
    address: str
    return_path: str
    message_id: str
    leave_token: str


def copy_of(runtime: Runtime, subscriber_id: int, edition_id: int | None) -> Copy:
    """The copy of an edition (None: the last letter) that this subscriber was sent."""
    with runtime.db.reading() as session:
        whose = (
            select(Delivery)
            .where(col(Delivery.subscriber_id) == subscriber_id, col(Delivery.edition_id) == edition_id)
            .order_by(col(Delivery.id).desc())
        )
        delivery = session.exec(whose).first()
        assert delivery is not None
        assert delivery.id is not None
        sealed = session.get_one(Subscriber, subscriber_id).address_sealed
        assert sealed is not None
        kind = DeliveryKind(delivery.kind)
        write = ReturnPaths(runtime.crypto, "bounces@bounce.example.org").writer(kind, edition_id)
        assert write is not None
        token = runtime.tokens.make(
            Purpose.LEAVE,
            list_id=delivery.mailing_list_id,
            subject_id=subscriber_id,
            issued_at=delivery.queued_at,
        )
        return Copy(
            delivery.id,
            subscriber_id,
            runtime.crypto.decrypt(sealed),
            write(delivery.id),
            f"{message_keys(runtime.crypto, kind, edition_id)(delivery.id)}@news.example.org",
            token,
        )


def made_out(sample: str, copy: Copy, **changed: str) -> bytes:
    """A sample about this copy, with the line ends of the wire."""
    values = {
        "address": copy.address,
        "local": copy.address.partition("@")[0],
        "return_path": copy.return_path,
        "message_id": copy.message_id,
        "leave_token": copy.leave_token,
        "leave_url": f"https://news.example.org/leave/{copy.leave_token}",
        **changed,
    }
    text = SAMPLES[sample].read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text.replace("\n", "\r\n").encode()


def anew(raw: bytes, number: int) -> bytes:
    """The same notice sent once more by its writer: another Message-ID."""
    own = message_from_bytes(raw)["Message-ID"]
    return raw.replace(str(own).encode(), f"<{number}.{str(own)[1:]}".encode(), 1)


def take(runtime: Runtime, raw: bytes) -> Taken:
    with runtime.db.transaction() as session:
        return inbox.take(session, runtime.crypto, runtime.tokens, raw, now=runtime.clock.now())


def receipts(session: Session) -> list[Receipt]:
    return list(session.exec(select(Receipt).order_by(col(Receipt.id))).all())
