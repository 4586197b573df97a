"""The ground floor: tokens, addresses, cryptography, settings, logs, transactions."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from newsletter import tables
from newsletter.core import addresses, db, logs, settings
from newsletter.core.audience import Audience
from newsletter.core.clock import ManualClock
from newsletter.core.crypto import Crypto
from newsletter.core.errors import ConfigurationError, ExpiredToken, InvalidInput, InvalidToken
from newsletter.core.installation import check_secret
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import TOKEN_LENGTH, Purpose, Tokens
from subscribers.models import Intake, MailingList
from tests.conftest import START

CRYPTO = Crypto("one secret")
TOKENS = Tokens(CRYPTO)


@given(list_id=st.integers(0, 2**32 - 1), subject_id=st.integers(0, 2**63 - 1), years=st.integers(0, 50))
def test_a_token_says_what_it_was_made_of_however_old(list_id: int, subject_id: int, years: int) -> None:
    text = TOKENS.make(Purpose.LEAVE, list_id=list_id, subject_id=subject_id, issued_at=START)
    token = TOKENS.read(Purpose.LEAVE, text, now=START + timedelta(days=365 * years))
    assert (token.list_id, token.subject_id, token.issued_at) == (list_id, subject_id, START)
    assert len(text) == TOKEN_LENGTH


@given(position=st.integers(0, TOKEN_LENGTH - 1), character=st.sampled_from("ABCXYZabcxyz0189-_=+/ é\0"))
def test_a_token_with_any_character_changed_is_refused(position: int, character: str) -> None:
    text = TOKENS.make(Purpose.LEAVE, list_id=1, subject_id=7, issued_at=START)
    changed = text[:position] + character + text[position + 1 :]
    if changed != text:
        with pytest.raises(InvalidToken):
            TOKENS.read(Purpose.LEAVE, changed, now=START)


@given(st.text(max_size=200))
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        TOKENS.read(Purpose.CONFIRM, text, now=START)


def test_a_token_opens_only_the_page_it_was_made_for_and_only_with_its_secret() -> None:
    text = TOKENS.make(Purpose.MANAGE, list_id=1, subject_id=7, issued_at=START)
    with pytest.raises(InvalidToken):
        TOKENS.read(Purpose.LEAVE, text, now=START)
    with pytest.raises(InvalidToken):
        Tokens(Crypto("another secret")).read(Purpose.MANAGE, text, now=START)


def test_a_token_older_than_allowed_says_whom_it_was_for() -> None:
    text = TOKENS.make(Purpose.CONFIRM, list_id=1, subject_id=7, issued_at=START)
    week = timedelta(days=7)
    assert TOKENS.read(Purpose.CONFIRM, text, now=START + week, max_age=week).subject_id == 7
    with pytest.raises(ExpiredToken) as caught:
        TOKENS.read(Purpose.CONFIRM, text, now=START + week + timedelta(seconds=1), max_age=week)
    assert (caught.value.list_id, caught.value.subject_id) == (1, 7)


@pytest.mark.parametrize(
    "typed",
    [
        "name@example.org",
        "  name@example.org \n",
        "name+send@example.org",
        "o'brien@example.org",
        "name@bücher.example.org",
        "jürgen@example.org",
        "a" * 64 + "@" + ".".join(["b" * 59] * 3) + ".example",
    ],
)
def test_addresses_that_exist_are_taken(typed: str) -> None:
    assert addresses.parse(typed).endswith(typed.strip().rpartition("@")[2])


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "name", "name@", "@example.org", "a@b", "two@@example.org", "a b@example.org", "x@y.org\r\nBcc: z",
     "name@example..org", "name@-example.org", "a" * 250 + "@example.org", "<name@example.org>", "name\0@example.org",
     "a@example.org,b@example.org", "name@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        addresses.parse(typed)
    assert caught.value.field == "email"


@given(st.text(max_size=300))
def test_parsing_is_stable_and_never_breaks(typed: str) -> None:
    try:
        address = addresses.parse(typed)
    except InvalidInput:
        return
    assert addresses.parse(address) == address
    assert not set(address) & set("\r\n\0<>")


def test_likely_typing_errors_are_noticed_and_real_domains_left_alone() -> None:
    assert addresses.likely_typo("a@gmial.com") == "a@gmail.com"
    assert addresses.likely_typo("a@homtail.com") == "a@hotmail.com"
    assert addresses.likely_typo("a@gmail.com") is None
    assert addresses.likely_typo("a@wallingford.example.org") is None


def test_an_address_is_sealed_differently_each_time_and_hashed_differently_for_each_list() -> None:
    one, two = CRYPTO.encrypt("name@example.org"), CRYPTO.encrypt("name@example.org")
    assert one != two
    assert CRYPTO.decrypt(one) == CRYPTO.decrypt(two) == "name@example.org"
    hashes = {CRYPTO.keyed_hash("name@example.org", context=f"subscriber:{number}") for number in (1, 2)}
    assert len(hashes) == 2
    with pytest.raises(ConfigurationError):
        Crypto("another").decrypt(one)


def test_several_processes_of_a_new_installation_may_start_at_once(runtime: Runtime) -> None:
    start, failures = threading.Barrier(4), []

    def begin() -> None:
        try:
            start.wait(10)
            with runtime.db.transaction() as session:
                check_secret(session, runtime.crypto, runtime.clock)
        except BaseException as failure:
            failures.append(failure)

    processes = [threading.Thread(target=begin) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join(30)
    assert failures == []


def test_a_database_is_tied_to_its_secret(runtime: Runtime) -> None:
    with runtime.db.transaction() as session:
        check_secret(session, runtime.crypto, runtime.clock)
    with runtime.db.transaction() as session:
        check_secret(session, runtime.crypto, runtime.clock)
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        with runtime.db.transaction() as session:
            check_secret(session, Crypto("another secret"), ManualClock(START))


def test_logs_carry_no_address_and_no_personal_link() -> None:
    text = logs.scrub("sent to name+x@example.org via /leave/abcDEF-_123 (o'brien@exämple.org)")
    assert "@" not in text
    assert "abcDEF" not in text


class TestSettings:
    SAFE = {
        "NEWSLETTER_ENVIRONMENT": "production",
        "NEWSLETTER_SECRET_KEY": "k" * 40,
        "NEWSLETTER_MAIL_PROVIDER": "smtp",
        "NEWSLETTER_BASE_URL": "https://news.example.org/",
    }

    def test_production_starts_when_safe(self) -> None:
        loaded = settings.load(self.SAFE, env_file=None)
        assert loaded.is_production
        assert loaded.base_url == "https://news.example.org"
        assert loaded.message_domain == "news.example.org"

    @pytest.mark.parametrize(
        ("name", "value"),
        [("SECRET_KEY", ""), ("SECRET_KEY", "short"), ("MAIL_PROVIDER", "outbox"), ("BASE_URL", "http://x.example")],
    )
    def test_production_refuses_what_is_unsafe_and_says_which(self, name: str, value: str) -> None:
        with pytest.raises(ConfigurationError, match=name):
            settings.load({**self.SAFE, f"NEWSLETTER_{name}": value}, env_file=None)

    def test_a_value_that_cannot_be_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match="NEWSLETTER_ENVIRONMENT"):
            settings.load({"NEWSLETTER_ENVIRONMENT": "prod"}, env_file=None)

    def test_secrets_may_come_from_files_and_a_missing_file_is_named(self, tmp_path: object) -> None:
        from pathlib import Path

        file = Path(str(tmp_path)) / "password"
        file.write_text("hush\n")
        loaded = settings.load(
            {
                "NEWSLETTER_SMTP_PASSWORD_FILE": str(file),
                "NEWSLETTER_SMTP_HOST": "mail",
                "NEWSLETTER_SECRET_KEY": "k" * 40,
            },
            env_file=None,
        )
        assert loaded.provider("smtp") == {"password": "hush", "host": "mail"}
        assert "hush" not in repr(loaded)
        with pytest.raises(ConfigurationError, match="SMTP_PASSWORD_FILE"):
            settings.load({"NEWSLETTER_SMTP_PASSWORD_FILE": "/nowhere"}, env_file=None)

    def test_development_makes_its_own_secret_once(self, tmp_path: object) -> None:
        given = {"NEWSLETTER_DATA_DIR": str(tmp_path)}
        first, second = settings.load(given, env_file=None), settings.load(given, env_file=None)
        assert len(first.secret_key.get_secret_value()) >= settings.MINIMUM_SECRET_LENGTH
        assert first.secret_key == second.secret_key


def list_id(session: Session, name: str = "SEND news") -> int:
    made = MailingList(
        slug="news", name=name, audience=Audience.PARENTS, summary="News.", frequency="monthly", sender_name="News",
        sender_email="news@example.org", reply_to="news@example.org", lawful_basis="consent",
    )  # fmt: skip
    session.add(made)
    session.flush()
    assert made.id is not None
    return made.id


def took_in(session: Session, sealed: Sequence[bytes]) -> None:
    """One sign-up form for each."""
    mailing_list_id = list_id(session)
    session.add_all(
        [
            Intake(mailing_list_id=mailing_list_id, address_sealed=each, source="web", received_at=START)
            for each in sealed
        ]
    )
    session.flush()


def test_rows_come_all_at_once_with_the_values_of_their_columns(runtime: Runtime) -> None:
    table = tables.metadata.tables["intake"].c
    query = db.AllAtOnce(
        sa.select(table.address_sealed, table.source, table.received_at, table.role).order_by(table.id)
    )
    sealed = [bytes([0, 255, 34, number]) for number in range(3)]
    with runtime.db.transaction() as session:
        assert list(query.rows(session, {})) == []
        took_in(session, sealed)
        found = query.rows(session, {})
    assert [tuple(row) for row in found] == [(each, "web", START, None) for each in sealed]


@pytest.mark.parametrize("places", [[], [2], [3, 1, 900], list(range(2, 400))])
def test_one_of_many_numbers(runtime: Runtime, places: list[int]) -> None:
    columns = tables.metadata.tables["intake"].c
    with runtime.db.transaction() as session:
        took_in(session, [b"x"] * 5)
        ids = [session.execute(sa.select(sa.func.min(columns.id))).scalar_one() + place for place in places]
        known = set(session.scalars(sa.select(columns.id)))
        is_one = db.one_of(columns.id, "ids", session.get_bind().dialect.name)
        found = session.scalars(sa.select(columns.id).where(is_one), {"ids": ids}).all()
    assert sorted(found) == sorted(known & set(ids))


def test_connections_that_were_lost_while_nobody_used_them_are_not_noticed(
    postgresql_runtime: Runtime,
) -> None:
    database = postgresql_runtime.db
    others = sa.text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with database.reading() as one, database.reading() as another:
        one.execute(sa.text("SELECT 1"))
        another.execute(sa.text("SELECT 1"))
    with database.reading() as one:
        assert all(one.execute(others).scalars())
    with database.reading() as one, database.reading() as another:
        assert [each.execute(sa.text("SELECT 1")).scalar() for each in (one, another)] == [1, 1]


def test_what_is_overwritten_depends_on_whether_it_tells_of_somebody(sqlite_runtime: Runtime) -> None:
    for for_sending, secure in ((False, 1), (True, 2), (False, 1)):
        with sqlite_runtime.db.transaction(for_sending=for_sending) as session:
            assert session.execute(sa.text("PRAGMA secure_delete")).scalar() == secure


def test_a_glance_sees_what_is_committed_and_leaves_the_connection_as_it_was(runtime: Runtime) -> None:
    number = sa.select(sa.func.count()).select_from(MailingList)
    for _ in range(2):
        with runtime.db.glance() as session:
            assert session.scalar(number) == 0
        with runtime.db.transaction() as session:
            list_id(session)
            session.rollback()
