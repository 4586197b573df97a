"""Keys of the API: shown once, good for what they were made for, limited, and taken back."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, TooMany
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, keys, repeats
from newsletter.staff.keys import KeyInUse
from newsletter.staff.models import ApiAnswer, ApiKey, KeyScope, Staff, StaffRole


@pytest.fixture
def staff_id(runtime: Runtime) -> int:
    with runtime.db.transaction() as session:
        found = accounts.add(
            session, runtime.crypto, "admin@example.org", roles=[StaffRole.ADMIN], now=runtime.clock.now()
        ).id
        assert found is not None
        return found


def add(runtime: Runtime, staff_id: int, *scopes: KeyScope, name: str = "council website", **more: object) -> str:
    with runtime.db.transaction() as session:
        return keys.add(
            session,
            runtime.crypto,
            name,
            scopes=scopes or (KeyScope.SUBSCRIBE,),
            staff_id=staff_id,
            now=runtime.clock.now(),
            **more,  # type: ignore[arg-type]
        )


def use(runtime: Runtime, text: str, *, requests_per_minute: int = 60) -> KeyInUse:
    with runtime.db.transaction() as session:
        return keys.use(session, runtime.crypto, text, requests_per_minute=requests_per_minute, now=runtime.clock.now())


def test_a_key_says_who_uses_it_and_only_its_hash_is_kept(runtime: Runtime, staff_id: int) -> None:
    text = add(runtime, staff_id, KeyScope.UPDATES_WRITE, KeyScope.UPDATES_READ)
    found = use(runtime, text)
    assert found.name == "council website"
    assert found.staff_id == staff_id
    assert found.scopes == {KeyScope.UPDATES_READ, KeyScope.UPDATES_WRITE}
    with runtime.db.reading() as session:
        row = session.exec(select(ApiKey)).one()
        assert text.startswith(f"nl_{row.prefix}_")
        assert row.last_used_on == runtime.clock.now().date()
        secret = text.split("_", 2)[2]
        assert secret not in repr(row)
        assert secret.encode() not in row.secret_hash


def test_what_is_no_key_is_refused_however_near_it_comes(runtime: Runtime, staff_id: int) -> None:
    text = add(runtime, staff_id)
    prefix = text[: len("nl_12345678_")]
    for wrong in ("", "nl_", text[:-1], text + "x", text.upper(), prefix + "x" * 43, "nl_aaaaaaaa_" + text[12:], "é\0"):
        with pytest.raises(NotAllowed):
            use(runtime, wrong)


def test_a_key_ends_when_it_expires_is_revoked_or_its_account_is_switched_off(
    runtime: Runtime, staff_id: int, clock: ManualClock
) -> None:
    text = add(runtime, staff_id, expires_at=clock.now() + timedelta(days=1))
    revoked = add(runtime, staff_id, name="old website")
    with runtime.db.transaction() as session:
        keys.revoke(session, revoked[:11], now=clock.now())
        keys.revoke(session, revoked[3:11], now=clock.now() + timedelta(days=3))
        assert keys.all_keys(session)[1].revoked_at == clock.now()
        with pytest.raises(NotFound):
            keys.revoke(session, "nl_zzzzzzzz", now=clock.now())
    with pytest.raises(NotAllowed, match="revoked"):
        use(runtime, revoked)
    use(runtime, text)
    clock.move(timedelta(days=1))
    with pytest.raises(NotAllowed, match="expired"):
        use(runtime, text)
    lasting = add(runtime, staff_id)
    with runtime.db.transaction() as session:
        session.get_one(Staff, staff_id).is_active = False
    with pytest.raises(NotAllowed, match="switched off"):
        use(runtime, lasting)


def test_a_key_may_make_a_minutes_requests_at_once_and_then_goes_on_at_their_pace(
    runtime: Runtime, staff_id: int, clock: ManualClock
) -> None:
    text, other = add(runtime, staff_id), add(runtime, staff_id, name="another")
    for _ in range(3):
        use(runtime, text, requests_per_minute=3)
    for _ in range(5):  # what is refused does not count
        with pytest.raises(TooMany) as refused:
            use(runtime, text, requests_per_minute=3)
        assert refused.value.retry_after_s == 20
    use(runtime, other, requests_per_minute=3)
    clock.move(timedelta(seconds=20))
    use(runtime, text, requests_per_minute=3)
    with pytest.raises(TooMany):
        use(runtime, text, requests_per_minute=3)
    clock.move(timedelta(minutes=5))
    for _ in range(3):
        use(runtime, text, requests_per_minute=3)
    with pytest.raises(TooMany):
        use(runtime, text, requests_per_minute=3)


def test_a_key_needs_a_name_a_scope_and_a_future(runtime: Runtime, staff_id: int, clock: ManualClock) -> None:
    for name in ("", "  ", "x" * 81, "a\0b"):
        with pytest.raises(InvalidInput):
            add(runtime, staff_id, name=name)
    with pytest.raises(InvalidInput):
        add(runtime, staff_id, expires_at=clock.now())
    with runtime.db.transaction() as session, pytest.raises(InvalidInput):
        keys.add(session, runtime.crypto, "website", scopes=(), staff_id=staff_id, now=clock.now())


def test_a_request_sent_again_within_a_day_gets_its_first_answer(
    runtime: Runtime, staff_id: int, clock: ManualClock
) -> None:
    key_id = use(runtime, add(runtime, staff_id)).id
    other_id = use(runtime, add(runtime, staff_id)).id
    done: list[str] = []

    def send(body: bytes = b"{}", *, request_key: str = "one", api_key_id: int = key_id) -> str:
        def answer() -> str:
            done.append("done")
            return f"answer {len(done)}"

        with runtime.db.transaction() as session:
            return repeats.once(session, request_key, body, answer, api_key_id=api_key_id, now=clock.now())

    assert [send(), send(), send(request_key="two"), send(api_key_id=other_id), send()] == [
        "answer 1", "answer 1", "answer 2", "answer 3", "answer 1",
    ]  # fmt: skip
    with pytest.raises(InvalidInput):
        send(b"[]")
    clock.move(timedelta(hours=24))
    assert send(b"[]") == "answer 4"
    with runtime.db.reading() as session:
        assert len(session.exec(select(ApiAnswer)).all()) == 1
