"""portal list, try, fixture and new; the pages come from the simulated portal, on loopback or in a file."""

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from propspider import portals
from propspider.items import PropertyType
from propspider.lab.pages import Pages
from propspider.lab.server import REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.world import World
from propspider.portals.contract import PortalFacts
from tests.commands.conftest import Report, Run
from tests.commands.rows import HOSTILE

WORLD = World.create(30)
LISTING = WORLD.listings[0]
HOME = f"https://www.pincali.com/en/home/{LISTING.slug}"


@pytest.fixture(autouse=True)
def _nothing_but_the_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database answers, and no pace is kept that would need one."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS", "0")


@pytest.fixture
def detail_file(tmp_path: Path) -> str:
    body = Pages(WORLD, page_size=24, page_cap=10).detail(LISTING.slug, "en")
    assert body is not None
    (tmp_path / "detail.html").write_bytes(body)
    return str(tmp_path / "detail.html")


@pytest.fixture
def listing_file(tmp_path: Path) -> str:
    from propspider.lab.scopes import SCOPES

    titled = attrs.evolve(LISTING, title=type(LISTING.title)(HOSTILE, HOSTILE))
    world = attrs.evolve(WORLD, listings=(titled, *WORLD.listings[1:]))
    scope = next(scope for scope in SCOPES if scope.operation in LISTING.operations)
    body = Pages(world, page_size=24, page_cap=10).listing(scope, "en", 1)
    assert body is not None
    (tmp_path / "listing.html").write_bytes(body)
    return str(tmp_path / "listing.html")


def test_the_list_names_every_portal_with_its_pace(run: Run, report: Report) -> None:
    (found,) = report("portal", "list")
    portal = portals.load("pincali")
    assert (found["name"], found["parser_version"]) == ("pincali", portal.parser_version)
    assert found["scopes"] == list(portal.facts.scopes)
    assert "1.5 s a request" in run("portal", "list").stdout


def test_a_saved_detail_page_is_recognised_and_read(run: Run, report: Report, detail_file: str) -> None:
    found = report("portal", "try", "pincali", "--file", detail_file, "--page-url", HOME)
    assert (found["property_id"], found["source_url"]) == (f"pincali:{LISTING.public_id}", HOME)
    assert [(offer["operation"], offer["kind"]) for offer in found["offers"]] == [
        (offer.operation.value, offer.kind.value) for offer in LISTING.offers
    ]
    shown = run("portal", "try", "pincali", "--file", detail_file, "--kind", "detail")
    assert LISTING.public_id in shown.stdout


def test_a_saved_listing_page_is_recognised_and_read(run: Run, report: Report, listing_file: str) -> None:
    found = report("portal", "try", "pincali", "--file", listing_file)
    assert {"entries", "stated_total", "page", "next_page"} <= set(found)
    assert found["stated_total"] >= len(found["entries"]) > 0
    first = found["entries"][0]
    assert {"property_id", "source_url", "title", "latitude", "longitude", "exact_location", "offers"} <= set(first)
    assert {"operation", "amount", "currency", "unit", "kind"} <= set(first["offers"][0])
    assert first["title"] == HOSTILE
    shown = run("portal", "try", "pincali", "--file", listing_file)
    assert shown.exit_code == 0
    assert "[/] [bold red]barata[/bold red]" in shown.stdout


