"""What the pipelines decide without a database."""

from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propspider.items import Claim, CrawlError, ErrorType, PropertyItem
from propspider.pipelines.diff import DiffPipeline, content_hash
from propspider.pipelines.quality import QualityPipeline
from tests.builders import entry, item, listing, offer, page

from .conveyor import Pipeline

CLAIM = Claim(queue_id=5, lease_no=2, property_id=listing(1))


def validated(pipeline: Pipeline, read: PropertyItem) -> Any:
    return pipeline._before[0].process_item(read)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"title": None}, "title is missing"),
        ({"observed_at": None}, "observed_at is missing"),
        ({"portal": "another"}, "property_id 'pincali:EB-AA0001' is not of portal 'another'"),
        ({"source_url": "javascript:alert(1)"}, "source_url is not http(s)"),
        ({"bedrooms": -1}, "bedrooms is out of range: -1"),
        ({"construction_year": 70_000}, "construction_year is out of range: 70000"),
        ({"lot_size_m2": Decimal("1e13")}, "lot_size_m2 is out of range: 1E+13"),
        ({"latitude": 91.0}, "coordinates are out of range: 91.0, -103.25"),
        ({"longitude": float("nan")}, "coordinates are out of range: 20.5, nan"),
        ({"longitude": None}, "one coordinate without the other"),
        ({"title": None, "bedrooms": -1}, "title is missing; bedrooms is out of range: -1"),
    ],
)
def test_a_reject_keeps_its_claim_and_the_raw_item(pipeline: Pipeline, fault: dict[str, Any], message: str) -> None:
    read = attrs.evolve(item(1), claim=CLAIM, **fault)
    error = validated(pipeline, read)
    assert isinstance(error, CrawlError)
    assert (error.error_type, error.message, error.claim) == (ErrorType.VALIDATION, message, CLAIM)
    assert (error.url, error.property_id) == (read.source_url, listing(1))
    assert error.raw_item["bedrooms"] == read.bedrooms
    assert error.raw_item["offers"][0]["amount"] == 4_650_000


@pytest.mark.parametrize("facts", [{}, {"bedrooms": 0}, {"floor_number": -2}, {"latitude": None, "longitude": None}])
def test_a_good_item_passes_as_it_is_and_its_warnings_are_counted(pipeline: Pipeline, facts: dict[str, Any]) -> None:
    read = item(1, warnings=("type/unknown", "type/unknown", "price/missing"), **facts)
    assert validated(pipeline, read) is read
    assert (pipeline.stat("warning/type/unknown"), pipeline.stat("warning/price/missing")) == (2, 1)


def test_pages_and_errors_pass_all_of_them_untouched(pipeline: Pipeline) -> None:
    others = (page(entry(1)), CrawlError(portal="pincali", error_type=ErrorType.GONE, message="gone"))
    for step in pipeline._before:
        assert tuple(map(step.process_item, others)) == others


def test_quality_scores_by_the_primary_price(pipeline: Pipeline) -> None:
    assert QualityPipeline().process_item(item(1, offer(None))).data_completeness_score == Decimal("0.60")
    assert QualityPipeline().process_item(item(1, offer(1))).data_completeness_score == Decimal("0.80")


def test_the_hash_is_of_what_the_page_says_of_the_property(pipeline: Pipeline) -> None:
    read = item(1, offer(100), offer(9, operation="rent"), minute=0, amenities={"A": ["x"], "B": ["y"]})
    again = item(
        1,
        offer(9, operation="rent"),
        offer(100),
        minute=60,
        amenities={"B": ["y"], "A": ["x"]},
        claim=CLAIM,
        warnings=("type/unknown",),
    )
    assert content_hash(read) == content_hash(again) == DiffPipeline().process_item(again).content_hash


@settings(deadline=None, database=None)
@given(
    st.sampled_from(
        [
            {"bedrooms": 4},
            {"title": "Another"},
            {"offers": (offer(1),)},
            {"offers": (offer(4_650_000, "USD"),)},
            {"image_urls": ("https://images.example.com/2.jpg", "https://images.example.com/1.jpg")},
            {"stated_empty": frozenset({"agent_name"})},
            {"features": ()},
            {"amenities": {"A": []}},
        ]
    )
)
def test_every_difference_makes_another_hash(facts: dict[str, Any]) -> None:
    assert content_hash(item(1, **facts)) != content_hash(item(1))
