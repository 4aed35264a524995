"""Where a history is: the gate reads the table that the tool itself would read, given the same URL and role.

What each tool does was seen with the tool itself where a recipe of tests/recorder runs it here, else read in its
source: a database whose search path is `billing, public`, where `billing` is empty and `public` holds the whole history
of another service. `current` tools said that all is pending, `path` tools that nothing is.
"""

import random
import time
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from gatekeeper.histories import postgres
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from known import TOOLS
from recorder.fixture import HISTORIES, Fixture, read_all

CURRENT = {
    *("bun", "dbmate", "diesel", "doctrine", "ecto", "ef-core", "flyway", "golang-migrate", "gormigrate", "goose"),
    *("knex", "laravel", "liquibase", "refinery", "sea-orm", "sql-migrate", "sqlx", "tortoise", "typeorm", "yoyo"),
}
"""They look in the first schema of the path that exists, and nowhere else."""
HIDDEN = {"prisma", "sequelize"}
"""They ask for `public`, and then read the bare name."""
PATH = {"aerich", "alembic", "dbup", "django", "kysely", "rails"}
PUBLIC = {"mikro-orm", "node-pg-migrate", "phinx", "tern"}
"""They look in `public`, whatever the path."""
OWN = {"atlas", "drizzle", "pgroll", "sqitch", "supabase"}
"""They look in a schema that has their name."""
DONE = [each for each in read_all() if (each.database, each.scenario) == ("postgresql", "done") and each.sql]
ONCE = ("--timeout", "0")


on_each_path = pytest.mark.parametrize(
    ("path", "tools"),
    [
        pytest.param("billing, public", PATH | PUBLIC | HIDDEN, id="public is on the path"),
        pytest.param("nosuch, public", CURRENT | PATH | PUBLIC | HIDDEN, id="public is the first that exists"),
        pytest.param("billing", PUBLIC, id="public is not on the path"),
    ],
)


@pytest.mark.parametrize("fixture", [pytest.param(each, id=each.tool) for each in DONE])
@on_each_path
def test_another_services_history(gate, database, fixture: Fixture, path, tools):
    """A history in `public` is proof where the tool would find it there, and else the hint names it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(fixture.sql)
        connection.execute("CREATE SCHEMA billing")
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET search_path = {path}")
    trusted = ["--trust-history"] if TOOLS[fixture.tool].unprovable else []
    argv = next(each for each in fixture.gates if each.outcome == "opened" and "--revision" in each.args).argv(
        HISTORIES
    )
    argv += [word for word in trusted if word not in argv]
    held = gate("schema", "--tool", fixture.tool, *argv, environment={"DATABASE_URL": database})
    if fixture.tool in tools | OWN:
        assert held.end() == 0, held.log
    else:
        assert held.end() == 124, held.log
        assert f"elsewhere there is public.{TOOLS[fixture.tool].table.name}" in held.message


def test_every_tool_has_a_rule():
    """Each tool is of one kind, or has a schema of its own."""
    assert set(TOOLS) == OWN | CURRENT | HIDDEN | PATH | PUBLIC


# -- what the URL says --------------------------------------------------------------------------------------------

MIGRATE = (
    "CREATE TABLE {} (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO {} VALUES ({}, false)"
)


def migrated(table: str, version: int) -> str:
    return MIGRATE.format(table, table, version)


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("", 0, "has 3 applied"),
        ("x-migrations-table=billing_migrations", 124, "is at 1; awaiting 3"),
        ("x-migrations-table=%22billing%22.%22Hist%22&x-migrations-table-quoted=true", 124, "is at 2; awaiting 3"),
        ("x-migrations-table=billing.odd", 124, "nothing is applied yet"),
        ("search_path=billing,public", 124, "elsewhere there is public.schema_migrations"),
        ("x-migrations-table=a&x-migrations-table-quoted=true", 2, "x-migrations-table is not quoted"),
        ("options=-c+search_path%3Dbilling,public", 124, "elsewhere there is public.schema_migrations"),
        ("search_path=billing,+public", 2, "parameter search_path has a +, which is a space to some drivers"),
        ("schema=billing", 2, "parameter schema is none that golang-migrate reads"),
        ("Search_Path=billing", 2, "parameter Search_Path is none that golang-migrate reads"),
        ("schema_search_path=billing", 2, "--table, for example --table app.schema_migrations"),
    ],
)
def test_golang_migrate(gate, database, query, code, says):
    """As `migrate version` with the same URL."""
    with psycopg.connect(database, autocommit=True) as connection:
        for table, version in (("schema_migrations", 3), ("billing_migrations", 1)):
            connection.execute(migrated(table, version))
        connection.execute("CREATE SCHEMA billing")
        connection.execute(migrated('billing."Hist"', 2))
    url = f"{database}?{query}" if query else database
    argv = ("schema", "--tool", "golang-migrate", "--revision", "3", *ONCE)
    held = gate(*argv, environment={"DATABASE_URL": url})
    assert (held.end(), says in held.message) == (code, True), held.log
    named = gate(*argv, "--table", "public.schema_migrations", environment={"DATABASE_URL": url})
    assert named.end() == (2 if "is not quoted" in says else 0), named.log


def test_role(gate, database):
    """The role that a URL asks for is the `$user` of the search path."""
    role = f"{database.rpartition('/')[2]} owner"
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(role).as_string()
        connection.execute(migrated("public.schema_migrations", 3))
        connection.execute(f"CREATE ROLE {name}; CREATE SCHEMA AUTHORIZATION {name}")
    try:
        argv = ("schema", "--tool", "golang-migrate", "--revision", "3", *ONCE)
        held = gate(*argv, environment={"DATABASE_URL": f"{database}?role={quote(role)}"})
        assert (held.end(), "elsewhere there is public." in held.message) == (124, True), held.log
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_rails(gate, database):
    """`schema_search_path` moves Rails' history, as it moves Rails."""
    with psycopg.connect(database, autocommit=True) as connection:
        for schema, version in (("public", "20240102030405"), ("tenant", "20230101000000")):
            connection.execute(
                f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.schema_migrations (version varchar);"
                f"CREATE TABLE {schema}.ar_internal_metadata (key varchar, value varchar);"
                f"INSERT INTO {schema}.schema_migrations VALUES ('{version}')"
            )
    argv = ("schema", "--tool", "rails", "--revision", "20240102030405", *ONCE)
    assert gate(*argv, environment={"DATABASE_URL": database}).end() == 0
    held = gate(*argv, environment={"DATABASE_URL": f"{database}?schema_search_path=tenant"})
    assert held.end() == 124
    assert "is at 20230101000000" in held.message


