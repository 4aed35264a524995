"""What libpq is told of a database URL, whoever's URL it is."""

import os
import traceback

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories.postgres import PostgresDatabase, connection_parameters, left_over

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
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
        "ysql://app:pw@db.shop.svc:5432/shop",
        "crdb://app:pw@db.shop.svc:5432/shop",
        "asyncpg://app:pw@db.shop.svc:5432/shop",
        "timescale://app:pw@db.shop.svc:5432/shop",
        "pgsql:host=db.shop.svc;port=5432;dbname=shop;user=app;password=pw",
        "pgsql:host=db.shop.svc port=5432 dbname=shop user=app password=pw",
        "postgresql://app:pw@db.shop.svc:5432/?database=shop",
        "postgresql://app:pw@db.shop.svc:5432/shop?dbname=shop",
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
        pytest.param("jdbc:postgresql://db/?ssl=false", {"host": "db", "port": "5432"}, id="JDBC's ssl, off"),
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
            "postgres://app:7?x@db/shop",
            {"user": "app", "password": "7?x", "host": "db", "dbname": "shop"},
            id="? without =, as libpq reads it",
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
    ],
)
def test_parameters(url, parameters):
    """Libpq's parameters are kept as they are meant, and the rest is left out."""
    assert connection_parameters(url) == parameters


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("connect_timeout=3", {"connect_timeout": "3"}),
        *((f"sslmode={mode}", {"sslmode": mode}) for mode in MODES),
        *((f"ssl-mode={mode}", {"sslmode": mode}) for mode in MODES),  # sqlx
        *((f"ssl={mode}", {"sslmode": mode}) for mode in MODES),  # asyncpg
        ("sslmode=VERIFY_FULL", {"sslmode": "verify-full"}),
        ("sslMode=Require", {"sslmode": "require"}),
        ("sslmode=no-verify", {"sslmode": "require"}),  # node-postgres
        ("ssl=no-verify", {"sslmode": "require"}),
        ("ssl=true", {"sslmode": "require"}),
        ("ssl=1", {"sslmode": "verify-full", "sslrootcert": "system"}),
        ("ssl=1&sslrootcert=/ca", {"sslmode": "verify-full", "sslrootcert": "/ca"}),
        ("ssl=false", {}),
        ("ssl=0", {}),
        ("ssl=true&sslmode=disable", {"sslmode": "require"}),
        ("ssl-ca=/ca&ssl-mode=verify-ca", {"sslmode": "verify-ca", "sslrootcert": "/ca"}),
        ("sslrootcert=system", {"sslrootcert": "system"}),
        ("sslcert=/c&sslkey=/k", {"sslcert": "/c", "sslkey": "/k"}),
        ("sslmode=require&sslcert=/ca", {"sslmode": "require", "sslrootcert": "/ca"}),  # Prisma
        ("sslaccept=strict", {"sslmode": "verify-full", "sslrootcert": "system"}),
        ("sslmode=require&sslaccept=strict&sslcert=/ca", {"sslmode": "verify-full", "sslrootcert": "/ca"}),
        ("sslmode=require&sslaccept=accept_invalid_certs&sslcert=/ca", {"sslmode": "require"}),
        ("sslnegotiation=direct&sslmode=require", {"sslnegotiation": "direct", "sslmode": "require"}),
        ("ssl_min_protocol_version=TLSv1.3", {"ssl_min_protocol_version": "TLSv1.3"}),
        ("sslMinProtocolVersion=TLSv1.3", {"ssl_min_protocol_version": "TLSv1.3"}),
    ],
)
def test_tls(query, told):
    """Every driver's words for TLS mean what that driver makes of them, in libpq's words.

    Checked with asyncpg's SSLMode.parse, which knows no true and no 1, and with pg-connection-string's parse, for which
    true and 1 are one.
    """
    assert connection_parameters(f"postgresql://db?{query}") == {"host": "db", **told}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("ssl=true", {"sslmode": "verify-full"}),
        ("ssl", {"sslmode": "verify-full"}),
        ("ssl=false", {}),
        ("ssl=true&sslmode=require", {"sslmode": "require"}),
        ("sslmode=VERIFY-CA", {"sslmode": "verify-ca"}),
        ("ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory", {"sslmode": "require"}),
        ("ssl=true&sslResponseTimeout=5000", {"sslmode": "verify-full"}),
    ],
)
def test_jdbc_tls(query, told):
    """JDBC verifies where ssl is set, unless sslmode says otherwise; checked with pgjdbc 42.7.5's SslMode.of."""
    assert connection_parameters(f"jdbc:postgresql://db/?{query}") == {"host": "db", "port": "5432", **told}


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("postgresql://db?sslmode=hunter2", "sslmode"),
        ("postgresql://db?sslmode=", "sslmode"),
        ("postgresql://db?ssl=hunter2", "ssl"),
        ("postgresql://db?ssl", "ssl"),
        ("postgresql://db?tls=true", "tls"),
        ("postgresql://db?useSSL=true", "usessl"),
        ("postgresql://db?sslinline=true", "sslinline"),
        ("postgresql://db?sslidentity=/hunter2.p12", "sslidentity"),
        ("postgresql://db?sslaccept=hunter2", "sslaccept"),
        ("jdbc:postgresql://db/?ssl=1", "ssl"),
        ("jdbc:postgresql://db/?sslfactory=hunter2", "sslfactory"),
        ("jdbc:postgresql://db/?sslhostnameverifier=hunter2", "sslhostnameverifier"),
        ("Host=db;Username=app;SSL Mode=hunter2", "sslmode"),
    ],
)
def test_unknown_tls(url, key):
    """What is asked for and not understood is no TLS to go without; its parameter is named, not its value."""
    with pytest.raises(Misconfigured, match=f"parameter {key} is not understood; write .*sslmode=verify") as caught:
        connection_parameters(url)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


