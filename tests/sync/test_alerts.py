"""One open row a subject."""

from sqlalchemy import Engine

from propspider.sync import alerts
from tests.builders import one, rows


def test_the_same_alert_again_counts_and_a_resolved_one_opens_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        first = alerts.raise_alert(connection, "block", "status 403", portal="pincali", severity="critical")
        again = alerts.raise_alert(connection, "block", "status 429", portal="pincali", details={"status": 429})
        other = alerts.raise_alert(connection, "block", "status 403", portal="acme")
    assert again == first != other
    row = one(engine, "SELECT * FROM alerts WHERE portal = 'pincali'")
    assert (row["times"], row["message"], row["severity"], row["details"]) == (2, "status 429", "warning", {"status": 429})
    with engine.begin() as connection:
        assert alerts.resolve(connection, "block", portal="pincali", subject="else") == 0
        assert alerts.resolve(connection, "block", portal="pincali") == 1
        alerts.raise_alert(connection, "block", "status 403", portal="pincali")
    assert [row["times"] for row in rows(engine, "SELECT times FROM alerts WHERE portal = 'pincali' ORDER BY id")] == [2, 1]
