from collections.abc import Iterator

import pytest

from propspider.lab.server import create_app
from propspider.lab.serving import serve
from propspider.lab.world import World

from .client import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    world = World.create()
    app = create_app(world)
    with serve(app) as base_url:
        yield Site(base_url, app, world)