SPECIAL = [
    "hunter2@hunter2",
    "hunter2/hunter2",
    "hunter2%hunter2",
    "hunter2/?#hunter2@:%hunter2",
    "777/hunter2",
    "777#hunter2/hunter2",
    "777/hunter2?sslmode=",
    "777/hunter2?hunter2=hunter2",
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


@pytest.fixture
def environment(monkeypatch):
    """Leave libpq no variables of its own, and set those of the test."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)

    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize(
    ("url", "variables", "words"),
    [
        ("postgresql://db/app", {"PGSSLMODE": "no-verify"}, 'invalid sslmode value: "no-verify"'),
        ("postgresql://db/app?target_session_attrs=master", {}, 'invalid target_session_attrs value: "master"'),
        ("postgresql://db/app?channel_binding=maybe", {}, 'invalid channel_binding value: "maybe"'),
        ("postgresql://db/app?service=nowhere", {}, 'definition of service "nowhere" not found'),
        ("postgresql://db/app", {"PGSERVICE": "nowhere"}, 'definition of service "nowhere" not found'),
        ("sslmode=require&x=x://app:hunter2@db/app", {}, 'invalid sslmode value: "..."'),
        ("service=x", {"PGSERVICEFILE": "/no/file"}, 'service file "/no/file" not found'),
        ("postgresql://db/app", {"PGPORT": "tcp://10.0.0.1:5432"}, 'invalid integer value "tcp://10.0.0.1:5432"'),
        ("postgresql://db:65536/app", {}, 'invalid port number: "65536"'),
        ("postgresql://db:0/app", {}, 'invalid port number: "0"'),
        ("host=a,b,c port=1,2", {}, "could not match 2 port numbers to 3 hosts"),
        ("host=a,b hostaddr=127.0.0.1", {}, "could not match 2 host names to 1 hostaddr values"),
        ("postgresql://db/app?keepalives_idle=soon", {}, 'invalid integer value "soon" for connection option'),
        ("postgresql://db/app?sslmode=require&sslrootcert=system", {}, 'weak sslmode "require" may not be used'),
        ("postgresql://db/app?sslnegotiation=direct&sslmode=prefer", {}, 'weak sslmode "prefer" may not be used'),
        ("postgresql://db/app", {"PGHOST": "$(DB_HOST)"}, None),
        ("postgresql://db/app", {"PGGSSENCMODE": "require"}, None),
        ("postgresql://db/app?gssencmode=require", {}, None),
        ("postgresql://db/app?gssencmode=maybe", {}, 'invalid gssencmode value: "maybe"'),
        (None, {"PGHOST": "$(DB_HOST)"}, r"$(DB_HOST) in the database URL is no value"),
    ],
)
def test_never(environment, url, variables, words):
    """What libpq can never accept is told at the start, and what it can is not, without a connection."""
    environment(**variables)
    if words is None:
        assert PostgresDatabase(lambda: connection_parameters(url)).name == "database app on db:5432"
        return
    with pytest.raises(Misconfigured) as caught:
        PostgresDatabase(lambda: connection_parameters(url))
    assert words in str(caught.value)
    assert "for example" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "variables", "name"),
    [
        ("postgresql://app@db.svc/shop", {}, "shop on db.svc:5432"),
        ("postgresql://app@db.svc", {"PGPORT": "6432"}, "app on db.svc:6432"),
        ("postgresql://app@a,b:6432/shop", {}, "shop on a:5432,b:6432"),
        ("service=shop", {}, "orders on orders.svc:6543"),
        ("service=shop dbname=other", {}, "other on orders.svc:6543"),
        (None, {"PGSERVICE": "shop"}, "orders on orders.svc:6543"),
        ("host=db user=app", {"PGPASSWORD": "h\udce4sslich"}, "app on db:5432"),
        ("host=db", {"PGUSER": "h\udce4sslich", "PGSSLROOTCERT": "\udce4"}, "h\ufffdsslich on db:5432"),
        ("postgresql://app@/shop?host=/run/pg", {}, "shop on /run/pg:5432"),
        ("jdbc:postgresql:shop?user=app", {"PGHOST": "other"}, "shop on localhost:5432"),
        ("jdbc:postgresql://:5433/shop?user=app", {"PGHOST": "other"}, "shop on localhost:5433"),
        ("jdbc:postgresql://[::1]/shop?user=app", {"PGPORT": "6432"}, "shop on ::1:5432"),
        ("jdbc:postgresql://a,b:5433/shop?user=app", {"PGPORT": "6432"}, "shop on a:5432,b:5433"),
        ("Host=db;Username=app;Database=shop", {"PGPORT": "6432"}, "shop on db:5432"),
    ],
)
def test_name(environment, tmp_path, url, variables, name):
    """A database is named by its place, wherever libpq has that from, and by nothing else."""
    (tmp_path / "services").write_text("[shop]\nhost=orders.svc\nport=6543\ndbname=orders\npassword=hunter2\n")
    environment(PGSERVICEFILE=str(tmp_path / "services"), **variables)
    assert PostgresDatabase(lambda: connection_parameters(url)).name == f"database {name}"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("jdbc:postgresql:shop", {"host": "localhost", "dbname": "shop"}),
        ("jdbc:postgresql:/", {"host": "localhost"}),
        ("jdbc:postgresql:///shop", {"host": "localhost", "dbname": "shop"}),
        ("jdbc:postgresql://a:1,b:2/shop", {"host": "a,b", "port": "1,2", "dbname": "shop"}),
        ("jdbc:aws-wrapper:postgresql://db/shop?wrapperPlugins=iam", {"host": "db", "dbname": "shop"}),
        ("jdbc:postgresql://a,b/?targetServerType=primary", {"target_session_attrs": "primary"}),
        ("jdbc:postgresql://a,b/?targetServerType=preferSecondary", {"target_session_attrs": "prefer-standby"}),
        ("db:pg:shop", {"dbname": "shop"}),
        ("db:pg://app@db/shop", {"user": "app", "host": "db", "dbname": "shop"}),
        ("pgsql://db/shop", {"host": "db", "dbname": "shop"}),
        ("cockroachdb+psycopg2://db:26257/shop", {"host": "db", "port": "26257", "dbname": "shop"}),
        ("yugabytedb://db:5433/shop", {"host": "db", "port": "5433", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A:1&host=B:2", {"user": "u", "host": "A,B", "port": "1,2", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A&host=B", {"user": "u", "host": "A,B", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A:1&host=B", {"user": "u", "host": "A,B", "port": "1,", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A&host=B&port=1,2", {"user": "u", "host": "A,B", "port": "1,2", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A:1", {"user": "u", "host": "A", "port": "1", "dbname": "shop"}),
        ("postgresql://u@/shop?host=[::1]:1", {"user": "u", "host": "::1", "port": "1", "dbname": "shop"}),
        ("postgresql://u@/shop?host=/cloudsql/p:r:i", {"user": "u", "host": "/cloudsql/p:r:i", "dbname": "shop"}),
        ("postgresql://u@/shop?host=A,B&port=1,2", {"user": "u", "host": "A,B", "port": "1,2", "dbname": "shop"}),
        (
            "Host=db;Port=5432;Database=shop;Username=app;Password='a;b';Search Path=app;SSL Mode=Require;Pooling=true",
            {
                "host": "db",
                "port": "5432",
                "dbname": "shop",
                "user": "app",
                "password": "a;b",
                "sslmode": "require",
            },
        ),
        (
            "Server=a:1,b:2;User Id=app;Database=shop;Target Session Attributes=primary;Root Certificate=/ca;",
            {
                "host": "a,b",
                "port": "1,2",
                "user": "app",
                "dbname": "shop",
                "target_session_attrs": "primary",
                "sslrootcert": "/ca",
            },
        ),
    ],
)
def test_spellings(url, told):
    """Every driver's spelling of a place leads there.

    Checked with pgjdbc 42.7.5's Driver.parseURL, and with the arguments that SQLAlchemy 2.1.9 gives to psycopg.
    """
    assert connection_parameters(url).items() >= told.items()
    assert set(connection_parameters(url)) - set(told) <= {"host", "port"}


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://db/shop?dbname=other", "database"),
        ("postgresql://db/shop?database=other", "database"),
        ("jdbc:postgresql://db/shop?PGDBNAME=other", "database"),
        ("postgresql://db/shop?host=other", "host"),
        ("postgresql://db:1/shop?host=other:1", "host"),
        ("postgresql://a,b/shop?host=a", "host"),
        ("postgresql://db/shop?host=/cloudsql/p:r:i", "host"),
        ("jdbc:postgresql://db/shop?PGHOST=other", "host"),
        ("jdbc:postgresql://a,b/shop?PGHOST=a", "host"),
        ("postgresql://db/shop?socket=/run/pg", "host"),
        ("postgresql://db:5432/shop?port=6432", "port"),
        ("jdbc:postgresql://db:5432/shop?PGPORT=6432", "port"),
        ("postgresql://app@db/shop?user=other", "user"),
    ],
)
def test_two_places(url, part):
    """Libpq, SQLAlchemy and JDBC take the parameter, asyncpg and postgres.js the place: what differs is nobody's.

    Checked with asyncpg 0.32.0's _parse_connect_dsn_and_args, postgres.js 3.4.9's options, pgjdbc 42.7.5's parseURL.
    """
    with pytest.raises(Misconfigured, match=f"says two {part}s, in its place and by a parameter"):
        connection_parameters(url)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("sslmode=verify-full&sslmode=disable", "sslmode"),
        ("sslmode=verify-full&ssl-mode=disable", "ssl-mode"),
        ("dbname=shop&database=other", "dbname"),
        ("search_path=app&search_path=public", "search_path"),
        ("schema=app&schema=public", "schema"),
        ("options=-ca%3Db&options=-cc%3Dd", "options"),
    ],
)
def test_repeated(query, key):
    """Libpq, asyncpg and pgx take the last, lib/pq the first: what is said twice is nobody's."""
    with pytest.raises(Misconfigured, match=f"says {key} twice, .*; leave one out, and write for example postgresql:"):
        connection_parameters(f"postgresql://db/shop?{query}")
    connection_parameters("postgresql://db/shop?sslmode=require&sslmode=require")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db:5432/shop?host=db&port=5432&dbname=shop",
        "postgresql://db/shop?port=5432",
        "postgresql://?host=db&port=5432&dbname=shop",
        "postgresql://?host=db:5432&database=shop",
        "jdbc:postgresql:?PGHOST=db&PGPORT=5432&PGDBNAME=shop",
    ],
)
def test_one_place(url):
    """What a parameter says again, or says alone, is the place."""
    assert connection_parameters(url) == {"host": "db", "port": "5432", "dbname": "shop"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/shop?host=/run/pg",  # as Prisma has it
        "postgres:///shop?socket=/run/pg",  # dbmate: pkg/driver/postgres, connectionString
        "postgres://localhost/shop?socket_dir=/run/pg",  # Ecto, whose Postgrex takes it first
    ],
)
def test_sockets(url):
    """A socket goes before the host that a URL cannot do without."""
    assert connection_parameters(url) == {"host": "/run/pg", "dbname": "shop"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db/?options=-c+search_path%3Dapp", {"options": "-c search_path=app"}),
        ("postgresql://db/?options=-c%20search_path%3Da%2Bb", {"options": "-c search_path=a+b"}),
        ("jdbc:postgresql://db/?user=app&password=a+b%2B", {"port": "5432", "user": "app", "password": "a b+"}),
    ],
)
def test_plus(url, told):
    """What encoders of forms make of a space is one to JDBC, and in libpq's options, which can mean nothing else."""
    assert connection_parameters(url) == {"host": "db", **told}
    assert left_over("jdbc:postgresql://db/?currentSchema=a,+b") == {"currentSchema": "a, b"}
    assert left_over("postgresql://db/?search_path=a,+b") == {"search_path": "a,+b"}


