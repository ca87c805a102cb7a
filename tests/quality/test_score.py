"""Precision and recall on files whose truth is known, and the model's part in them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from propspider.quality.duplicates import linkage, score
from propspider.quality.duplicates.score import Unscorable, measure, score_file
from tests.builders import one

from .listings import arrive, look, put, world

duckdb = pytest.importorskip("duckdb", reason="reading Parquet takes the extra linkage")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dedupe" / "listings_dev.parquet"
SAMPLED = 9000


def write(path: Path, columns: str, rows: list[tuple[Any, ...]]) -> Path:
    with duckdb.connect() as memory:
        memory.execute(f"CREATE TABLE listings ({columns})")
        marks = ", ".join("?" * (columns.count(",") + 1))
        memory.executemany(f"INSERT INTO listings VALUES ({marks})", rows)  # noqa: S608 - question marks
        memory.execute(f"COPY listings TO '{path}' (FORMAT parquet)")
    return path


COLUMNS = (
    "unique_id BIGINT, pid BIGINT, agency BIGINT, title VARCHAR, address VARCHAR, city VARCHAR, ptype VARCHAR, op VARCHAR,"
    " lat DOUBLE, lon DOUBLE, price DOUBLE, area DOUBLE, beds BIGINT, baths DOUBLE"
)
HERE = ("Calle Mina 4, Col. Centro, Puebla", "Puebla", "Casa", "sale", 19.04, -98.2)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Three listings of one house, of which one shows it otherwise, and one of another."""
    return write(
        tmp_path / "few.parquet",
        COLUMNS,
        [
            (1, 7, 1, "Casa", *HERE, 900_000.0, 120.0, 3, 2.5),
            (2, 7, 2, "Casa", *HERE, 900_000.0, 120.0, 3, 2.0),
            (3, 7, 3, "Casa", *HERE, 2_000_000.0, 300.0, 1, 1.0),
            (4, 8, 4, "Local", "Col. Roma, Puebla", "Puebla", "Local", "rent", None, None, 9_000.0, None, 0, None),
        ],
    )


def test_pairs_are_counted() -> None:
    scored = measure({("a", "b"), ("a", "c")}, {"a": 1, "b": 1, "c": 2, "d": 2}, 1.234)
    assert (scored.precision, scored.recall, scored.seconds, scored.pairs) == (0.5, 0.5, 1.23, 2)
    nothing = measure((), {"a": 1, "b": 2}, 0)
    assert (nothing.precision, nothing.recall) == (None, None)


def test_a_file_is_scored_and_leaves_nothing_behind(engine: Engine, few: Path) -> None:
    listings, _ = world(1, 5)
    arrive(engine, *listings)
    kept = one(engine, "SELECT count(*) AS rows FROM properties_live")["rows"]
    with engine.connect() as connection:
        found = score_file(connection, few)
    assert (found.automatic.precision, found.automatic.recall, found.automatic.pairs) == (1.0, 1 / 3, 1)
    assert found.review is None
    assert one(engine, "SELECT count(*) AS rows FROM properties_live")["rows"] == kept
    assert one(engine, "SELECT count(*) AS rows FROM duplicate_features WHERE portal = 'file'")["rows"] == 0


def test_what_is_no_file_of_listings_is_one_line(engine: Engine, few: Path, tmp_path: Path) -> None:
    text_file = tmp_path / "text.parquet"
    text_file.write_text("listings")
    twice = [(1, 7, 1, "Casa", *HERE, 900_000.0, 120.0, 3, 2.5)] * 2
    for path, said in (
        (tmp_path / "none.parquet", "there is no file"),
        (text_file, "text.parquet is no Parquet file of listings"),
        (write(tmp_path / "other.parquet", "unique_id BIGINT, name VARCHAR", [(1, "a")]), "other.parquet is no Parquet file"),
        (write(tmp_path / "twice.parquet", COLUMNS, twice), "listing 1 comes twice"),
    ):
        with engine.connect() as connection, pytest.raises(Unscorable, match=said):
            score_file(connection, path)


def test_too_little_is_not_learned_from(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises((linkage.TooLittle, linkage.NotInstalled)):
        linkage.judge(connection)


@pytest.mark.skipif(not linkage.is_installed(), reason="the extra linkage is not installed")
def test_the_model_judges_pairs_of_a_world_and_more_are_found_with_it(engine: Engine) -> None:
    listings, truth = world(3, 1500)
    put(engine, *listings)
    look(engine, truth)
    with engine.begin() as connection:
        assert linkage.judge(connection) > 300
    edges = text("SELECT property_a, property_b, score, probability FROM duplicate_edges WHERE probability IS NOT NULL")
    with engine.connect() as connection:
        judged = connection.execute(edges).all()
        automatic = score.pairs_within(score._groups(connection))
        queued = {(pair.first, pair.second) for pair in score.waiting(connection)}
    likely = [row for row in judged if row.probability > 0.9]
    assert sum(truth[row.property_a] == truth[row.property_b] for row in likely) / len(likely) > 0.95
    alone, together = measure(automatic, truth, 0), measure(automatic | queued, truth, 0)
    assert alone.recall is not None
    assert together.recall is not None
    assert together.recall > alone.recall


@pytest.mark.skipif(not SHARED.is_file(), reason="no listings with known duplicates beside the project")
def test_a_sample_of_listings_with_known_duplicates(engine: Engine, tmp_path: Path) -> None:
    sample = tmp_path / "sample.parquet"
    with duckdb.connect() as memory:
        # Whole properties of one city, so that neighbours and buildings stay what they are.
        chosen = "SELECT * FROM read_parquet(?) WHERE city = 'Puebla' ORDER BY pid LIMIT ?"
        memory.execute(f"CREATE TABLE chosen AS {chosen}", [str(SHARED), SAMPLED])
        memory.execute(f"COPY chosen TO '{sample}' (FORMAT parquet)")
    with engine.connect() as connection:
        found = score_file(connection, sample)
    assert found.automatic.precision is not None
    assert found.automatic.recall is not None
    assert found.automatic.precision >= 0.995
    assert found.automatic.recall >= 0.70
    if found.review is not None:
        assert found.review.precision is not None
        assert found.review.recall is not None
        assert found.review.precision >= 0.97
        assert found.review.recall >= 0.90
