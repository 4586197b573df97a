"""The settings of an operator who sends through the sink: where it is, with TLS or not, signed or not."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from benchmarks.cases import Case
from benchmarks.sinks import Sink


def settings(case: Case, sink: Sink, directory: Path) -> dict[str, str]:
    """Environment variables for one case. Keys and certificates are written into the directory."""
    found = {
        "NEWSLETTER_SMTP_HOST": "localhost" if case.tls else "127.0.0.1",
        "NEWSLETTER_SMTP_PORT": str(sink.tls_port if case.tls else sink.port),
        "NEWSLETTER_SMTP_TLS": "tls" if case.tls else "none",
        "NEWSLETTER_SMTP_CONNECTIONS": str(case.connections),
    }
    if case.tls:
        certificate = directory / "certificate.pem"
        certificate.write_text(sink.certificate)
        found["NEWSLETTER_SMTP_CA_FILE"] = str(certificate)
    if case.dkim:
        key = directory / f"{case.dkim}.pem"
        key.write_bytes(_key(case.dkim))
        found |= {
            "NEWSLETTER_DKIM_DOMAIN": "example.org",
            "NEWSLETTER_DKIM_SELECTOR": "bench",
            "NEWSLETTER_DKIM_PRIVATE_KEY_FILE": str(key),
        }
    return found


@cache
def _key(kind: str) -> bytes:
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    pem, pkcs8, clear = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(pem, pkcs8, clear)