def test_a_page_of_another_kind_is_refused(run: Run, detail_file: str) -> None:
    result = run("portal", "try", "pincali", "--file", detail_file, "--kind", "listing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("propspider: wrong_page: none of the listing markers")


@pytest.mark.parametrize(
    ("body", "judgement"),
    [
        ("<html>gokuProps</html>", "blocked"),
        ("<html>This property is no longer available</html>", "gone"),
        ("<html><p>About us</p></html>", "wrong_page"),
        ("  ", "empty_page"),
    ],
)
def test_a_page_without_anything_to_read_says_what_it_is(run: Run, tmp_path: Path, body: str, judgement: str) -> None:
    (tmp_path / "page.html").write_text(body)
    result = run("portal", "try", "pincali", "--file", str(tmp_path / "page.html"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["refused"] == judgement
    assert result.stderr.startswith(f"propspider: {judgement}: ")


def test_captured_pages_are_told_apart(run: Run, report: Report, shared_real: Path) -> None:
    folder = shared_real / "pincali"
    assert "bedrooms" in report("portal", "try", "pincali", "--file", str(next(folder.glob("detail_*.html"))))
    assert report("portal", "try", "pincali", "--file", str(next(folder.glob("listing_*.html"))))["entries"]
    refused = run("portal", "try", "pincali", "--file", str(next(folder.glob("login_*.html"))))
    assert refused.exit_code == 1
    assert "login: " in refused.stderr


class TestFetched:
    @pytest.fixture
    def base_url(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        monkeypatch.setenv("PROPSPIDER_ALLOW_PRIVATE", "1")
        self.app = create_app(WORLD)
        with serve(self.app) as base_url:
            yield base_url

    def test_a_fetched_page_is_read_under_the_portals_own_address(self, report: Report, base_url: str) -> None:
        found = report("portal", "try", "pincali", HOME, "--base-url", base_url)
        assert (found["property_id"], found["source_url"]) == (f"pincali:{LISTING.public_id}", HOME)
        asked = [asked.path for asked in self.app[REQUESTS]]
        assert asked == ["/robots.txt", f"/en/home/{LISTING.slug}"]

    def test_a_page_that_is_gone_is_refused_with_its_status(self, run: Run, base_url: str) -> None:
        result = run("portal", "try", "pincali", "https://www.pincali.com/en/home/none", "--base-url", base_url)
        assert result.exit_code == 1
        assert "gone: status 404" in result.stderr

    def test_robots_txt_is_obeyed(self, run: Run, base_url: str) -> None:
        result = run("portal", "try", "pincali", "https://www.pincali.com/private/x", "--base-url", base_url)
        assert result.exit_code == 1
        assert result.stderr.startswith("propspider: robots: ")
        assert [asked.path for asked in self.app[REQUESTS]] == ["/robots.txt"]

    def test_another_sites_page_is_never_asked_for(self, run: Run, base_url: str) -> None:
        result = run("portal", "try", "pincali", "https://www.example.com/", "--base-url", base_url)
        assert result.exit_code == 1
        assert "is not a page of pincali" in result.stderr
        assert not self.app[REQUESTS]


def test_a_private_mirror_needs_leave(run: Run) -> None:
    result = run("portal", "try", "pincali", HOME, "--base-url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "PROPSPIDER_ALLOW_PRIVATE=1" in result.stderr


def test_a_site_that_does_not_answer_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPSPIDER_ALLOW_PRIVATE", "1")
    result = run("portal", "try", "pincali", HOME, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_a_fixture_holds_the_page_and_what_is_read_from_it(run: Run, detail_file: str, tmp_path: Path) -> None:
    arguments = (
        "portal",
        "fixture",
        "pincali",
        "--kind",
        "detail",
        "--file",
        detail_file,
        "--page-url",
        HOME,
        "--into",
        str(tmp_path),
    )
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    saved = Path(result.stdout.strip())
    assert saved.parent == tmp_path / "propspider.portals.pincali.pages.DetailPage"
    assert (saved / "inputs" / "HttpResponse-body.html").read_bytes() == Path(detail_file).read_bytes()
    assert json.loads((saved / "output.json").read_text())["property_id"] == f"pincali:{LISTING.public_id}"
    assert Path(run(*arguments).stdout.strip()).name != saved.name


def test_a_wall_is_no_fixture(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wall.html").write_text("<html>gokuProps</html>")
    wall = str(tmp_path / "wall.html")
    result = run("portal", "fixture", "pincali", "--kind", "detail", "--file", wall, "--into", str(tmp_path))
    assert result.exit_code == 1
    assert "blocked: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wall.html"]


class TestNew:
    def test_a_new_portal_loads_and_reads_nothing_yet(self, run: Run, tmp_path: Path) -> None:
        assert run("portal", "new", "acme_mx", "--base-url", "https://www.acme.example", "--into", str(tmp_path)).exit_code == 0
        folder = tmp_path / "acme_mx"
        facts = PortalFacts.model_validate(tomllib.loads((folder / "portal.toml").read_text()))
        assert facts.base_url == "https://www.acme.example"
        assert facts.domains == ("www.acme.example", "acme.example")
        spec = importlib.util.spec_from_file_location("acme_mx_pages", folder / "pages.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for first in ("https://www.acme.example/for-sale", "https://www.acme.example/for-sale?max_price=5"):
            assert module.page_number(module.page_url(first, 3)) == 3
        assert {"ListingPage", "DetailPage", "page_url", "page_number"} <= set(dir(module))
        assert (folder / "__init__.py").read_bytes() == b""

    def test_what_the_new_file_leaves_out_is_what_the_contract_has(self, run: Run, tmp_path: Path) -> None:
        assert run("portal", "new", "acme", "--base-url", "https://www.acme.example", "--into", str(tmp_path)).exit_code == 0
        written = (tmp_path / "acme" / "portal.toml").read_text()
        everything = re.sub(r"^# (?=\[|[a-z_]+ = )", "", written, flags=re.MULTILINE)
        facts = PortalFacts.model_validate(tomllib.loads(everything))
        plain = PortalFacts.model_validate(tomllib.loads(written))
        assert (facts.removal, facts.sweep) == (plain.removal, plain.sweep)
        assert facts.sold.markers
        assert facts.withdrawn.markers
        assert facts.sitemap == "/sitemap.xml"
        assert facts.split is not None
        assert facts.split.types == {PropertyType.HOUSE: "houses"}

    def test_nothing_is_overwritten(self, run: Run, tmp_path: Path) -> None:
        arguments = ("portal", "new", "acme", "--base-url", "https://www.acme.example", "--into", str(tmp_path))
        assert run(*arguments).exit_code == 0
        (tmp_path / "acme" / "pages.py").write_text("mine")
        again = run(*arguments)
        assert again.exit_code == 1
        assert "is there already" in again.stderr
        assert (tmp_path / "acme" / "pages.py").read_text() == "mine"

    @pytest.mark.parametrize("name", ["Acme", "../acme", "a", "1acme", "class", "acme-mx", "contract", "pincali"])
    def test_a_name_that_does_not_do_writes_nothing(self, run: Run, name: str) -> None:
        folder = Path(portals.__file__).parent
        before = sorted(folder.rglob("*.toml"))
        result = run("portal", "new", name, "--base-url", "https://www.acme.example")
        assert result.exit_code == 1
        assert sorted(folder.rglob("*.toml")) == before

    @pytest.mark.parametrize(
        "url", ["acme.example", "ftp://acme.example", "https://acme.example/x", 'https://a"b.example', "https://u:p@acme.example"]
    )
    def test_an_address_that_does_not_do_writes_nothing(self, run: Run, tmp_path: Path, url: str) -> None:
        assert run("portal", "new", "acme", "--base-url", url, "--into", str(tmp_path)).exit_code == 1
        assert list(tmp_path.iterdir()) == []
