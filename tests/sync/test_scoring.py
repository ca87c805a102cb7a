"""The completeness of an item equals the one that the server generates for its row."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from propspider.items import Offer
from propspider.pipelines.quality import QualityPipeline
from propspider.quality.scoring import completeness
from propspider.sync.promote import promote
from tests.builders import item, new_session, offer, scalar

facts = st.fixed_dictionaries(
    {
        "description": st.sampled_from([None, "x", "ñ" * 199, "ñ" * 200, "🌳" * 200]),
        "image_urls": st.sampled_from([None, (), ("a",), tuple("abcd"), tuple("abcde")]),
        "city": st.sampled_from([None, "Zapopan"]),
        "agent_name": st.sampled_from([None, "Noa Simulada"]),
        "agency_name": st.sampled_from([None, "Faro Azul"]),
        "bedrooms": st.sampled_from([None, 0, 3]),
        "total_area_m2": st.sampled_from([None, Decimal(80)]),
        "lot_size_m2": st.sampled_from([None, Decimal(80)]),
    }
)
prices = st.sampled_from([None, offer(100), offer(None), offer(8, unit="square_meter"), offer(5, amount_max=9)])
places = st.sampled_from([(None, None), (20.5, -103.25)])


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(facts=facts, price=prices, place=places)
def test_the_score_of_an_item_is_the_score_of_its_row(
    engine: Engine, facts: dict[str, Any], price: Offer | None, place: tuple[float | None, float | None]
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE properties_live, property_offers, property_state, property_scrapes_staging"))
    offers = (price,) if price else ()
    read = QualityPipeline().process_item(item(1, offers=offers, latitude=place[0], longitude=place[1], **facts))
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        promote(connection, session, [read])
    assert scalar(engine, "SELECT data_completeness_score FROM properties_live") == read.data_completeness_score


def test_nothing_scores_nothing() -> None:
    assert completeness({}) == Decimal("0.00")
