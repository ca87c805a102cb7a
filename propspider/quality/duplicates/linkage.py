"""The nightly second opinion: a Fellegi-Sunter model (Splink, the extra `linkage`) that learns from this database's own listings
how much each agreement says, without labels, and fills the queue that a person looks through. It groups nothing by itself.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from propspider.db.models import DuplicateEdge
from propspider.quality.duplicates import AUTOMATIC, POSSIBLE, statement
from propspider.quality.duplicates.grouping import pair_of

LEAST = 100
"""Pairs that the rules group, below which there is nothing to learn from."""
FOUND_BY_RULES = 0.8
"""Of all duplicates, the share that the rules group: from it follows how probable a pair is before anything is compared."""
_SAMPLED_PAIRS = 4_000_000
_SEED = 1

_NEAR_M, _AROUND_M, _FAR_M = 80, 450, 800


class NotInstalled(RuntimeError):
    """The model comes with an extra: pip install 'propspider[linkage]'"""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class TooLittle(RuntimeError):
    """There are too few duplicates to learn from."""


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("splink", "duckdb", "pyarrow"))


def judge(connection: Connection) -> int:
    """Writes the probability of every pair that was found; how many. Reads all features. The caller commits.

    Raises NotInstalled, TooLittle.
    """
    if not is_installed():
        raise NotInstalled
    grouped = connection.scalar(select(func.count()).select_from(DuplicateEdge).where(DuplicateEdge.score >= AUTOMATIC)) or 0
    if grouped < LEAST:
        raise TooLittle(f"the model learns from {LEAST} duplicates at least, and the rules found {grouped}")
    rows = connection.execute(statement("linkage_features"), {"floor": POSSIBLE}).mappings().all()
    probable = grouped / FOUND_BY_RULES / (len(rows) * (len(rows) - 1) / 2)
    found = _predict(rows, min(probable, 0.5), _training(rows))
    connection.execute(
        statement("linkage_write"),
        {
            "first_ids": [first for first, _, _ in found],
            "second_ids": [second for _, second, _ in found],
            "probabilities": [probability for _, _, probability in found],
        },
    )
    return len(found)


def _training(rows: Sequence[RowMapping]) -> list[tuple[str, ...]]:
    """The rules that bring pairs enough to learn from; without one of each kind, what it leaves out is never learned."""
    found: list[tuple[str, ...]] = []
    for kinds in _TRAINING:
        able = [(*_MARKET, *columns) for columns in kinds if _pairs_that_share(rows, (*_MARKET, *columns)) >= LEAST]
        if not able:
            raise TooLittle(f"the model learns from {LEAST} pairs at least that share {' or '.join(map(' and '.join, kinds))}")
        found += able
    return found


def _pairs_that_share(rows: Sequence[RowMapping], columns: Sequence[str]) -> int:
    shared = Counter(values for row in rows if None not in (values := tuple(row[name] for name in columns)))
    return sum(count * (count - 1) // 2 for count in shared.values())


def _predict(rows: Sequence[RowMapping], probable: float, rules: Sequence[Sequence[str]]) -> list[tuple[str, str, float]]:
    import pyarrow
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns |= {name: pyarrow.array(columns[name], pyarrow.float64()) for name in _NUMBERS}
    columns |= {name: pyarrow.array(columns[name], pyarrow.string()) for name in _TEXTS}
    api = DuckDBAPI()
    linker = Linker(
        api.register(pyarrow.table(columns)),
        SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="property_id",
            comparisons=[*COMPARISONS],
            blocking_rules_to_generate_predictions=[block_on("edges", arrays_to_explode=["edges"])],
            probability_two_random_records_match=probable,
        ),
        log_level=None,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=_SEED)
    for shared in rules:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*shared))
    found: Any = linker.inference.predict()
    return [
        (*pair_of(row["property_id_l"], row["property_id_r"]), round(row["match_probability"], 6))
        for row in found.as_pyarrow_table().to_pylist()
    ]


_MARKET = ("family", "markets", "city")
_TRAINING = ((("street", "house_number"),), (("sale", "total_area"), ("rent", "total_area")))
"""What pairs to learn from share: the place, or price and area. By columns that are compared, never by a hash of them, since the
model has to know of what such pairs can tell it nothing.
"""
_NUMBERS = ("sale", "rent", "total_area", "bedrooms", "bathrooms", "latitude", "longitude")
_TEXTS = ("family", "city", "sale_currency", "rent_currency", "neighborhood", "street", "house_number")


def _comparison(name: str, unknown: str, levels: Mapping[str, str]) -> dict[str, Any]:
    """The first level whose condition holds counts; the last stands for what none describes."""
    return {
        "output_column_name": name,
        "comparison_levels": [
            {"sql_condition": unknown, "label_for_charts": "unknown", "is_null_level": True},
            *({"sql_condition": condition, "label_for_charts": label} for label, condition in levels.items()),
        ],
    }


_PRICE_OFF = (
    "least(CASE WHEN sale_currency_l = sale_currency_r THEN abs(sale_l - sale_r) END,"
    " CASE WHEN rent_currency_l = rent_currency_r THEN abs(rent_l - rent_r) END)"
)
_AREA_OFF = "abs(total_area_l - total_area_r)"
_ROOMS_OFF = "bedrooms_l - bedrooms_r"
_BATHS_AGREE = "coalesce(abs(bathrooms_l - bathrooms_r) < 1, true)"
_METERS = (
    "(6378168 * sqrt(power(radians(latitude_l - latitude_r), 2)"
    " + power(radians(longitude_l - longitude_r) * cos(radians(latitude_l)), 2)))"
)
_STREET = "jaro_winkler_similarity(street_l, street_r) > 0.88"
_HOOD = "jaro_winkler_similarity(neighborhood_l, neighborhood_r) > 0.85"
_PLACE_UNKNOWN = " AND ".join(f"({name}_l IS NULL OR {name}_r IS NULL)" for name in ("street", "neighborhood", "latitude"))

COMPARISONS = (
    _comparison(
        "price",
        f"{_PRICE_OFF} IS NULL",
        {
            "equal": f"{_PRICE_OFF} <= 0.0005",
            "within 3 %": f"{_PRICE_OFF} <= 0.03",
            "within 6 %": f"{_PRICE_OFF} <= 0.06",
            "within 12 %": f"{_PRICE_OFF} <= 0.12",
            "differs": "ELSE",
        },
    ),
    _comparison(
        "area",
        f"{_AREA_OFF} IS NULL",
        {
            "equal": f"{_AREA_OFF} <= 0.002",
            "within 6 %": f"{_AREA_OFF} <= 0.06",
            "within 12 %": f"{_AREA_OFF} <= 0.12",
            "within 20 %": f"{_AREA_OFF} <= 0.2",
            "differs": "ELSE",
        },
    ),
    _comparison(
        "rooms",
        f"{_ROOMS_OFF} IS NULL",
        {
            "same": f"{_ROOMS_OFF} = 0 AND {_BATHS_AGREE}",
            "one off": f"abs({_ROOMS_OFF}) <= 1 AND {_BATHS_AGREE}",
            "differ": "ELSE",
        },
    ),
    # Street, number, neighbourhood and distance say one thing four times: one comparison, or the model believes it four times.
    _comparison(
        "place",
        _PLACE_UNKNOWN,
        {
            "same door": f"house_number_l = house_number_r AND {_STREET}",
            "same street": f"{_STREET} AND {_HOOD} AND coalesce({_METERS} <= {_FAR_M}, true)"
            " AND coalesce(house_number_l = house_number_r, true)",
            "same neighbourhood": f"(street_l IS NULL OR street_r IS NULL) AND {_HOOD}"
            f" AND coalesce({_METERS} <= {_AROUND_M}, true)",
            "same spot": f"{_METERS} <= {_NEAR_M}",
            "another number": f"{_STREET} AND {_HOOD} AND coalesce({_METERS} <= {_AROUND_M}, true)",
            "around": f"{_METERS} <= {_AROUND_M}",
            "elsewhere": "ELSE",
        },
    ),
)
