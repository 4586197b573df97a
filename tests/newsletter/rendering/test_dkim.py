"""Every copy's signature holds, whoever it is for, and no longer holds when anything in it is changed."""

import base64
import re
from contextlib import suppress
from functools import cache

import dkim as verifier
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.errors import ConfigurationError
from newsletter.core.mime import CanonicalMime
from newsletter.rendering import dkim, message
from newsletter.rendering.engine import render
from newsletter.rendering.mails import Rendered
from tests.newsletter.rendering.samples import MAILS, SLOT_VALUES
from tests.newsletter.rendering.test_message import HEADERS, LEAVE, NOW

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def pem(private: Private) -> str:
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return private.private_bytes(encoding, kind, serialization.NoEncryption()).decode()


@cache
def rsa_pem(bits: int = 2048) -> str:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


@cache
def ed25519_pem() -> str:
    return pem(ed25519.Ed25519PrivateKey.generate())


RSA = {"domain": "example.org", "selector": "news"}


def signer(*kinds: str) -> dkim.Signer:
    config = dict(RSA)
    for prefix, kind in zip(("", "second_"), kinds, strict=False):
        config |= {
            f"{prefix}selector": f"{kind}1",
            f"{prefix}private_key": rsa_pem() if kind == "rsa" else ed25519_pem(),
        }
    made = dkim.load(config)
    assert made is not None
    return made


def compiled(rendered: Rendered, made: dkim.Signer, **changes: object) -> message.CompiledMessage:
    given_: dict[str, object] = {"sender": "SEND news <news@example.org>", "reply_to": "send@example.org"}
    given_ |= {"headers": HEADERS, "date": NOW, "signer": made}
    return message.compile(rendered, **(given_ | changes))  # type: ignore[arg-type]


def filled(mail: message.CompiledMessage, **changes: object) -> bytes:
    values: dict[str, object] = {"to": "reader@example.org", "message_id": "d1.e2@example.org", "slots": SLOT_VALUES}
    values |= {"leave_url": LEAVE, "leave_mailto": "mailto:send@example.org?subject=stop"}
    mime = mail.fill(**(values | changes))  # type: ignore[arg-type]
    assert isinstance(mime, CanonicalMime)
    assert mime.size_bytes == len(bytes(mime))
    return bytes(mime)


def holds(raw: bytes, made: dkim.Signer, number: int = 0) -> bool:
    records = {f"{name}.".encode(): record.encode() for name, record in made.records().items()}
    return bool(verifier.DKIM(raw).verify(idx=number, dnsfunc=lambda name, timeout=5: records.get(bytes(name), b"")))


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("name", sorted(MAILS))
def test_every_mail_is_signed_so_that_others_can_verify_it(name: str, kind: str) -> None:
    made = signer(kind)
    raw = filled(compiled(render(MAILS[name]), made))
    assert raw.startswith(b"DKIM-Signature: v=1; ")
    assert holds(raw, made)


def test_both_keys_at_once() -> None:
    made = signer("rsa", "ed25519")
    raw = filled(compiled(render(MAILS["edition"]), made))
    assert raw.count(b"DKIM-Signature:") == 2
    assert holds(raw, made, 0)
    assert holds(raw, made, 1)


def test_what_it_covers() -> None:
    raw = filled(compiled(render(MAILS["edition"]), signer("ed25519")))
    signed = re.sub(r"\s", "", re.search(rb"h=([^;]*);", raw)[1].decode()).split(":")  # type: ignore[index]
    assert signed == list(dkim.SIGNED)


def test_a_letter_without_a_way_out_claims_none() -> None:
    made = signer("ed25519")
    raw = filled(compiled(render(MAILS["edition"]), made, headers={}), leave_url=None, leave_mailto=None)
    signed = re.search(rb"h=([^;]*);", raw)[1]  # type: ignore[index]
    assert b"List-" not in signed
    assert b"Feedback-ID" not in signed
    assert holds(raw, made)


