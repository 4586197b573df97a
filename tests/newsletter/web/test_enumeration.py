"""Nobody can tell from an answer who is on a list: one answer, and the same work for it, whatever we know.

Time itself is measured by `benchmarks/enumeration.py`. Here its causes are compared: the statements sent to the
database, the rows written, and the calls to the keys.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from newsletter.core.crypto import Crypto
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.tables import metadata
from newsletter.web.remembered import remember, seal
from subscribers import preferences, signup, suppression
from subscribers.models import SuppressionReason
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door, typed_in

KNOWN, NOBODY = "reader@example.org", "nobody@example.org"


def pending(runtime: Runtime) -> None:
    town.subscriber(runtime, KNOWN, confirmed=False)


def confirmed(runtime: Runtime) -> None:
    town.subscriber(runtime, KNOWN)


def confirmed_long_ago(runtime: Runtime) -> None:
    confirmed(runtime)
    runtime.clock.move(timedelta(days=2))  # type: ignore[attr-defined]


def left(runtime: Runtime) -> None:
    subscriber_id = town.subscriber(runtime, KNOWN)
    with runtime.db.transaction() as session:
        list_id, now = town.parents_id(session), runtime.clock.now()
        preferences.leave(session, mailing_list_id=list_id, subscriber_id=subscriber_id, how="button", now=now)


def suppressed(runtime: Runtime) -> None:
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        suppression.suppress(session, runtime.crypto, KNOWN, reason=SuppressionReason.BOUNCED, now=now)


def did_not_ask(runtime: Runtime) -> None:
    token = town.token(runtime, Purpose.CONFIRM, town.subscriber(runtime, KNOWN, confirmed=False))
    with runtime.db.transaction() as session:
        signup.not_requested(session, runtime.crypto, runtime.tokens, token, now=runtime.clock.now())


def on_the_other_list(runtime: Runtime) -> None:
    town.subscriber(runtime, KNOWN, slug="professionals")


def had_its_mails(runtime: Runtime) -> None:
    for _ in range(3):
        pending(runtime)


KINDS = [pending, confirmed, confirmed_long_ago, left, suppressed, did_not_ask, on_the_other_list, had_its_mails]


@dataclass
class Work:
    """What one answer cost."""

    statements: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)


@contextmanager
def watched(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Count, and get in nobody's way."""
    work = Work()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        work.statements.append(re.sub(r"\s+", " ", statement))

    def counting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **more: Any) -> Any:
            work.calls[name] += 1
            return original(*args, **more)

        return called

    before = number_of_rows(runtime)
    sa.event.listen(runtime.db.engine, "before_cursor_execute", note)
    with monkeypatch.context() as patched:
        for name in ("encrypt", "decrypt", "hasher", "same"):
            patched.setattr(Crypto, name, counting(name, getattr(Crypto, name)))
        try:
            yield work
        finally:
            sa.event.remove(runtime.db.engine, "before_cursor_execute", note)
    work.rows = {name: number - before[name] for name, number in number_of_rows(runtime).items()}


def number_of_rows(runtime: Runtime) -> dict[str, int]:
    with runtime.db.reading() as session:
        return {
            name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in metadata.tables.items()
        }


def requests(runtime: Runtime, address: str) -> list[tuple[str, str, dict[str, str] | None]]:
    """Everything that somebody who types an address can ask."""
    with runtime.db.reading() as session:
        list_id = town.parents_id(session)
    to = seal(runtime.crypto, remember(list_id, address, None, now=runtime.clock.now()))
    return [
        ("POST", "/parents", typed_in(runtime, "/parents", {"email": address})),
        ("POST", "/parents", {"email": address}),
        ("GET", f"/parents/check-your-email?to={to}", None),
        ("POST", "/parents/send-again", {"to": to}),
        ("POST", "/confirm/code", {"list": "parents", "to": to, "code": "123456"}),
        ("POST", "/confirm/code", {"list": "parents", "email": address, "code": "123456"}),
    ]


def seen(response: httpx.Response, address: str) -> tuple[int, str, list[tuple[str, str]]]:
    """All that can be seen of an answer, but for the address that was typed, seals and nonces."""

    def same(text: str) -> str:
        text = re.sub(r"(to=|name=\"to\" value=\")[\w-]+", r"\1SEAL", text)
        text = re.sub(r"(name=\"(?:stamp|sure)\" value=\")[\w-]+", r"\1CODE", text)
        return re.sub(r"(nonce-|nonce=\")[\w-]+", r"\1NONCE", text).replace(address, "ADDRESS")

    headers = [(name, same(value)) for name, value in response.headers.items() if name != "content-length"]
    return response.status_code, same(response.text), headers


@pytest.mark.parametrize("make", KINDS)
def test_every_address_gets_the_same_answer_for_the_same_work(
    make: Callable[[Runtime], None], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(door.runtime)
    for method, path, form in requests(door.runtime, "warm-up@example.org"):  # statements are prepared once
        door.ask(method, path, data=form, tick=False)
    for known, unknown in zip(requests(door.runtime, KNOWN), requests(door.runtime, NOBODY), strict=True):
        answers, works = [], []
        for address, (method, path, form) in ((KNOWN, known), (NOBODY, unknown)):
            with watched(door.runtime, monkeypatch) as work:
                answers.append(seen(door.ask(method, path, data=form, tick=False), address))
            works.append(work)
        assert answers[0] == answers[1], known[:2]
        assert works[0] == works[1], known[:2]


def test_a_sign_up_writes_one_sealed_form_and_one_mark(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    form = typed_in(door.runtime, "/parents", {"email": NOBODY})
    with watched(door.runtime, monkeypatch) as work:
        assert door.ask("POST", "/parents", data=form, tick=False).status_code == 303
    assert {name: number for name, number in work.rows.items() if number} == {"intake": 1, "attempt": 1}
    with door.runtime.db.reading() as session:
        (row,) = session.connection().execute(sa.select(metadata.tables["intake"])).mappings()
    assert NOBODY.encode() not in row["address_sealed"]
