import asyncio
import socket
from collections.abc import Iterator

import pytest

from propspider.browser.own_hosts_proxy import OwnHostsProxy


@pytest.fixture
def site() -> Iterator[socket.socket]:
    """Accepts by its backlog alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


def _ask(head: str, hosts: set[str], *, allow_private: bool) -> tuple[bytes, list[str]]:
    async def ask() -> tuple[bytes, list[str]]:
        refused: list[str] = []
        proxy = OwnHostsProxy(frozenset(hosts), allow_private=allow_private, refused=refused.append)
        address = await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(head.encode() + b"\r\n\r\n")
        try:
            answer = await asyncio.wait_for(reader.read(100), 5)
        finally:
            writer.close()
            await proxy.close()
        return answer, refused

    return asyncio.run(ask())


def test_a_tunnel_to_an_own_host_is_made(site: socket.socket) -> None:
    own = f"127.0.0.1:{site.getsockname()[1]}"
    answer, refused = _ask(f"CONNECT {own} HTTP/1.1", {own}, allow_private=True)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert refused == []


@pytest.mark.parametrize(
    ("name", "hosts", "allow_private"),
    [
        ("127.0.0.1", {"www.example.com"}, True),  # not the portal's
        ("127.0.0.1", {"127.0.0.1"}, True),  # the portal's, but another of its ports
        ("localhost", {"localhost:PORT"}, False),  # the portal's own name, which leads into somebody's network
        ("[::ffff:127.0.0.1]", {"127.0.0.1:PORT"}, True),
    ],
)
@pytest.mark.parametrize("request_line", ["CONNECT {} HTTP/1.1", "GET http://{}/ HTTP/1.1"])
def test_nothing_else_is_connected_to(
    site: socket.socket, request_line: str, name: str, hosts: set[str], allow_private: bool
) -> None:
    port = str(site.getsockname()[1])
    head = request_line.format(f"{name}:{port}")
    answer, refused = _ask(head, {host.replace("PORT", port) for host in hosts}, allow_private=allow_private)
    assert not answer or answer.startswith(b"HTTP/1.1 502 ")
    assert refused
    with pytest.raises(TimeoutError):
        site.accept()


@pytest.mark.parametrize(
    "head", ["", "GET", "GET / HTTP/1.1", "CONNECT x:99999 HTTP/1.1", "GET http://[/ HTTP/1.1", "\xff \xff \xff"]
)
def test_nonsense_is_answered_with_nothing(head: str) -> None:
    answer, _ = _ask(head, {"www.example.com"}, allow_private=True)
    assert not answer or answer.startswith(b"HTTP/1.1 502 ")
