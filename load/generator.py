"""The open loop itself: requests go out when they are due, whatever comes back.

HTTP/1.1 straight over sockets, in one asyncio loop, which one thread runs: some 5,000
requests a second on a core, which is more than any app here answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

from load.answer import Answer, BadAnswer, Reader
from load.profile import Profile, Traffic, encode
from load.records import Planned, Record, Run

_EARLY = 0.001
"""Seconds by which a request may go out before it is due: the clock of epoll(7) ticks so."""


class Load:
    """A load in a thread of its own; use as a context, then read :attr:`run`.

    >>> with Load(profile, traffic) as load:
    ...     deploy()
    >>> load.run.records

    Leaving the context stops the sending and waits for the answers still out, at most
    the profile's ``timeout``.
    """

    def __init__(self, profile: Profile, traffic: Traffic) -> None:
        self._sender = _Sender(profile, traffic)
        self._thread = threading.Thread(target=self._main, name=f"load {profile.host}", daemon=True)
        self._error: Exception | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def run(self) -> Run:
        """What has been sent and answered; complete once the load has ended."""
        return self._sender.result

    def stop(self) -> Run:
        """Send no more, wait for what is out."""
        self._sender.stop()
        return self.wait()

    def wait(self) -> Run:
        """Wait until it ends by itself."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.run

    def _main(self) -> None:
        try:
            asyncio.run(self._sender.send())
        except Exception as error:  # noqa: BLE001 - raised again by wait()
            self._error = error


class _Exchange:
    """A request on its way: what was planned, what is known, when to give up."""

    __slots__ = ("deadline", "planned", "record")

    def __init__(self, planned: Planned, record: Record) -> None:
        self.planned = planned
        self.record = record
        self.deadline: asyncio.TimerHandle | None = None


class _Connection(asyncio.Protocol):
    """One connection; it carries one request at a time."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self.exchange: _Exchange | None = None
        self.used = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def carry(self, exchange: _Exchange, payload: bytes) -> None:
        assert self._transport is not None
        self.exchange = exchange
        self._reader = Reader()
        exchange.record.sent = time.monotonic()
        self._transport.write(payload)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            self.close()
            return
        try:
            answer = self._reader.feed(data)
        except BadAnswer as error:
            self._broken(str(error))
            return
        if answer is not None:
            self._answered(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.forget(self)
        if self.exchange is None:
            return
        try:
            self._answered(self._reader.end())
        except BadAnswer as error:
            self._broken(f"reset: {exc}" if exc else str(error))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """The time is over: the answer, if one comes, is not wanted any more."""
        self.exchange = None
        self.close()

    def _answered(self, answer: Answer) -> None:
        exchange, self.exchange = self.exchange, None
        assert exchange is not None
        self.used = True
        if answer.reusable and not exchange.record.fresh:
            self._sender.keep(self)
        else:
            self.close()
        self._sender.answered(exchange, answer)

    def _broken(self, why: str) -> None:
        exchange, self.exchange = self.exchange, None
        assert exchange is not None
        self.close()
        stale = self.used and not self._reader.started and exchange.planned.method == "GET"
        self._sender.broken(exchange, why, again=stale and not exchange.record.retried)


class _Sender:
    """Sends what is due, keeps idle connections, writes the records."""

    def __init__(self, profile: Profile, traffic: Traffic) -> None:
        self.profile = profile
        self.result = Run([], time.time() - time.monotonic())
        self._traffic = traffic
        self._idle: list[_Connection] = []
        self._connections: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._out: dict[_Exchange, _Connection | None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._stopping = False
        self._all_in: asyncio.Event | None = None

    def stop(self) -> None:
        """Send no more; for any thread, also before the loop has begun."""
        self._stopping = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def send(self) -> None:
        """The whole run."""
        self._loop = asyncio.get_running_loop()
        profile, start = self.profile, time.monotonic()
        for number, planned in enumerate(self._traffic.requests()):
            due = start + number / profile.rate
            if number >= profile.most or due > start + profile.seconds:
                break
            if await self._stopped_before(due):
                break
            self._take_up(number, planned, due)
        if self._out:
            self._all_in = asyncio.Event()
            await self._all_in.wait()
        for connection in list(self._connections):
            connection.close()
        await asyncio.sleep(0)

    async def _stopped_before(self, due: float) -> bool:
        left = due - time.monotonic()
        if left > _EARLY and not self._stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), left)
        else:
            await asyncio.sleep(0)
        return self._stopping

    def _take_up(self, number: int, planned: Planned, due: float) -> None:
        every = self.profile.fresh_every
        fresh = every > 0 and number % every == every - 1
        record = Record(
            number, planned.method, planned.path, planned.key, due, time.monotonic(), fresh=fresh
        )
        self.result.records.append(record)
        exchange = _Exchange(planned, record)
        self._out[exchange] = None
        if len(self._out) > self.profile.most_open:
            self._fail(exchange, "not sent: too many connections are open")
            return
        loop = asyncio.get_running_loop()
        exchange.deadline = loop.call_later(self.profile.timeout, self._late, exchange)
        if self._idle and not fresh:
            self._carry(self._idle.pop(), exchange)
        else:
            self._on_new_connection(exchange)

    def _on_new_connection(self, exchange: _Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, exchange: _Exchange) -> None:
        loop, profile = asyncio.get_running_loop(), self.profile
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self), profile.address, profile.port
            )
        except OSError as error:
            self.broken(exchange, f"not connected: {error.strerror or error}", again=False)
            return
        if exchange not in self._out:
            connection.close()
            return
        self._connections.add(connection)
        self._carry(connection, exchange)

    def _carry(self, connection: _Connection, exchange: _Exchange) -> None:
        self._out[exchange] = connection
        payload = encode(exchange.planned, self.profile, close=exchange.record.fresh)
        connection.carry(exchange, payload)

    def _late(self, exchange: _Exchange) -> None:
        connection = self._out.get(exchange)
        if connection is not None:
            connection.give_up()
        self._fail(exchange, f"no answer within {self.profile.timeout:g} s")

    def _fail(self, exchange: _Exchange, why: str) -> None:
        exchange.record.error = why
        self._end(exchange)

    def _end(self, exchange: _Exchange) -> None:
        exchange.record.answered = time.monotonic()
        if exchange.deadline is not None:
            exchange.deadline.cancel()
        self._out.pop(exchange, None)
        if self._all_in is not None and not self._out:
            self._all_in.set()

    # What connections tell.

    def keep(self, connection: _Connection) -> None:
        self._idle.append(connection)

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def answered(self, exchange: _Exchange, answer: Answer) -> None:
        if exchange not in self._out:
            return
        self._end(exchange)
        note(exchange.record, exchange.planned, answer)

    def broken(self, exchange: _Exchange, why: str, *, again: bool) -> None:
        if exchange not in self._out:
            return
        if again:
            exchange.record.retried = exchange.record.fresh = True
            self._on_new_connection(exchange)
        else:
            self._fail(exchange, why)


def note(record: Record, planned: Planned, answer: Answer) -> None:
    """Write into the record what the answer says and what it is worth."""
    record.status = answer.status
    record.version = answer.headers.get("x-app-version")
    if not 200 <= answer.status < 400:
        record.error = f"status {answer.status}"
    elif planned.expect and planned.expect not in answer.body:
        record.error = "wrong body"
