"""Connections kept open from one window to the next, never more than the settings say.

An idle connection is closed after a while, for a server's places are few; one that the server closed is forgotten.
"""

import asyncio
from collections.abc import Awaitable, Callable

from newsletter.providers.smtp.transactions import Transactions

#: Longer than the pause between two windows, shorter than any server's own patience.
IDLE_S = 15.0


class Pool:
    """Belongs to one event loop at a time; what another loop left behind is dropped."""

    def __init__(self, connect: Callable[[], Awaitable[Transactions]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(size)
        self._idle: dict[Transactions, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self, *, fresh: bool = False) -> tuple[Transactions, bool]:
        """A connection, and whether it has been used before; waits while all are in use. `fresh`: a new one. Whoever
        takes one gives it back. Raises `CannotConnect`."""
        self._belong_to(asyncio.get_running_loop())
        places = self._places
        await places.acquire()
        try:
            while self._idle and not fresh:
                connection, timer = self._idle.popitem()  # the last used, so that the others can end
                timer.cancel()
                if connection.is_open:
                    return connection, True
            return await self._connect(), False
        except BaseException:
            places.release()
            raise

    def give_back(self, connection: Transactions) -> None:
        """Keep it for the next window if it can still be used."""
        self._places.release()
        if connection.is_open:
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(IDLE_S, self._end, connection)

    async def close(self) -> None:
        """End all idle connections politely."""
        self._belong_to(asyncio.get_running_loop())
        for connection in list(self._idle):
            self._end(connection)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self, connection: Transactions) -> None:
        self._idle.pop(connection).cancel()
        ending = asyncio.get_running_loop().create_task(connection.say_goodbye())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _belong_to(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            self._loop, self._places = loop, asyncio.Semaphore(self._size)
            self._idle, self._ending = {}, set()
