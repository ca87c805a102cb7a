from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from aiohttp import web
from selectolax.lexbor import LexborHTMLParser, LexborNode

from propspider.lab.world import World


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)


@dataclass(frozen=True)
class Site:
    base_url: str
    app: web.Application
    world: World

    def ask(self, path: str, *, method: str = "GET") -> Answer:
        connection = HTTPConnection(urlsplit(self.base_url).netloc, timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()


def one(tree: LexborHTMLParser | LexborNode, selector: str) -> LexborNode:
    node = tree.css_first(selector)
    assert node is not None, selector
    return node
