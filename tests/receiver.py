"""A service that takes alerts, on loopback, as Apprise's json:// speaks to it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from propspider.lab.serving import serve

HELD_SECONDS = 30.0


@dataclass
class Receiver:
    """`answers`: the status of each coming request; 200 when there are no more."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    held: threading.Event | None = None
    """Where there is one, no request is answered before it is set."""

    @property
    def messages(self) -> list[str]:
        return [said["message"] for said in self.asked]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    receiver = Receiver(answers=list(answers))

    async def take(request: web.Request) -> web.StreamResponse:
        receiver.asked.append(await request.json())
        if receiver.held is not None:
            await asyncio.to_thread(receiver.held.wait, HELD_SECONDS)
        return web.Response(status=receiver.answers.pop(0) if receiver.answers else 200)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    with serve(app) as base_url:
        receiver.url = base_url.replace("http://", "json://ana:hunter22@") + "/token-of-mine"
        yield receiver
