"""The demo's mail server: IMAP in a thread of this process, on loopback, its mail in memory."""

from __future__ import annotations

import asyncio
import threading
from argparse import Namespace
from asyncio import AbstractEventLoop, Server
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from pymap.backend.dict import Config, DictBackend, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPService
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata

T = TypeVar("T")

START = 20.0
"""Seconds until it counts as broken; it takes less than one."""


class EmbeddedImap:
    """`with EmbeddedImap(user=…, password=…) as server:` one mailbox at 127.0.0.1, server.port, without TLS.

    Port 0 takes a free one. Its INBOX and Junk are empty at first, and gone at the end.
    """

    def __init__(self, *, user: str = "demo", password: str = "demo", port: int = 0) -> None:  # noqa: S107 - opens nothing
        self.host, self.port, self.user, self.password = "127.0.0.1", port, user, password
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._loop: AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-imap", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START):
            raise TimeoutError("the embedded mail server did not start")
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends every session. What a client asks afterwards it asks nobody."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START)

    def deliver(self, raw: bytes, folder: str = "INBOX", received_at: datetime | None = None) -> None:
        """Puts a mail into the folder; who idles there is told. `received_at` is aware, and now by default."""
        assert self._loop is not None
        when = received_at or datetime.now(UTC)
        asyncio.run_coroutine_threadsafe(self._append(AppendMessage(raw, when), folder), self._loop).result(START)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as e:  # noqa: BLE001 - told to whoever waits in __enter__
            self._failed = e
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._config = config = _Config.from_args(
            self._arguments(), reject_dnsbl=False, cpu_subsystem=Subsystem.for_asyncio()
        )
        config.apply_context()
        login = Login(config)
        self._identity = login.demo_user_identity
        hashed = await Passwords(config).hash_password(self.password)
        await self._identity.set(UserMetadata(config, self.user, password=hashed))
        async with self._identity.new_session() as session:
            await session.mailbox_set.add_mailbox("Junk")
        async with _Stack() as stack:
            await IMAPService(DictBackend(login, config), config).start(stack)
            assert stack.server is not None
            self.port = stack.server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()
            # Since Python 3.12 a server waits for its connections before it counts as closed: end them first.
            await _end([t for t in asyncio.all_tasks() if t is not asyncio.current_task()])

    def _arguments(self) -> Namespace:
        """What pymap's command line would have made of: --host … --port … --no-tls dict."""
        return Namespace(
            host=[self.host],
            port=str(self.port),
            cert=None,
            key=None,
            tls=False,
            debug=False,
            proxy_protocol=None,
            inherited_sockets=None,
            passlib_cfg=None,
            demo_data=False,
            demo_user=self.user,
            demo_password=self.password,
        )

    async def _append(self, mail: AppendMessage, folder: str) -> None:
        self._config.apply_context()
        async with self._identity.new_session() as session:
            await (await session.mailbox_set.get_mailbox(folder)).append(mail, recent=True)


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        """pymap would ask the DNS for this machine's full name, at every connection."""
        return b"ready"


class _Stack(AsyncExitStack):
    """Remembers the server that IMAPService enters: nobody else knows the port it got."""

    server: Server | None = None

    async def enter_async_context(self, cm: AbstractAsyncContextManager[T, bool | None]) -> T:
        if isinstance(cm, Server):
            self.server = cm
        return await super().enter_async_context(cm)


async def _end(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
