"""The ground floor: tokens, addresses, cryptography, settings, logs, transactions."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core import addresses, logs, settings
from newsletter.core.clock import ManualClock
from newsletter.core.crypto import Crypto
from newsletter.core.errors import ConfigurationError, ExpiredToken, InvalidInput, InvalidToken
from newsletter.core.installation import check_secret
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import TOKEN_LENGTH, Purpose, Tokens
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
