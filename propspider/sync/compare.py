"""The statements that compare with live, write history and write live, in one go. Built once from the models' columns.

A null that a page does not state keeps the known value; `stated_empty`, and `cleared` of sync.missing, clear it. Live is written
only where a value differs.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Subquery
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array, insert

from propspider.db.models import Base, ListingColumns
from propspider.sync import statement

TABLES = Base.metadata.tables
LIVE = TABLES["properties_live"]
STAGING = TABLES["property_scrapes_staging"]
CHANGES = TABLES["property_changes"]
STATE = TABLES["property_state"]
MANIFEST = TABLES["property_manifest"]
ALIASES = TABLES["url_aliases"]

DETAIL_COLUMNS = tuple(name for name in LIVE.c.keys() if name in ListingColumns.__annotations__)  # noqa: SIM118
FEATURED_COLUMNS = (
    "bedrooms",
    "bathrooms",
    "half_bathrooms",
    "parking_spaces",
    "total_area_m2",
    "covered_area_m2",
    "lot_size_m2",
    "floor_number",
    "total_floors",
    "age_years",
    "construction_year",
    "condition",
)
"""What `features` says in words: a list that lacks one of them because the page does is no news of the list."""
PRICE_COLUMNS = ("operation_type", "price", "currency", "price_per_m2", "offers")

DEFAULT_CONFIDENCE = 0.8
CONFIDENCE = {
    **dict.fromkeys(PRICE_COLUMNS, 0.9),
    "title": 0.8,
    "description": 0.6,
    "main_image_url": 0.7,
    "image_urls": 0.7,
    **dict.fromkeys(("agent_name", "agent_phone", "agent_email", "agency_name"), 0.85),
}
"""The seed's factor of each field."""

_SEARCHED = frozenset({"title", "description", "neighborhood", "city"})
"""What search_vector is generated from."""

_NOW = sa.select(sa.func.app_now()).scalar_subquery()


def _prices() -> Subquery:
    return (
        statement("live_prices")
        .columns(
            sa.column("property_id", sa.Text),
            sa.column("offers", JSONB),
            sa.column("operation_type", sa.Text),
            sa.column("price", sa.Numeric),
            sa.column("currency", sa.Text),
            sa.column("stated_per_m2", sa.Numeric),
        )
        .subquery("prices")
    )


def _price_values(prices: Subquery, values: Mapping[str, ColumnElement[Any]]) -> dict[str, ColumnElement[Any]]:
    """The price columns of live, given the listing's merged areas."""
    area = sa.func.coalesce(values["covered_area_m2"], values["total_area_m2"], values["lot_size_m2"])
    per_m2 = sa.case((area >= sa.literal_column("1"), sa.func.round(prices.c.price / area, sa.literal_column("2"))))
    return {
        "operation_type": prices.c.operation_type,
        "price": prices.c.price,
        "currency": prices.c.currency,
        "price_per_m2": sa.func.coalesce(prices.c.stated_per_m2, per_m2),
        "offers": sa.func.coalesce(prices.c.offers, sa.text("'[]'::jsonb")),
    }


def _update_statement(
    source: FromClause,
    new: Mapping[str, ColumnElement[Any]],
    facts: Mapping[str, ColumnElement[Any]],
    where: ColumnElement[bool],
    *,
    keeps_urls: bool = False,
) -> sa.Select[Any]:
    """Live := new where any value differs, with one property_changes row a differing value; returns the ids written.

    `facts` gives the columns of _FACT_COLUMNS. `keeps_urls`: a URL that is replaced becomes an alias of its listing.
    """
    names = list(new)
    old = {name: LIVE.c[name] for name in names}
    # Used more than once below, so the server materialises it: all parts see the same rows.
    changed = (
        sa.select(
            LIVE.c.property_id,
            LIVE.c.portal,
            *[value.label(f"new_{name}") for name, value in new.items()],
            *[value.label(f"old_{name}") for name, value in old.items()],
            *[value.label(f"fact_{name}") for name, value in facts.items()],
        )
        .select_from(source)
        .where(where, sa.func.row(*new.values()).is_distinct_from(sa.func.row(*old.values())))
        .cte("changed")
    )
    fields = _unpivoted(changed, names)
    history = (
        sa.insert(CHANGES)
        .from_select(
            ["property_id", "portal", "change_type", *_FACT_COLUMNS, "field_name", "old_value", "new_value", "confidence_score"],
            sa.select(
                changed.c.property_id,
                changed.c.portal,
                _constant("updated"),
                *[changed.c[f"fact_{name}"] for name in _FACT_COLUMNS],
                fields.c.field_name,
                fields.c.old_value,
                fields.c.new_value,
                fields.c.confidence,
            )
            .select_from(sa.join(changed, fields, sa.true()))
            .where(fields.c.differs),
        )
        .cte("history")
    )
    written = [history, *_updates(changed, names)]
    if keeps_urls:
        written.append(_aliases(changed))
    return sa.select(changed.c.property_id).add_cte(*written)


