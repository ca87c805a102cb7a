"""What the portal's page objects read from the simulated pages is what the world says."""

import attrs
import pytest

from propspider import portals
from propspider.lab.catalogue import TYPES, Language
from propspider.lab.pages import DETAIL_ROOTS, LOGIN_PATH
from propspider.lab.scopes import SCOPES, Scope
from propspider.portals import Judgement, Portal

from .client import Site
from .reading import expected_entry, expected_item, response, walk

LANGUAGES: tuple[Language, ...] = ("en", "es")


@pytest.fixture(scope="module")
def portal(site: Site) -> Portal:
    return portals.load("pincali").with_base(site.base_url, allow_private=True)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
def test_a_walk_over_a_scope_reads_every_card_up_to_the_cap(site: Site, portal: Portal, scope: Scope) -> None:
    truth = site.world.by_operation[scope.operation]
    pages = walk(site, portal, scope)
    assert [entry for page in pages for entry in page.entries] == [expected_entry(listing, "en") for listing in truth[:240]]
    assert [page.page for page in pages] == list(range(1, min(10, -(-len(truth) // 24)) + 1))
    assert {page.stated_total for page in pages} == {len(truth)}
    assert sum(page.cards for page in pages) == min(240, len(truth))
    assert [page.problems + page.warnings for page in pages if page.problems or page.warnings] == []


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
def test_a_spanish_listing_page_reads_the_same(site: Site, portal: Portal, scope: Scope) -> None:
    answer = response(site, site.base_url + scope.path("es"))
    page = portal.listing_page(answer, operation=scope.operation)
    truth = site.world.by_operation[scope.operation]
    assert page.entries == tuple(expected_entry(listing, "es") for listing in truth[:24])
    assert (page.problems, page.warnings) == ((), ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_detail_page_reads_as_the_world_says(site: Site, portal: Portal, language: Language) -> None:
    differences = {}
    for listing in site.world.listings:
        answer = response(site, f"{site.base_url}{DETAIL_ROOTS[language]}/{listing.slug}")
        assert portal.judge(answer, "detail")[0] is Judgement.OK
        truth, item = expected_item(listing, language), portal.detail_page(answer)
        if truth != item:
            differences[listing.public_id] = {
                name: (value, getattr(item, name))
                for name, value in attrs.asdict(truth, recurse=False).items()
                if value != getattr(item, name)
            }
    assert differences == {}


def test_the_world_shows_every_type_and_kind_of_offer_within_reach(site: Site, portal: Portal) -> None:
    entries = [entry for scope in SCOPES for page in walk(site, portal, scope) for entry in page.entries]
    assert {entry.property_type for entry in entries} == set(TYPES)
    assert len({entry.property_id for entry in entries}) >= 480
    assert max(len(entry.offers) for entry in entries) == 2


@pytest.mark.parametrize(
    ("path", "judgement"),
    [(LOGIN_PATH, Judgement.LOGIN), ("/en/home/no-such-listing", Judgement.GONE), ("/", Judgement.WRONG_PAGE)],
)
def test_other_pages_are_told_apart(site: Site, portal: Portal, path: str, judgement: Judgement) -> None:
    assert portal.judge(response(site, site.base_url + path), "detail")[0] is judgement
