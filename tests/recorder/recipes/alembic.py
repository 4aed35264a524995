"""Alembic. It keeps the current heads only, and on PostgreSQL a whole run is one transaction unless told otherwise."""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has, has_all, has_both, lacks, no_table, nothing
from recorder.packages import venv
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("alembic_version", "app_version", "app.alembic_version")
DATABASES = ("postgresql", "mariadb", "mysql")
PACKAGES = ("alembic==1.20.1", "sqlalchemy==2.1.9", "psycopg2-binary==2.9.13", "PyMySQL==1.2.4")
FIRST, SECOND, THIRD, MERGE, BASE = "1b3c5ad80f42", "8e27f61c9d05", "c94a02be7d13", "d05f8812ab6e", "f2aa0c61b9d4"
INI = "[alembic]\nscript_location = %(here)s/migrations\n"
ENV = '''\
"""Run Alembic on the database of the environment's DATABASE_URL, with options of its -x."""

import os

from alembic import context
from sqlalchemy import create_engine

options = context.get_x_argument(as_dictionary=True)
with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(
        connection=connection,
        version_table=options.get("table", "alembic_version"),
        version_table_schema=options.get("schema"),
        transaction_per_migration="per-migration" in options,
    )
    with context.begin_transaction():
        context.run_migrations()
'''


def text(
    revision: str, down: str | tuple[str, ...] | None, up: str = "", back: str = "", depends_on: str | None = None
) -> str:
    """Return a migration's file."""
    upgrade, downgrade = (f"op.execute({sql!r})" if sql else "pass" for sql in (up, back))
    return f"""\
from alembic import op

revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = {depends_on!r}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
""".replace("'", '"')


ADD, DROP = "ALTER TABLE product ADD {} int", "ALTER TABLE product DROP COLUMN {}"
CREATE = {f"{FIRST}_create_product.py": text(FIRST, None, "CREATE TABLE product (id int)", "DROP TABLE product")}
PRICE = {f"{SECOND}_add_price.py": text(SECOND, FIRST, ADD.format("price"), DROP.format("price"))}
LAST = f"{THIRD}_add_stock.py"
STOCK = (ADD.format("stock"), DROP.format("stock"))
FILES = {**CREATE, **PRICE, LAST: text(THIRD, SECOND, *STOCK)}
BROKEN = {**FILES, LAST: text(THIRD, SECOND, "ALTER TABLE absent ADD stock int")}
BRANCHES = {**CREATE, **PRICE, LAST: text(THIRD, FIRST, *STOCK)}
MERGED = {**BRANCHES, f"{MERGE}_merge.py": text(MERGE, (SECOND, THIRD))}
DEPENDS = {
    f"{BASE}_create_unit.py": text(BASE, None, "CREATE TABLE unit (id int)"),
    **CREATE,
    **PRICE,
    LAST: text(THIRD, SECOND, *STOCK, depends_on=BASE),
}


class Alembic(Tool):
    """Alembic as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start Alembic with these revisions."""
        project = self.project({f"migrations/{path}": text for path, text in tree(files).items()})
        (project / "alembic.ini").write_text(INI)
        url = database.url.replace("mysql:", "mysql+pymysql:").replace("postgresql:", "postgresql+psycopg2:")
        return self.recording.start([*self.program, *args], project, {"DATABASE_URL": url})

    def upgrade(self, database: Database, count: int, *options: str) -> subprocess.Popen[str]:
        """Start applying the first so many revisions, of which the third pauses."""
        up, back = STOCK
        third = text(THIRD, SECOND, up, back).replace(
            "    op.execute", f"    op.execute({self.recording.pause_statement!r})\n    op.execute", 1
        )
        return self.start(database, {**FILES, LAST: third}, *options, "upgrade", (FIRST, SECOND, THIRD)[count - 1])

    def is_done(self, database: Database) -> bool:
        """Tell what Alembic itself says."""
        process = self.start(database, FILES, "current", "--check-heads")
        process.communicate()
        return process.returncode == 0


def record(recording: Recording) -> None:
    """Record the common story, and what heads, a merge, a dependency and a stamp leave."""
    program = venv(recording.cache, *PACKAGES) / "alembic"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    for directory, files in {
        "migrations": FILES,
        "migrations-old": {**CREATE, **PRICE},
        "migrations-branches": BRANCHES,
        "migrations-merged": MERGED,
        "migrations-depends": DEPENDS,
    }.items():
        recording.write_migrations(tree(files), directory)
    with scratch() as folder:
        alembic = Alembic(recording, folder, [program])
        record_story(alembic)
        record_runs(alembic)
        record_failure(alembic)
        record_branches(alembic)
        record_dependency(alembic)
        record_tables(alembic)