def _aliases(changed: sa.CTE) -> sa.CTE:
    moved = sa.select(
        changed.c.portal, changed.c.property_id, changed.c.old_source_url, _constant("certain"), changed.c.fact_change_reason
    ).where(changed.c.old_source_url.is_distinct_from(changed.c.new_source_url))
    return (
        insert(ALIASES)
        .from_select(["portal", "property_id", "url", "kind", "reason"], moved)
        .on_conflict_do_nothing(index_elements=["property_id", "url"])
        .cte("aliases")
    )


def _updates(changed: sa.CTE, names: list[str]) -> list[sa.CTE]:
    """Rows whose text is the same are written without it: its words are half of what a row costs (measured: 0.1 ms of 0.2)."""
    always = (LIVE.c.property_id == changed.c.property_id,)
    searched = [name for name in names if name in _SEARCHED]
    if not searched:
        return [_update(changed, names, *always).cte("written")]
    differs = sa.or_(*[changed.c[f"new_{name}"].is_distinct_from(changed.c[f"old_{name}"]) for name in searched])
    rest = [name for name in names if name not in _SEARCHED]
    return [
        _update(changed, names, *always, differs).cte("written"),
        _update(changed, rest, *always, sa.not_(differs)).cte("written_but_text"),
    ]


def _update(changed: FromClause, names: list[str], *where: ColumnElement[bool]) -> sa.Update:
    return (
        sa.update(LIVE)
        .where(*where)
        .values(
            **{name: changed.c[f"new_{name}"] for name in names},
            parser_version=sa.func.coalesce(changed.c.fact_parser_version, LIVE.c.parser_version),
            scraped_at=sa.func.greatest(LIVE.c.scraped_at, changed.c.fact_observed_at),
            updated_at=_NOW,
            last_updated_at=_NOW,
        )
    )


def _constant(text: str) -> ColumnElement[str]:
    """A name of ours, spelt out: as a parameter each would be sent anew with every flush, two hundred of them."""
    return sa.literal_column(f"'{text}'", sa.Text)


_FACT_COLUMNS = ("session_id", "parser_version", "observed_at", "change_reason")


def _unpivoted(changed: FromClause, names: list[str]) -> FromClause:
    """One row a column. to_jsonb stands inside CASE, else all conversions run for every changed row.

    Arrays, not VALUES: SQLAlchemy compiles a statement with VALUES anew each time, 20 ms for these.
    """
    pairs = [(changed.c[f"old_{name}"], changed.c[f"new_{name}"]) for name in names]
    differs = [old.is_distinct_from(new) for old, new in pairs]

    def json(which: int) -> ColumnElement[Any]:
        return array(
            [sa.case((differ, sa.func.to_jsonb(pair[which], type_=JSONB))) for differ, pair in zip(differs, pairs, strict=True)],
            type_=JSONB,
        )

    confidence = [sa.literal_column(str(CONFIDENCE.get(name, DEFAULT_CONFIDENCE)), sa.Numeric) for name in names]
    return (
        sa.func.unnest(array([_constant(name) for name in names]), array(differs), json(0), json(1), array(confidence))
        .table_valued(
            sa.column("field_name", sa.Text),
            sa.column("differs", sa.Boolean),
            sa.column("old_value", JSONB),
            sa.column("new_value", JSONB),
            sa.column("confidence", sa.Numeric),
        )
        .render_derived("fields")
    )


@cache
def detail_update() -> sa.Select[Any]:
    """Staged detail pages over live rows. Parameters: session_id, property_ids, parser_version, reason."""
    prices = _prices()
    new: dict[str, ColumnElement[Any]] = {
        name: sa.case((_is_unstated(name), LIVE.c[name]), else_=STAGING.c[name]) for name in DETAIL_COLUMNS
    }
    shorter = sa.or_(*[_is_unstated(name) & LIVE.c[name].is_not(None) for name in FEATURED_COLUMNS])
    new["features"] = sa.case(
        (_is_unstated("features") | (shorter & STAGING.c.features.is_not(None)), LIVE.c.features), else_=STAGING.c.features
    )
    new |= _price_values(prices, new)
    source = STAGING.join(LIVE, LIVE.c.property_id == STAGING.c.property_id).outerjoin(
        prices, prices.c.property_id == LIVE.c.property_id
    )
    facts = {
        "session_id": STAGING.c.session_id,
        "parser_version": sa.bindparam("parser_version", type_=sa.Text),
        "observed_at": STAGING.c.observed_at,
        "change_reason": sa.bindparam("reason", type_=sa.Text),
    }
    return _update_statement(source, new, facts, _staged(), keeps_urls=True)


def _is_unstated(name: str) -> ColumnElement[bool]:
    not_cleared = STAGING.c.cleared.is_(None) | (_constant(name) != sa.all_(STAGING.c.cleared))
    return STAGING.c[name].is_(None) & (_constant(name) != sa.all_(STAGING.c.stated_empty)) & not_cleared


