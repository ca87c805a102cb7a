import psycopg
import pytest

from tests.support.cluster import Cluster, role_on


def _migrate(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE listing AS SELECT 7 AS id")


def _fail(url: str) -> None:
    _migrate(url)
    raise ZeroDivisionError


def test_a_test_gets_an_empty_database_of_a_role_that_is_not_a_superuser(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE EXTENSION cube")
        connection.execute("CREATE TABLE mine (id int)")
        rights = connection.execute("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert rights.fetchone() == (False, False, False)


def test_copies_of_a_migrated_template_share_nothing(cluster: Cluster) -> None:
    with role_on(cluster.admin_url) as run:
        template = run.migrated_template(_migrate)
        with run.database(template) as one, run.database(template) as two:
            with psycopg.connect(one) as connection:
                connection.execute("UPDATE listing SET id = 8")
            with psycopg.connect(two) as connection:
                assert connection.execute("SELECT id FROM listing").fetchone() == (7,)


def test_the_template_is_migrated_once_and_a_failed_one_is_made_again(cluster: Cluster) -> None:
    with role_on(cluster.admin_url) as run:
        with pytest.raises(ZeroDivisionError):
            run.migrated_template(_fail)
        template = run.migrated_template(_migrate)
        assert run.migrated_template(_fail) == template


def test_a_database_goes_although_somebody_is_still_connected(cluster: Cluster) -> None:
    with role_on(cluster.admin_url) as run:
        with run.database() as url:
            left_open = psycopg.connect(url)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        left_open.close()


def test_nothing_of_a_run_stays_on_the_server(cluster: Cluster) -> None:
    with role_on(cluster.admin_url) as run:
        run.migrated_template(_migrate)
    with cluster.admin() as connection:
        left = "SELECT name FROM (SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles) AS n (name)"
        assert connection.execute(f"{left} WHERE name LIKE %s", [f"%{run.run}%"]).fetchall() == []