def record_story(alembic: Alembic) -> None:
    """Record the common story, and the way back to nothing."""
    recording = alembic.recording
    done = recording.story((FIRST, SECOND, THIRD), alembic.upgrade, alembic.is_done)
    recording.save(
        "done",
        "all three migrations are applied, of which the table names the last",
        done,
        has(THIRD),
        awaits(SECOND, THIRD),
        (f"--revision {SECOND} --revision {THIRD}", "timed out", f"is at {THIRD}; awaiting {SECOND}"),
        has_all(),
        ("--migrations migrations-old", "timed out", f"is at {THIRD}"),
        ("--migrations migrations-old --if-ahead open", "opened", f"is at {THIRD}"),
        ("--migrations migrations-old --if-ahead refuse", "refused", f"is at {THIRD}"),
    )
    alembic.run(done, FILES, "downgrade", "-1")
    recording.save(
        "rolled-back",
        "all three were applied, then the last was rolled back",
        done,
        has(SECOND),
        awaits(THIRD, SECOND),
        ("--migrations migrations", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
        has_all("migrations-old"),
    )
    alembic.run(done, FILES, "downgrade", "base")
    recording.save(
        "rolled-back-to-nothing",
        "everything was rolled back",
        done,
        nothing(FIRST),
        ("--migrations migrations", "timed out", f"has nothing applied; awaiting {THIRD}"),
    )
    stamped = alembic.database(FILES, "stamp", "head")
    recording.save(
        "stamp", "the third revision was stamped, which looks as if it had run", stamped, has(THIRD), has_all()
    )


def record_runs(alembic: Alembic) -> None:
    """Record first runs, in one transaction and in one per migration."""
    recording = alembic.recording
    for scenario, what, options in (
        ("running-at-once", "the first three migrations run in one transaction, as far as the database has such", ()),
        ("running-each", "the first three migrations run in a transaction each", ("-x", "per-migration=1")),
    ):
        database = recording.database()
        with recording.paused(database, lambda: alembic.upgrade(database, 3, *options)) as process:  # noqa: B023
            hidden = recording.kind == "postgresql" and not options
            recording.save(
                scenario,
                what,
                database,
                (f"--revision {THIRD}", "timed out", "there is no history table" if hidden else f"is at {SECOND}"),
                lacks(THIRD),
            )
        recording.ended(process)


def record_failure(alembic: Alembic) -> None:
    """Record a first run whose last migration fails."""
    recording = alembic.recording
    failed = alembic.database(BROKEN, "upgrade", "head", fails=True)
    hidden = recording.kind == "postgresql"
    recording.save(
        "failed",
        "the last of three migrations has failed in the first run, of which PostgreSQL rolls back all",
        failed,
        (f"--revision {THIRD}", "timed out", "there is no history table" if hidden else f"is at {SECOND}"),
        (f"--revision {SECOND}", *(("timed out", f"awaiting {SECOND}") if hidden else ("opened", ""))),
        lacks(THIRD),
    )


def record_branches(alembic: Alembic) -> None:
    """Record two heads, and their merge."""
    recording = alembic.recording
    branches = alembic.database(BRANCHES, "upgrade", SECOND)
    recording.save(
        "one-head",
        "one of two heads is applied",
        branches,
        has(SECOND),
        (f"--revision {SECOND} --revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
        lacks(THIRD, "migrations-branches"),
    )
    alembic.run(branches, BRANCHES, "upgrade", "heads")
    recording.save(
        "two-heads",
        "both heads are applied",
        branches,
        has(SECOND),
        has_both(SECOND, THIRD),
        has_all("migrations-branches"),
        lacks(MERGE, "migrations-merged"),
    )
    alembic.run(branches, MERGED, "upgrade", "head")
    recording.save(
        "merged",
        "two heads are merged, of which the table names the merge",
        branches,
        has(MERGE),
        awaits(SECOND, MERGE),
        has_all("migrations-merged"),
        ("--migrations migrations-branches", "timed out", f"is at {MERGE}"),
        ("--migrations migrations-branches --if-ahead open", "opened", f"is at {MERGE}"),
    )


def record_dependency(alembic: Alembic) -> None:
    """Record a head that another revision depends on, which has no row once that is applied."""
    recording = alembic.recording
    depends = alembic.database(DEPENDS, "upgrade", BASE)
    alembic.run(depends, DEPENDS, "upgrade", SECOND)
    recording.save(
        "depends-on-part-way",
        "a head that another revision depends on is applied, the other is not",
        depends,
        has(BASE),
        has(SECOND),
        lacks(THIRD, "migrations-depends"),
    )
    alembic.run(depends, DEPENDS, "upgrade", "heads")
    recording.save(
        "depends-on",
        "both heads are applied, and the one that the other depends on has no row",
        depends,
        has(THIRD),
        awaits(BASE, THIRD),
        has_all("migrations-depends"),
    )


def record_tables(alembic: Alembic) -> None:
    """Record tables of another name and in another schema."""
    recording = alembic.recording
    renamed = alembic.database(FILES, "-x", "table=app_version", "upgrade", "head")
    tables = [("renamed", "the table has a name of the user's", renamed, "app_version")]
    if recording.kind == "postgresql":
        schema = recording.database()
        recording.query(schema, "CREATE SCHEMA app")
        alembic.run(schema, FILES, "-x", "schema=app", "upgrade", "head")
        tables.append(("other-schema", "the table is in the schema app", schema, "app.alembic_version"))
    for scenario, what, database, table in tables:
        recording.save(
            scenario,
            what,
            database,
            no_table(THIRD),
            (f"--table {table} --revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--table {table} --migrations migrations", "opened", ""),
        )


def tree(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a directory of migrations."""
    return {"env.py": ENV, **{f"versions/{name}": content for name, content in files.items()}}
