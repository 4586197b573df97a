"""An SMTP server that does exactly what a test tells it, however rude."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DROP = "drop"  # cut the connection without a word
STALL = "stall"  # keep it open, say nothing

#: What a well-behaved server answers; a script replaces some of it.
POLITE = {
    "greeting": "220 mail.example.org",
    "EHLO": "250-mail.example.org\r\n250 SIZE 1000000",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 Go on",
    "body": "250 Kept as 1",
    "RSET": "250 OK",
    "QUIT": "221 Bye",
}


@dataclass
class Scripted:
    port: int = 0
    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def scripted(
    script: Mapping[str, str | Sequence[str]], *, cut_body_after: int | None = None
) -> AsyncIterator[Scripted]:
    """A server whose answers are `script` where it says something (a sequence: one after the other, the last for ever)
    and `POLITE` elsewhere. `cut_body_after`: hang up after so many bytes of a body."""
    seen = Scripted()
    used: dict[str, int] = {}
    tasks: set[asyncio.Task[None]] = set()

    def answer(step: str) -> str:
        said = script.get(step, POLITE.get(step, "500 What?"))
        if isinstance(said, str):
            return said
        number = used[step] = used.get(step, -1) + 1
        return said[min(number, len(said) - 1)]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(step: str) -> bool:
            said = answer(step)
            if said == STALL:
                await asyncio.Event().wait()
            if said != DROP:
                writer.write(said.encode() + b"\r\n")
                await writer.drain()
            return said != DROP and not said.startswith("421")

        seen.connections += 1
        if not await say("greeting"):
            return
        while line := await reader.readline():
            seen.commands.append(line.decode().strip())
            word = line.split()[0].decode().upper()
            if not await say(word) or word == "QUIT":
                return
            if word == "DATA" and answer_was_354(script, used):
                if cut_body_after is not None:
                    await reader.readexactly(cut_body_after)
                    return
                seen.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await say("body"):
                    return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort() if script.get("abort") else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def answer_was_354(script: Mapping[str, str | Sequence[str]], used: Mapping[str, int]) -> bool:
    said = script.get("DATA", POLITE["DATA"])
    if not isinstance(said, str):
        said = said[min(used["DATA"], len(said) - 1)]
    return said.startswith("354")