@cache
def unstated_nulls() -> sa.Select[Any]:
    """Of staged pages that lack what live has, or of which something was missed before: property_id, the columns that they lack,
    the marks of sync.missing. Parameters: session_id, property_ids.
    """
    lacking = [sa.case((_is_unstated(name) & LIVE.c[name].is_not(None), _constant(name))) for name in DETAIL_COLUMNS]
    names = sa.func.array_remove(array(lacking), sa.null(), type_=ARRAY(sa.Text))
    source = STAGING.join(LIVE, LIVE.c.property_id == STAGING.c.property_id).join(
        STATE, STATE.c.property_id == STAGING.c.property_id
    )
    found = sa.select(STAGING.c.property_id, names.label("names"), STATE.c.missing_since).select_from(source).where(_staged())
    rows = found.subquery("found")
    return sa.select(rows).where((sa.func.cardinality(rows.c.names) > sa.literal_column("0")) | rows.c.missing_since.is_not(None))


@cache
def price_update() -> sa.Select[Any]:
    """Live prices after offers changed. Parameters: session_id, property_ids, observed_at, reason."""
    prices = _prices()
    new = _price_values(prices, {name: LIVE.c[name] for name in ("covered_area_m2", "total_area_m2", "lot_size_m2")})
    facts = {
        "session_id": sa.bindparam("session_id", type_=sa.Uuid),
        "parser_version": sa.null().cast(sa.Text),
        "observed_at": sa.bindparam("observed_at", type_=sa.TIMESTAMP(timezone=True)),
        "change_reason": sa.bindparam("reason", type_=sa.Text),
    }
    source = LIVE.outerjoin(prices, prices.c.property_id == LIVE.c.property_id)
    chosen = LIVE.c.property_id == sa.any_(sa.bindparam("property_ids", type_=ARRAY(sa.Text)))
    return _update_statement(source, new, facts, chosen)


@cache
def detail_insert() -> sa.Insert:
    """Staged detail pages that live does not have, with one `created` change each. Parameters as `detail_update`."""
    prices = _prices()
    staged: dict[str, ColumnElement[Any]] = {name: STAGING.c[name] for name in DETAIL_COLUMNS}
    values: dict[str, ColumnElement[Any]] = {
        "property_id": STAGING.c.property_id,
        "portal": STAGING.c.portal,
        **staged,
        **_price_values(prices, staged),
        "parser_version": sa.bindparam("parser_version", type_=sa.Text),
        "first_seen_at": sa.func.least(MANIFEST.c.first_seen_at, STAGING.c.observed_at),
        "scraped_at": STAGING.c.observed_at,
    }
    arrivals = (
        sa.select(*[value.label(name) for name, value in values.items()])
        .select_from(
            STAGING.outerjoin(prices, prices.c.property_id == STAGING.c.property_id).outerjoin(
                MANIFEST, MANIFEST.c.property_id == STAGING.c.property_id
            )
        )
        .where(_staged())
        .order_by(STAGING.c.property_id)
    )
    data_columns = [LIVE.c[name] for name in (*DETAIL_COLUMNS, *PRICE_COLUMNS)]
    created = (
        sa.insert(LIVE)
        .from_select(list(values), arrivals)
        .returning(LIVE.c.property_id, LIVE.c.portal, LIVE.c.scraped_at, *data_columns)
        .cte("created")
    )
    # Names of what the row does not have: taken out of it, they cost a fifth of taking it apart.
    empty: list[ColumnElement[Any]] = [
        sa.case((created.c[column.name].is_(None), _constant(column.name))) for column in data_columns
    ]
    row = sa.func.to_jsonb(sa.literal_column("created"), type_=JSONB)
    keys = array([_constant(name) for name in ("property_id", "portal", "scraped_at")])
    row_without_nulls = row.op("-", return_type=JSONB)(
        sa.func.array_cat(keys, sa.func.array_remove(array(empty), sa.null()), type_=ARRAY(sa.Text))
    )
    return (
        sa.insert(CHANGES)
        .from_select(
            ["property_id", "portal", "change_type", *_FACT_COLUMNS, "new_value", "confidence_score"],
            sa.select(
                created.c.property_id,
                created.c.portal,
                _constant("created"),
                sa.bindparam("session_id", type_=sa.Uuid),
                sa.bindparam("parser_version", type_=sa.Text),
                created.c.scraped_at,
                sa.bindparam("reason", type_=sa.Text),
                row_without_nulls,
                sa.literal_column("1", sa.Numeric),
            ),
        )
        .returning(CHANGES.c.property_id)
    )


def _staged() -> ColumnElement[bool]:
    return sa.and_(
        STAGING.c.session_id == sa.bindparam("session_id", type_=sa.Uuid),
        STAGING.c.property_id == sa.any_(sa.bindparam("property_ids", type_=ARRAY(sa.Text))),
    )