@pytest.mark.parametrize(
    ("history", "companion", "code"),
    [
        ("app_schema_migrations", "app_ar_internal_metadata", 0),
        ("app_schema_migrations_v2", "app_ar_internal_metadata_v2", 0),
        ("app_schema_migrations", "ar_internal_metadata", 0),
        ("versions", "ar_internal_metadata", 0),
        ("app_schema_migrations", "other_ar_internal_metadata", 124),
        ("app_schema_migrations", "nothing", 124),
        ("versions", "app_ar_internal_metadata", 124),
    ],
)
def test_rails_prefix(gate, database, history, companion, code):
    """Rails puts `table_name_prefix` and `_suffix` around both its tables; `schema_migrations_table_name` is of one.

    As ActiveRecord's SchemaMigration and InternalMetadata make their names.
    """
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {history} (version varchar); CREATE TABLE {companion} (key varchar, value varchar);"
            f"INSERT INTO {history} VALUES ('20240102030405')"
        )
    argv = ("schema", "--tool", "rails", "--revision", "20240102030405", "--table", history, *ONCE)
    held = gate(*argv, environment={"DATABASE_URL": database})
    assert held.end() == code, held.log
    if code:
        awaited = history.replace("schema_migrations", "ar_internal_metadata") if "schema" in history else "ar_"
        assert f"awaiting {awaited}" in held.message


# -- rights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path"), [("billing", "Billing"), ("Ä", "Ä"), ('a"B', '"a""B"'), (63 * "b", 70 * "B")]
)
def test_schema_that_may_not_be_used(gate, postgres, database, schema, path):
    """The server passes over a schema of the path that the gate may not use, and the tool does not."""
    quoted = sql.Identifier(schema).as_string()
    name = database.rpartition("/")[2]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(migrated("public.schema_migrations", 3))
        connection.execute(
            f"CREATE SCHEMA {quoted}; CREATE ROLE {name}_gate LOGIN PASSWORD 'a password';"
            f"GRANT SELECT ON public.schema_migrations TO {name}_gate;"
        )
    try:
        url = postgres.url(name, f"{name}_gate", "a password") + f"?search_path={quote(path)},public"
        argv = ("schema", "--tool", "golang-migrate", "--revision", "3", *ONCE)
        held = gate(*argv, environment={"DATABASE_URL": url})
        assert held.end() == 4, held.log
        assert f'GRANT USAGE ON SCHEMA {quoted} TO "{name}_gate"' in held.message
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(migrated(f"{quoted}.schema_migrations", 1))
        held = gate(*argv, environment={"DATABASE_URL": url})
        assert held.end() == 4, held.log
        assert f'GRANT SELECT ON {quoted}."schema_migrations"' in held.message
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {name}_gate; DROP ROLE {name}_gate")


