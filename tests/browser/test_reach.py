"""A page that tries every way out. Its own host's scripts and data come through; nothing reaches anybody else."""

import json
from pathlib import Path

from aiohttp import web

from propspider.lab.world import World

from .conftest import Scrapy
from .pages import Start, detail_html, elsewhere, lab, path_of, url_of

_TRIES = """
<script>
const there = 'http://127.0.0.1:PORT', tried = [];
const attempt = (name, act) => { tried.push(name); try { Promise.resolve(act()).catch(() => {}) } catch (error) {} };
const element = (tag, set) => { const it = Object.assign(document.createElement(tag), set); document.body.append(it); return it };
addEventListener('DOMContentLoaded', () => {
  attempt('image', () => new Image().src = there + '/image');
  attempt('script', () => element('script', {src: there + '/script'}));
  attempt('frame', () => element('iframe', {src: there + '/frame'}));
  attempt('object', () => element('object', {data: there + '/object'}));
  attempt('fetch', () => fetch(there + '/fetch', {mode: 'no-cors'}));
  attempt('xhr', () => { const x = new XMLHttpRequest(); x.open('GET', there + '/xhr'); x.send() });
  attempt('beacon', () => navigator.sendBeacon(there + '/beacon', 'x'));
  attempt('events', () => new EventSource(there + '/events'));
  attempt('socket', () => new WebSocket(there.replace('http', 'ws') + '/socket'));
  attempt('redirected script', () => element('script', {src: '/away/script'}));
  attempt('redirected fetch', () => fetch('/away/fetch', {mode: 'no-cors'}));
  attempt('redirected frame', () => element('iframe', {src: '/away/frame'}));
  attempt('popup', () => open(there + '/popup'));
  attempt('own popup', () => open('/away/popup'));
  attempt('download', () => element('iframe', {src: '/file'}));
  attempt('link to a new window', () => element('a', {href: there + '/blank', target: '_blank'}).click());
  attempt('form', () => element('form', {action: there + '/form', method: 'post', target: '_blank'}).submit());
  attempt('worker', () => new Worker('/worker.js'));
  attempt('shared worker', () => new SharedWorker('/worker.js'));
  attempt('service worker', () => navigator.serviceWorker.register('/worker.js'));
  for (const rel of ['preconnect', 'dns-prefetch', 'prefetch', 'preload', 'modulepreload', 'prerender'])
    attempt(rel, () => element('link', {rel, href: there + '/' + rel, as: 'script'}));
  attempt('speculation', () => element('script', {type: 'speculationrules',
    text: JSON.stringify({prerender: [{source: 'list', urls: [there + '/speculation', '/away/speculation']}]})}));
  attempt('peer', async () => {
    const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PORT'},
      {urls: 'turn:127.0.0.1:PORT?transport=tcp', username: 'x', credential: 'x'}]});
    peer.createDataChannel('x');
    await peer.setLocalDescription(await peer.createOffer());
  });
  attempt('transport', () => new WebTransport(there.replace('http', 'https') + '/transport'));
  fetch('/tried', {method: 'POST', body: JSON.stringify(tried)});
});
</script>
"""
_WORKER = """
const there = 'http://127.0.0.1:PORT';
const act = () => {
  for (const place of [there, '/away']) fetch(place + '/worker', {mode: 'no-cors'}).catch(() => {});
  new WebSocket(there.replace('http', 'ws') + '/worker-socket'); };
act(); self.addEventListener('install', act);
"""


def test_nothing_leaves_for_another_host(chromium: Path, start: Start, scrapy: Scrapy) -> None:
    world = World.create(1)
    site, listing = lab(world), world.listings[0]
    tried: list[str] = []

    async def hears(request: web.Request) -> web.StreamResponse:
        tried.extend(json.loads(await request.text()))
        return web.Response()

    with elsewhere() as (port, arrived):

        async def leads_away(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"http://127.0.0.1:{port}{request.path}")

        async def worker(request: web.Request) -> web.StreamResponse:
            return web.Response(text=_WORKER.replace("PORT", str(port)), content_type="text/javascript")

        async def attachment(_: web.Request) -> web.StreamResponse:
            return web.Response(body=b"x", headers={"Content-Disposition": "attachment; filename=x.bin"})

        ways = ("script", "fetch", "frame", "popup", "worker", "speculation")
        site.answers = {
            path_of(listing): detail_html(world).replace("</head>", _TRIES.replace("PORT", str(port)) + "</head>"),
            "/tried": hears,
            "/worker.js": worker,
            "/file": attachment,
            **{f"/away/{way}": leads_away for way in ways},
        }
        crawled = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=start(site))
        assert crawled.returncode == 0, crawled.stderr
        assert json.loads(crawled.stdout)["property_id"] == f"pincali:{listing.public_id}"
        assert "Traceback" not in crawled.stderr
        assert len(tried) == 29
        assert {"/away/script", "/away/fetch", "/away/frame", "/worker.js"} <= set(site.paths())
        assert arrived == []


def test_a_page_that_redirects_to_another_host_is_off_site(chromium: Path, start: Start, scrapy: Scrapy) -> None:
    world = World.create(1)
    site, listing = lab(world), world.listings[0]
    with elsewhere() as (port, arrived):

        async def leads_away(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"http://127.0.0.1:{port}/there")

        site.answers[path_of(listing)] = leads_away
        crawled = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=start(site))
        assert crawled.returncode == 1
        assert "off_site: OffSite: the page leads to http://127.0.0.1" in crawled.stderr
        assert arrived == []
