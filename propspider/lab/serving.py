"""An aiohttp application in a thread of its own, for a test, a demo or a benchmark in the same process."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread

from aiohttp import web

CLOSING_SECONDS = 2.0


@contextmanager
def serve(app: web.Application, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Yields the base URL; port 0 takes a free one. Raises OSError when the port is taken. An application can be served once."""
    with closing(socket.create_server((host, port))) as listener, _running_loop() as loop:
        bound_host, bound_port = listener.getsockname()[:2]
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING_SECONDS)
        try:
            asyncio.run_coroutine_threadsafe(_start(runner, listener), loop).result()
            yield f"http://{bound_host}:{bound_port}"
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


async def _start(runner: web.AppRunner, listener: socket.socket) -> None:
    await runner.setup()
    await web.SockSite(runner, listener).start()


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="propspider-lab", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