@pytest.mark.parametrize("policy", ["", "CREATE POLICY seen ON alembic_version USING (version_num > 'a')"])
def test_row_level_security(gate, postgres, database, policy):
    """Rows that a policy may hide are no empty history, and no proof: the denial names it, and not a GRANT."""
    name = database.rpartition("/")[2]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('b')"
        )
        connection.execute(
            f"ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY; {policy};"
            f"CREATE ROLE {name}_gate LOGIN PASSWORD 'a password'; GRANT SELECT ON alembic_version TO {name}_gate"
        )
    try:
        url = postgres.url(name, f"{name}_gate", "a password")
        argv = ("schema", "--tool", "alembic", "--revision", "b", *ONCE)
        held = gate(*argv, environment={"DATABASE_URL": url})
        assert held.end() == 4, held.log
        assert f'ALTER ROLE "{name}_gate" BYPASSRLS' in held.message
        assert ("policies seen" if policy else "it has no policy") in held.message
        assert "GRANT" not in held.message
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {name}_gate BYPASSRLS")
        assert gate(*argv, environment={"DATABASE_URL": url}).end() == 0
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {name}_gate; DROP ROLE {name}_gate")


@pytest.mark.parametrize(
    "query",
    ["SELECT v FROM changes", "SELECT max(v) FROM changes", "SELECT 'v2' WHERE false", "SELECT v FROM changes LIMIT 0"],
)
def test_query_without_a_row(gate, database, query):
    """A query that returns no row yet, or NULL of an aggregate, waits; one of two columns is wrong all the same."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE changes (v text)")
    argv = ("schema", "--tool", "query", "--revision", "v2", *ONCE)
    held = gate(*argv, "--query", query, environment={"DATABASE_URL": database})
    assert held.end() == 124, held.log
    assert "has nothing applied; awaiting v2" in held.message
    wrong = gate(*argv, "--query", "SELECT v, v FROM changes", environment={"DATABASE_URL": database})
    assert wrong.end() == 2


# -- any search path ----------------------------------------------------------------------------------------------

NAMES = ["billing", "Billing", "BILLING", "a,b", "a b", 'q"t', "$user", "public", "é"]
WRITTEN = [
    "billing",
    "Billing",
    "BILLING",
    '"Billing"',
    '"a,b"',
    '"a b"',
    '"q""t"',
    "$user",
    '"$user"',
    "$USER",
    "public",
]
WRITTEN += ["nosuch", '"é"', "é", " billing ", "pg_catalog"]


def test_any_search_path(database):
    """For any path and any schemas with a history, the gate reads the one that the server's own look-up leads to."""
    choose = random.Random(20261128)
    read_by_path = postgres_check("alembic")
    read_in_current = postgres_check("golang-migrate")
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(60):
            schemas = choose.sample(NAMES, choose.randint(1, 4))
            for schema in schemas:
                place = sql.Identifier(schema)
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(place))
                if choose.random() < 0.7:
                    for statement in (
                        "CREATE TABLE {}.alembic_version (version_num text)",
                        "CREATE TABLE {}.schema_migrations (version bigint, dirty bool)",
                    ):
                        connection.execute(sql.SQL(statement).format(place))
                    number = NAMES.index(schema)
                    connection.execute(
                        sql.SQL("INSERT INTO {}.alembic_version VALUES ({})").format(place, sql.Literal(f"r{number}"))
                    )
                    connection.execute(
                        sql.SQL("INSERT INTO {}.schema_migrations VALUES ({}, false)").format(
                            place, sql.Literal(number)
                        )
                    )
            path = ",".join(choose.sample(WRITTEN, choose.randint(1, 4)))
            with connection.transaction():
                connection.execute("SELECT set_config('search_path', %s, true)", [path])
                [(found, current)] = connection.execute(
                    "SELECT to_regclass('alembic_version')::oid, current_schema()::text"
                ).fetchall()
                by_path = found and connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
                in_current = connection.execute(
                    "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'schema_migrations'",
                    [current],
                ).fetchone()[0]
            assert at(read_by_path, database, path) == (by_path or ""), (path, schemas)
            expected = str(NAMES.index(current)) if in_current else ""
            assert at(read_in_current, database, path) == expected, (path, schemas)
            for schema in {*schemas} - {"public"}:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
            connection.execute("DROP TABLE IF EXISTS public.alembic_version, public.schema_migrations")


def postgres_check(tool: str) -> Question:
    return Question(TOOLS[tool], TOOLS[tool].table.name)


def at(question: Question, url: str, path: str) -> str:
    """Return where the gate says that the history stands; nothing where it finds none."""
    database = postgres.PostgresDatabase(lambda: postgres.connection_parameters(url) | {"search_path": path})
    policy = HistoryPolicy(question.tool.order, heads=question.tool.heads, if_ahead="wait")
    told = SchemaCheck(database, question, Wanted(("9999",)), policy, time.monotonic).look(10, fresh=True).reason
    return told.partition("is at ")[2].partition(";")[0]
