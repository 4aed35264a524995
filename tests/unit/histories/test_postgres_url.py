"""What libpq is told of a database URL, whoever's URL it is."""

import traceback

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories.postgres import connection_parameters

SHOP = {"user": "app", "password": "pw", "host": "db.shop.svc", "port": "5432", "dbname": "shop"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:pw@db.shop.svc:5432/shop",
        "postgres://app:pw@db.shop.svc:5432/shop",
        "postgresql+psycopg://app:pw@db.shop.svc:5432/shop",
        "postgresql+psycopg2://app:pw@db.shop.svc:5432/shop",
        "postgis://app:pw@db.shop.svc:5432/shop",
        "pgx5://app:pw@db.shop.svc:5432/shop",
        "jdbc:postgresql://db.shop.svc:5432/shop?user=app&password=pw",
        "host=db.shop.svc port=5432 dbname=shop user=app password=pw",
        "  postgresql://app:pw@db.shop.svc:5432/shop\n",
    ],
)
def test_same(url):
    """One database has the same parameters however it is written."""
    assert connection_parameters(url) == SHOP


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param("postgresql://", {}, id="scheme alone"),
        pytest.param("postgresql://db/shop", {"host": "db", "dbname": "shop"}, id="no user"),
        pytest.param(
            "postgresql://a:5432,b:5433/shop", {"host": "a,b", "port": "5432,5433", "dbname": "shop"}, id="two hosts"
        ),
        pytest.param("postgresql://a,b/shop", {"host": "a,b", "port": ",", "dbname": "shop"}, id="two hosts, no ports"),
        pytest.param("postgresql://[::1]:5433/shop", {"host": "::1", "port": "5433", "dbname": "shop"}, id="IPv6"),
        pytest.param("postgresql:///shop?host=/run/pg", {"host": "/run/pg", "dbname": "shop"}, id="socket"),
        pytest.param("postgres://%2Frun%2Fpg/shop", {"host": "/run/pg", "dbname": "shop"}, id="socket as host"),
        pytest.param(
            "postgres://app%40azure:p%40s%2Fs@db",
            {"user": "app@azure", "password": "p@s/s", "host": "db"},
            id="escaped",
        ),
        pytest.param(
            "postgres://app:p#s:s@db", {"user": "app", "password": "p#s:s", "host": "db"}, id="harmless # and :"
        ),
        pytest.param(
            "postgres://db?sslmode=verify-full&sslrootcert=/ca.crt",
            {"host": "db", "sslmode": "verify-full", "sslrootcert": "/ca.crt"},
            id="sslmode",
        ),
        pytest.param("jdbc:postgresql://db/?ssl=true", {"host": "db", "sslmode": "require"}, id="JDBC's ssl"),
        pytest.param("jdbc:postgresql://db/?ssl=false", {"host": "db"}, id="JDBC's ssl, off"),
        pytest.param(
            "postgres://db?options=-c%20statement_timeout%3D9s",
            {"host": "db", "options": "-c statement_timeout=9s"},
            id="escaped space",
        ),
        pytest.param("postgres://db?password=a%2Bb", {"host": "db", "password": "a+b"}, id="escaped plus"),
        pytest.param("postgres://db?password=a+b", {"host": "db", "password": "a+b"}, id="plus, as libpq reads it"),
        pytest.param(
            "postgres://app:7?dbname=x@db/shop",
            {"user": "app", "password": "7?dbname=x", "host": "db", "dbname": "shop"},
            id="?, as libpq reads it",
        ),
        pytest.param(
            "host=db password=a?b user=app", {"host": "db", "password": "a?b", "user": "app"}, id="conninfo, ?"
        ),
        pytest.param("host=db password=a://b", {"host": "db", "password": "a://b"}, id="conninfo, ://"),
        pytest.param("host=db password='a b'", {"host": "db", "password": "a b"}, id="conninfo, quoted"),
        pytest.param(
            "postgres://db/shop?pool_size=5&connection_limit=1&reWriteBatchedInserts",
            {"host": "db", "dbname": "shop"},
            id="unknown left out",
        ),
        pytest.param("postgres://db?schema=app", {"host": "db", "search_path": "app"}, id="Prisma's schema"),
        pytest.param(
            "jdbc:postgresql://db/?currentSchema=app,b", {"host": "db", "search_path": "app,b"}, id="JDBC's schema"
        ),
        pytest.param("postgres://db?search_path=app", {"host": "db", "search_path": "app"}, id="Go's search_path"),
    ],
)
def test_parameters(url, parameters):
    """Libpq's parameters are kept as they are meant, a search path is kept apart, and the rest is left out."""
    assert connection_parameters(url) == parameters


SPECIAL = [
    "hunter2@hunter2",
    "hunter2/hunter2",
    "hunter2?hunter2",
    "hunter2%hunter2",
    "hunter2/?#hunter2@:%hunter2",
    "777/hunter2",
    "777?hunter2",
    "777?hunter2=hunter2",
    "777#hunter2/hunter2",
    "777/hunter2?sslmode=",
    "a@hunter2?application_name=x",
    "a@hunter2/b?application_name=x",
]


@pytest.mark.parametrize(
    "url",
    [
        *(f"postgresql://app:{password}@db.shop.svc:5432/shop" for password in SPECIAL),
        *(f"jdbc:postgresql://app:{password}@db.shop.svc/shop?sslmode=require" for password in SPECIAL),
        "mysql://app:hunter2@db/shop",
        "https://app:hunter2@db/shop",
        "mongodb+srv://app:hunter2@db/shop",
        "app:hunter2@db/shop",
        "postgresql://db.shop.svc?user=app&password=hunter2@hunter2",
        "hunter2",
        "host=db password=hunter2 hunter2",
        "host=db password='hunter2",
        "host=db secret=hunter2",
        "postgresql://app:hunter2@db:hunter2/shop",
        "postgresql://app:hunter2@[::1/shop",
        "postgresql://app:777/hunter2\0@db/shop",
        "postgresql://app:hunter2%DE@db/shop",
        "postgresql://app:hunter2\udcde@db/shop",
    ],
)
def test_malformed(url):
    """A URL that cannot be parsed is answered by an example, and nothing of it is quoted, not even by a traceback."""
    with pytest.raises(Misconfigured) as caught:
        connection_parameters(url)
    assert "write for example postgresql://app@db.shop.svc:5432/app" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))
