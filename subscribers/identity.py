"""How a row is found without storing an address that can be read: keyed hashes, a separate one for every use.

The hash of an address on one mailing list has nothing in common with its hash on another, so that nobody who reads the
tables can tell who is on both.
"""

import ipaddress
from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.addresses import look_up_form
from newsletter.core.crypto import Crypto
from subscribers.lists import all_lists
from subscribers.models import Subscriber


def address_hash(crypto: Crypto, mailing_list_id: int, address: str) -> bytes:
    """What stands for the address in the rows of one mailing list."""
    return crypto.keyed_hash(look_up_form(address), context=f"subscriber:{mailing_list_id}")


def suppression_hash(crypto: Crypto, address: str) -> bytes:
    """What stands for the address among those that must not be mailed."""
    return crypto.keyed_hash(look_up_form(address), context="suppression")


def suppression_hashes(crypto: Crypto, addresses: Iterable[str]) -> list[bytes]:
    """`suppression_hash` of many addresses, in their order."""
    hashed = crypto.hasher("suppression")
    return [hashed(look_up_form(address)) for address in addresses]


def network_key(crypto: Crypto, ip: str, *, use: str = "network") -> bytes:
    """What stands for the network a request came from: an IPv4 address, or an IPv6 /64, which is one household.

    Each `use` has keys of its own, which nobody can connect: what is limited apart is counted apart."""
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return crypto.keyed_hash(ip, context=use)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)).network_address
    return crypto.keyed_hash(str(parsed), context=use)


def mail_key(subscriber_id: int) -> bytes:
    """What a mail that somebody else can cause is counted by. It names a row, not an address: no secret is needed."""
    return f"mail:{subscriber_id}".encode()


def code_key(crypto: Crypto, mailing_list_id: int, address: str) -> bytes:
    """What wrong codes for this address on this mailing list are counted by, whether or not it has a row."""
    return crypto.keyed_hash(look_up_form(address), context=f"code:{mailing_list_id}")


def find(
    session: Session, crypto: Crypto, mailing_list_id: int, address: str, *, for_update: bool = False
) -> Subscriber | None:
    """The row of this address on this mailing list, in whatever state."""
    query = select(Subscriber).where(
        col(Subscriber.mailing_list_id) == mailing_list_id,
        col(Subscriber.address_hash) == address_hash(crypto, mailing_list_id, address),
    )
    if for_update:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.exec(query).first()


def find_everywhere(session: Session, crypto: Crypto, address: str, *, for_update: bool = False) -> list[Subscriber]:
    """The rows of this address on every mailing list, in the order of the lists. Needs the secret."""
    mailing_list_ids = [mailing_list.id for mailing_list in all_lists(session) if mailing_list.id is not None]
    if not mailing_list_ids:
        return []
    query = select(Subscriber).where(
        sa.or_(
            *(
                sa.and_(
                    col(Subscriber.mailing_list_id) == mailing_list_id,
                    col(Subscriber.address_hash) == address_hash(crypto, mailing_list_id, address),
                )
                for mailing_list_id in mailing_list_ids
            )
        )
    )
    if for_update:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return sorted(session.exec(query), key=lambda subscriber: mailing_list_ids.index(subscriber.mailing_list_id))


def take_turns(session: Session, crypto: Crypto, address: str) -> None:
    """Let whatever is done about one address happen one after the other, until the transaction ends."""
    take_turns_by(session, suppression_hash(crypto, address))


def take_turns_by(session: Session, key: bytes) -> None:
    """`take_turns`, for anything that has a key.

    PostgreSQL: an advisory lock. On SQLite a writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.scalar(sa.select(sa.func.pg_advisory_xact_lock(_number(key))))


def try_turn(session: Session, crypto: Crypto, address: str) -> bool:
    """`take_turns` for whoever had better not wait: False when something is being done about this address now."""
    if session.get_bind().dialect.name == "postgresql":
        number = _number(suppression_hash(crypto, address))
        return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))
    return True


def _number(key: bytes) -> int:
    return int.from_bytes(key[:8], signed=True)
