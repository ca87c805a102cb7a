"""A living portal that stands for itself."""

import socket
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from propspider.lab.scenario import Scenario
from propspider.lab.standing import serve_living

SCENARIO = Scenario(name="serve", listings=100)


def test_it_serves_on_another_port_where_its_own_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serve_living(SCENARIO, port=port, speed=3600) as base_url:
            assert urlsplit(base_url).port != port
            with urlopen(f"{base_url}/en/properties/properties-for-sale", timeout=30) as answer:  # noqa: S310 - our own server
                assert answer.status == 200


def test_what_goes_wrong_while_it_is_served_is_raised() -> None:
    with pytest.raises(OSError, match="of the caller"), serve_living(SCENARIO, port=0, speed=1):
        raise OSError("of the caller")
