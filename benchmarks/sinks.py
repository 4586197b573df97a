"""The far end of the benchmarks: compiles `sink.c`, starts it, and asks it what it counted."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_SOURCE = Path(__file__).with_name("sink.c")


class NoSink(Exception):
    """There cannot be a sink on this machine."""


class NotAsSent(Exception):
    """What arrived is not what was sent, so that the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the sink saw since it was last asked to forget."""

    messages: int
    bytes: int
    duplicates: int
    mismatches: int
    hasty: int
    refused: int
    connections: int
    cpu_s: float
    first_at_s: float  # on the clock of `time.monotonic`; 0 before anything came
    last_at_s: float

    def must_be(self, number: int) -> None:
        """Raises `NotAsSent` when not every one of so many messages came once, in good order, to its recipient."""
        arrived = (self.messages, self.duplicates, self.mismatches, self.hasty, self.refused)
        if arrived != (number, 0, 0, 0, 0):
            raise NotAsSent(f"{number:,} messages were sent, and the sink saw {self}.")


class Sink:
    """A running sink."""

    def __init__(self, words: IO[str], answers: IO[str], certificate: str) -> None:
        self._words = words
        self._answers = answers
        ports = json.loads(answers.readline())
        self.port, self.tls_port = int(ports["port"]), int(ports["tls_port"])
        self.certificate = certificate

    def set_round_trip(self, milliseconds: float) -> None:
        self._say(f"rtt {milliseconds}")
        self.counts()  # so that it has been heard

    def forget(self) -> None:
        self._say("zero")
        self.counts()

    def counts(self) -> Counts:
        self._say("stat")
        return Counts(**json.loads(self._answers.readline()))

    def _say(self, word: str) -> None:
        self._words.write(f"{word}\n")
        self._words.flush()


@contextmanager
def running() -> Iterator[Sink]:
    """A sink on this machine. Raises `NoSink` where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoSink("The wire is not measured: there is no C compiler (Debian: apt install gcc libssl-dev).")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = directory / "sink"
        command = [compiler, "-O2", "-o", str(program), str(_SOURCE)]
        built = subprocess.run([*command, "-lssl", "-lcrypto"], capture_output=True, check=False)
        if built.returncode != 0:
            built = subprocess.run([*command, "-DWITHOUT_TLS"], capture_output=True, check=False)
        if built.returncode != 0:
            raise NoSink(f"The sink could not be compiled: {built.stderr.decode()[-300:]}")
        files = _certificate(directory)
        process = subprocess.Popen(
            [str(program), *map(str, files)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Sink(process.stdin, process.stdout, files[0].read_text())
        finally:
            process.stdin.close()
            process.kill()
            process.wait(10)
            process.stdout.close()


def _certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    pem, pkcs8, clear = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    certificate_file.write_bytes(made.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, pkcs8, clear))
    return certificate_file, key_file
