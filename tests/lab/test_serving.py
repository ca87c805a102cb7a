import asyncio
import gc
import socket
import subprocess
import sys
import threading
import warnings
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from propspider.lab.server import create_app
from propspider.lab.serving import serve
from propspider.lab.world import World

WORLD = World.create(3)


def status(base_url: str, path: str) -> int:
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=10)
    connection.request("GET", path)
    code = connection.getresponse().status
    connection.close()
    return code


def test_a_server_leaves_no_thread_socket_or_warning_behind() -> None:
    threads = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with serve(create_app(WORLD)) as base_url:
            assert status(base_url, "/en") == 200
        gc.collect()
    assert set(threading.enumerate()) <= threads
    assert [str(warning.message) for warning in caught] == []
    with pytest.raises(ConnectionRefusedError):
        status(base_url, "/en")


def test_an_idle_keep_alive_connection_does_not_hold_up_the_end() -> None:
    threads = set(threading.enumerate())
    with serve(create_app(WORLD)) as base_url:
        connection = HTTPConnection(urlsplit(base_url).netloc, timeout=10)
        connection.request("GET", "/en")
        connection.getresponse().read()
    connection.close()
    assert set(threading.enumerate()) <= threads


def test_a_failure_inside_the_block_closes_the_server_too() -> None:
    with pytest.raises(LookupError), serve(create_app(WORLD)) as base_url:
        raise LookupError(base_url)
    with pytest.raises(ConnectionRefusedError):
        status(base_url, "/en")


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"), serve(create_app(WORLD), port=port):
            pytest.fail("served on a taken port")


def test_two_servers_run_side_by_side() -> None:
    with serve(create_app(WORLD)) as one, serve(create_app(WORLD)) as other:
        assert one != other
        assert status(one, "/en") == status(other, "/en") == 200


def test_serving_an_application_twice_is_an_error_that_leaves_nothing_behind() -> None:
    threads = set(threading.enumerate())
    app = create_app(WORLD)
    with serve(app):
        pass
    with pytest.raises(RuntimeError, match="different loop"), serve(app):
        pytest.fail("served twice")
    assert set(threading.enumerate()) <= threads


def test_a_server_can_be_started_from_inside_a_running_loop() -> None:
    async def asked() -> int:
        with serve(create_app(WORLD)) as base_url:
            return status(base_url, "/en")

    assert asyncio.run(asked()) == 200


def test_a_world_that_stands_still_needs_no_numpy() -> None:
    """Which is an extra: the demo runs without."""
    blocked = "import sys; sys.modules['numpy'] = None"
    words = "from propspider.lab import parameters, server, world; server.create_app(world.World.create(3)); parameters.read()"
    subprocess.run([sys.executable, "-c", f"{blocked}; {words}"], check=True)
