"""An SMTP server that does exactly what a test tells it, however rude, and keeps what it took responsibility for."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DROP = "drop"  # cut the connection without a word
STALL = "stall"  # keep it open, say nothing
KEEP_AND_DROP = "keep and drop"  # take the message, then cut the connection

LOCK_STEP = "250-mail.example.org\r\n250 SIZE 1000000"
PIPELINING = "250-mail.example.org\r\n250-PIPELINING\r\n250 SIZE 1000000"

#: What a well-behaved server answers; a script replaces some of it.
POLITE = {
    "greeting": "220 mail.example.org",
    "EHLO": PIPELINING,
    "HELO": "250 mail.example.org",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 Go on",
    "body": "250 Kept as 1",
    "RSET": "250 OK",
    "QUIT": "221 Bye",
    "STARTTLS": "220 Go on",
}

#: The answers to one step: always the same, one after the other (the last for ever), or made up when asked.
Answers = str | Sequence[str] | Callable[[], str]


@dataclass
class Scripted:
    port: int = 0
    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    kept: list[tuple[str, bytes]] = field(default_factory=list)  # (recipient, message) it took responsibility for
    hasty: int = 0  # bodies that began before their 354
    connections: int = 0
    secured: int = 0

    @property
    def words(self) -> list[str]:
        return [command.split()[0].upper() for command in self.commands if command]


@asynccontextmanager
async def scripted(
    script: Mapping[str, Answers], *, cut_body_after: int | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Scripted]:
    """A server whose answers are `script` where it says something and `POLITE` elsewhere: then it refuses RCPT without
    MAIL and DATA without RCPT. `cut_body_after`: hang up after so many bytes of a body. `tls`: for STARTTLS."""
    seen = Scripted()
    used: dict[str, int] = {}
    tasks: set[asyncio.Task[None]] = set()

    def answer(step: str, otherwise: str | None) -> str:
        said = script.get(step, otherwise or POLITE.get(step, "500 What?"))
        if callable(said):
            return said()
        if isinstance(said, str):
            return said
        number = used[step] = used.get(step, -1) + 1
        return said[min(number, len(said) - 1)]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(step: str, otherwise: str | None = None) -> str | None:
            """What was said; None when the conversation is over."""
            said = answer(step, otherwise)
            if said == STALL:
                await asyncio.Event().wait()
            if said in (DROP, KEEP_AND_DROP):
                return None
            writer.write(said.encode() + b"\r\n")
            await writer.drain()
            return None if said.startswith("421") else said

        seen.connections += 1
        has_sender, recipient = False, ""
        if await say("greeting") is None:
            return
        while line := await reader.readline():
            command = line.decode().strip()
            seen.commands.append(command)
            word = (command.split() or [""])[0].upper()
            otherwise = None
            if (word == "RCPT" and not has_sender) or (word == "DATA" and not recipient):
                otherwise = "503 5.5.1 Bad sequence"
            if word == "DATA" and reader._buffer:  # type: ignore[attr-defined]
                seen.hasty += 1
            said = await say(word, otherwise)
            if said is None or word == "QUIT":
                return
            if word in ("RSET", "EHLO"):
                has_sender, recipient = False, ""
            elif word == "MAIL":
                has_sender, recipient = said.startswith("250"), ""
            elif word == "RCPT" and said.startswith("250"):
                recipient = command.partition("<")[2].partition(">")[0]
            elif word == "STARTTLS" and said.startswith("220") and tls is not None:
                await writer.start_tls(tls)
                seen.secured += 1
            elif word == "DATA" and said.startswith("354"):
                if cut_body_after is not None:
                    await reader.readexactly(cut_body_after)
                    return
                body = await reader.readuntil(b".\r\n")
                while body != b".\r\n" and not body.endswith(b"\r\n.\r\n"):
                    body += await reader.readuntil(b".\r\n")
                seen.bodies.append(body)
                step = answer("body", None)
                if recipient and (step == KEEP_AND_DROP or (step.startswith("2") and step != DROP)):
                    seen.kept.append((recipient, body))
                has_sender, recipient = False, ""
                if step == STALL:
                    await asyncio.Event().wait()
                if step in (DROP, KEEP_AND_DROP):
                    return
                writer.write(step.encode() + b"\r\n")
                await writer.drain()
                if step.startswith("421"):
                    return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