def test_unix_sock():
    """pg8000's name of a socket is none of libpq's."""
    with pytest.raises(Misconfigured, match=r"cannot connect by the database URL's unixsock; .*\?host=/cloudsql/"):
        connection_parameters("postgresql+pg8000://app@/shop?unix_sock=/cloudsql/p:r:i/.s.PGSQL.5432")


@pytest.mark.parametrize("url", ["jdbc:tc:postgresql:15:///shop", "jdbc:tc:postgresql:///shop"])
def test_testcontainers(url):
    """A database that is made for a test of its own is none of this machine."""
    with pytest.raises(Misconfigured, match="scheme is neither PostgreSQL's nor MySQL's"):
        connection_parameters(url)


def test_role():
    """The role that asyncpg and Go's drivers ask the server for is asked for; pgjdbc knows no such parameter."""
    told = connection_parameters(r"postgresql://db/?options=-ca%3Db&role=shop%5C%20owner")
    assert told == {"host": "db", "options": r"-ca=b -c role=shop\\\ owner"}
    assert "options" not in connection_parameters("jdbc:postgresql://db/?role=owner")


def test_other_ways():
    """A way to connect that the gate does not have is none to go without."""
    with pytest.raises(Misconfigured, match=r"cannot connect by .* cloudsqlinstance; .* for example postgresql://"):
        connection_parameters("jdbc:postgresql:///shop?cloudSqlInstance=p:r:i&socketFactory=x.SocketFactory")


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("postgres://db?schema=App&sslmode=require", {"schema": "App"}),
        ("jdbc:postgresql://db/?currentSchema=app,b", {"currentSchema": "app,b"}),
        ("postgres://db?search_path=%22App%22,b", {"search_path": '"App",b'}),
        ("postgres://db?options[search_path]=app", {"options[search_path]": "app"}),
        ("postgres://db?x-migrations-table=%22a%22.%22b%22", {"x-migrations-table": '"a"."b"'}),
        ("Host=db;Port=5432;Search Path=app", {"search_path": "app"}),
        (None, {}),
    ],
)
def test_left_over(url, left):
    """What libpq does not know is there for the tool, as the URL spells it."""
    assert left_over(url) == left