def test_a_relay_may_add_lines_above_and_fold_headers_anew() -> None:
    made = signer("rsa")
    raw = filled(compiled(render(MAILS["edition"]), made))
    folded = raw.replace(b"Subject: ", b"Subject:\r\n   ", 1)
    assert holds(b"Received: from us by relay.example.org;\r\n\tTue, 3 Nov 2026 09:00:00 +0000\r\n" + folded, made)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe: <https://", b"List-Unsubscribe: <https://evil."),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"To: reader@", b"To: another@"),
        (b"From: ", b"From: Somebody <a@example.org>\r\nFrom: "),
        (b"quoted-printable\r\n\r\n", b"quoted-printable\r\n\r\nA line before. "),
    ],
)
def test_what_is_changed_on_the_way_is_noticed(old: bytes, new: bytes) -> None:
    made = signer("ed25519")
    raw = filled(compiled(render(MAILS["edition"]), made))
    assert old in raw
    changed = raw.replace(old, new, 1)
    with suppress(verifier.DKIMException):  # it does not even look at a message with two From headers
        assert not holds(changed, made)


VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)
BITS = ["  ", " ", "\t", "\n", "\n\n", "word", ".", "é", "=", "x" * 80, "[[leave_url]]", "[[code]]"]
TEXTS = st.lists(st.sampled_from(BITS), max_size=30).map("".join)


@settings(deadline=None)
@given(text=TEXTS, html=TEXTS, leave=VALUES, code=VALUES, local=st.from_regex(r"[a-z0-9+.]{1,20}", fullmatch=True))
def test_it_holds_for_any_text_and_any_reader(text: str, html: str, leave: str, code: str, local: str) -> None:
    made = signer("ed25519")
    rendered = Rendered(subject="News  of \u00e9verything", html=html, text=text, markdown="")
    mail = compiled(rendered, made)
    raw = filled(mail, to=f"a{local.replace('.', '')}@example.org", slots={"leave_url": leave, "code": code})
    assert holds(raw, made)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


class TestSettings:
    def test_without_any_nothing_is_signed(self) -> None:
        assert dkim.load({}) is None
        assert dkim.load({"domain": " "}) is None

    @pytest.mark.parametrize(
        ("config", "named"),
        [
            ({"selector": "news"}, "DKIM_PRIVATE_KEY_FILE must name"),
            ({"domain": "example.org"}, "DKIM_SELECTOR"),
            (RSA | {"private_key": "not a key"}, "PEM"),
            (RSA | {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "RSA or an Ed25519"),
            (RSA | {"private_key": rsa_pem(1024)}, "1024 bits"),
            ({"selector": "news", "private_key": rsa_pem()}, "DKIM_DOMAIN"),
            (RSA | {"domain": "a\r\nb.org", "private_key": rsa_pem()}, "DKIM_DOMAIN"),
            (RSA | {"selector": "a; d=evil", "private_key": rsa_pem()}, "DKIM_SELECTOR"),
            (RSA | {"private_key": rsa_pem(), "second_private_key": rsa_pem()}, "SECOND_SELECTOR"),
            (RSA | {"private_key": rsa_pem(), "second_selector": "news", "second_private_key": rsa_pem()}, "differ"),
        ],
    )
    def test_what_cannot_be_used_is_said_in_a_sentence(self, config: dict[str, str], named: str) -> None:
        with pytest.raises(ConfigurationError, match=named) as caught:
            dkim.load(config)
        assert "BEGIN" not in str(caught.value)

    def test_a_key_may_stand_in_one_line_of_an_env_file(self) -> None:
        assert dkim.load(RSA | {"private_key": ed25519_pem().replace("\n", "\\n")}) is not None

    def test_what_the_dns_must_say(self) -> None:
        records = signer("rsa", "ed25519").records()
        assert list(records) == ["rsa1._domainkey.example.org", "ed255191._domainkey.example.org"]
        assert len(base64.b64decode(records["ed255191._domainkey.example.org"].partition("p=")[2])) == 32

    def test_whom_it_speaks_for(self) -> None:
        made = signer("ed25519")
        assert made.covers("News <news@example.org>")
        assert made.covers("news@mail.example.org")
        assert not made.covers("news@notexample.org")
