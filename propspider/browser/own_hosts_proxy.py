"""The only way out of the browser: a proxy on loopback that connects to the portal's own hosts and to nothing else.

Interception in the page does not see redirects, WebSockets, workers, prefetches or the browser's own traffic. A connection
is made to the very address that was checked, so that a name that changes its address between check and use gains nothing.
"""

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from propspider.middlewares.reach import is_own, is_private

HEAD_SECONDS = 30.0
CONNECT_SECONDS = 15.0
_CHUNK = 64 * 1024


class _Refused(Exception):
    """Not a place that the browser may reach."""


class OwnHostsProxy:
    """`refused` is called with the netloc of each connection that was not made."""

    def __init__(self, hosts: frozenset[str], *, allow_private: bool, refused: Callable[[str], None]) -> None:
        self._hosts = hosts
        self._allow_private = allow_private
        self._refused = refused
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.troubles: dict[str, str] = {}
        """netloc → why the last connection to it failed; the browser only learns that the proxy gave up."""

    async def start(self) -> str:
        """URL of the proxy."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, UnicodeDecodeError, ValueError):
            pass  # a broken connection is the browser's to report
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        method, target, _ = head.partition(b"\r\n")[0].decode("ascii").split(" ")
        tunnel = method == "CONNECT"
        netloc = target if tunnel else urlsplit(target).netloc
        try:
            upstream, upstream_writer = await self._connect(target if not tunnel else f"//{target}", netloc)
        except (_Refused, OSError, TimeoutError):
            # An answer to a plain request would be taken for the portal's page; to a tunnel it is only an error code.
            if tunnel:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            return
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
            else:
                upstream_writer.write(_for_origin(head, target))
            await _splice((reader, upstream_writer), (upstream, writer))
        finally:
            upstream_writer.close()

    async def _connect(self, url: str, netloc: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        candidates = [f"{scheme}:{url}" for scheme in ("http", "https")] if url.startswith("//") else [url]
        if not any(is_own(candidate, self._hosts) for candidate in candidates):
            self._refused(netloc)
            raise _Refused(netloc)
        parts = urlsplit(candidates[0])
        try:
            streams = await self._dial(parts.hostname or "", parts.port or 80)
        except (OSError, TimeoutError) as error:
            self.troubles[netloc] = str(error) or type(error).__name__
            raise
        self.troubles.pop(netloc, None)
        return streams

    async def _dial(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: Exception | None = None
        for entry in await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = str(entry[4][0])
            if not self._allow_private and is_private(address):
                self._refused(f"{host}:{port}")
                raise OSError(f"{host} resolves to the private address {address}")
            try:
                return await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_SECONDS)
            except (OSError, TimeoutError) as error:
                failure = error
        raise failure or OSError(f"{host} has no address")


def _for_origin(head: bytes, target: str) -> bytes:
    """The request as its own server expects it. One request a connection: the next one may be for another host."""
    first, _, rest = head.partition(b"\r\n")
    method, _, version = first.split(b" ")
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    dropped = (b"proxy-", b"connection:", b"keep-alive:")
    lines = [line for line in rest.split(b"\r\n") if line and not line.lower().startswith(dropped)]
    return b"\r\n".join([b" ".join([method, path.encode("ascii"), version]), *lines, b"Connection: close", b"", b""])


async def _splice(*pipes: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Until either side is done: a browser does not half-close, and a server that closes has said what it had to say."""
    pumps = [asyncio.ensure_future(_pump(reader, writer)) for reader, writer in pipes]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
