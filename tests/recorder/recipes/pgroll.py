"""pgroll. A migration is started, when its row is there, and completed later: old and new code run in between.

A migration that fails is taken back, with its row. DDL that is run without pgroll gets a row of its own.
"""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from recorder.gates import awaits, empty, has, has_all, lacks, part_way
from recorder.golang import program
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("pgroll.migrations",)
DATABASES = ("postgresql",)
VERSION = "0.16.2"
PACKAGE = "github.com/xataio/pgroll"
Operation = dict[str, Any]


def add(column: str) -> Operation:
    """Return the operation that adds a column."""
    return {"add_column": {"table": "product", "column": {"name": column, "type": "int", "nullable": True}}}


CREATE: Operation = {"create_table": {"name": "product", "columns": [{"name": "id", "type": "int", "pk": True}]}}
FILES = {"01_create_product.json": CREATE, "02_add_price.yaml": add("price"), "03_add_stock.json": add("stock")}
FIRST, SECOND, THIRD = (f"public.{file.partition('.')[0]}" for file in FILES)
_, _, LAST = FILES
TWO = {file: operation for file, operation in FILES.items() if file != LAST}
COLOUR = {"05_add_colour.json": add("colour")}
BROKEN = {**FILES, LAST: {"sql": {"up": "ALTER TABLE nowhere ADD stock int"}}}


class Pgroll(Tool):
    """pgroll as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, Operation], *args: str) -> subprocess.Popen[str]:
        """Start it in a directory of just these migrations, of which an argument `.` is the path."""
        folder, url = self.project(texts(files)), ("--postgres-url", database.url)
        if args[0] == "migrate":
            self.recording.run([*self.program, "init", *url], folder)
        return self.recording.start([*self.program, *args, *url], folder)

    def migrate(self, files: Mapping[str, Operation]) -> Database:
        """Return a new database in which all of these are complete."""
        return self.database(files, "migrate", ".", "--complete")

    def is_done(self, database: Database) -> bool:
        """Return whether pgroll says that the third is complete."""
        told = json.loads(self.run(database, FILES, "status"))
        return told["version"] == LAST.partition(".")[0] and told["status"] == "Complete"


def record(recording: Recording) -> None:
    """Record the common story, what is started and not complete, a failure, baselines, raw DDL and a second schema."""
    recording.version = VERSION
    recording.write_migrations(texts(FILES))
    with scratch() as folder:
        pgroll = Pgroll(recording, folder, [program(recording.cache, PACKAGE, f"{PACKAGE}@v{VERSION}")])
        record_story(pgroll)
        record_started(pgroll)
        record_baselines(pgroll)
        record_neighbours(pgroll)


def record_story(pgroll: Pgroll) -> None:
    """Record the common story, a table with nothing in it, and a failure."""
    recording = pgroll.recording
    paused = {**FILES, LAST: {"sql": {"up": f"{recording.pause_statement}; ALTER TABLE product ADD stock int"}}}
    recording.story(
        ("01_create_product", "02_add_price.yaml", "03_add_stock"),
        lambda database, count: pgroll.start(database, paused if count > 2 else TWO, "migrate", ".", "--complete"),
        pgroll.is_done,
        normal=(FIRST, SECOND, THIRD),
    )
    what = "nothing has run but `pgroll init`, which makes the schema and its tables"
    recording.save("empty", what, pgroll.database({}, "init"), *empty(FIRST))
    failed = pgroll.database(BROKEN, "migrate", ".", "--complete", fails=True)
    recording.save_failed(failed, "which pgroll takes back, with its row", *part_way(SECOND, THIRD))


def record_started(pgroll: Pgroll) -> None:
    """Record a migration that awaits `pgroll complete`, and what both ends of that leave."""
    recording = pgroll.recording
    database = pgroll.migrate(TWO)
    pgroll.run(database, FILES, "start", LAST)
    recording.save(
        "started",
        "the last of three migrations is started, and awaits `pgroll complete`",
        database,
        has(SECOND),
        ("--revision 03_add_stock", "timed out", f"{THIRD} is started and not complete"),
        ("--revision 03_add_stock.json", "timed out", f"{THIRD} is started and not complete"),
        ("--migrations migrations", "timed out", f"{THIRD} is started and not complete"),
    )
    pgroll.run(database, FILES, "rollback")
    recording.save(
        "rolled-back",
        "the third was started and rolled back, which deletes its row",
        database,
        *part_way(SECOND, THIRD),
    )
    pgroll.run(database, FILES, "start", LAST)
    pgroll.run(database, FILES, "complete")
    recording.save("completed", "the third was started, and then completed", database, has(THIRD), has_all())


def record_baselines(pgroll: Pgroll) -> None:
    """Record both uses of a baseline: for a schema that pgroll did not make, and for a long history."""
    recording = pgroll.recording
    database = pgroll.migrate(FILES)
    baselined = {"04_baseline.json": {"sql": {"up": ""}}, **COLOUR}
    recording.write_migrations(texts(baselined), "migrations-baselined")
    pgroll.run(database, {}, "baseline", "04_baseline", ".", "--yes")
    pgroll.run(database, COLOUR, "migrate", ".", "--complete")
    recording.save(
        "baseline",
        "all three are complete, then a baseline took the place of their files, and one migration was added",
        database,
        has("public.05_add_colour"),
        (f"--revision {THIRD}", "opened", ""),
        has_all("migrations-baselined"),
    )


def record_neighbours(pgroll: Pgroll) -> None:
    """Record rows that are not of the gate's migrations: of raw DDL, and of another schema."""
    recording = pgroll.recording
    database = pgroll.migrate(TWO)
    recording.query(database, "CREATE INDEX price ON product (price)")
    recording.save(
        "inferred",
        "two migrations are complete, and DDL that was run without pgroll has got a row of its own",
        database,
        (f"--revision {SECOND}", "opened", ""),
        awaits(THIRD),
        lacks(THIRD),
    )
    database = recording.database()
    recording.query(database, "CREATE SCHEMA tenant")
    pgroll.run(database, TWO, "migrate", ".", "--complete")
    pgroll.run(database, FILES, "migrate", ".", "--complete", "--schema", "tenant")
    recording.save(
        "two-schemas",
        "schema public lacks the third migration, schema tenant of the same database has it: the table serves both",
        database,
        (f"--revision {SECOND}", "opened", ""),
        awaits(THIRD),
        lacks(THIRD),
        has("tenant.03_add_stock"),
    )


def texts(files: Mapping[str, Operation]) -> dict[str, str]:
    """Return these migrations' files."""
    return {file: text({"operations": [operation]}, file) for file, operation in files.items()}


def text(content: Operation, file: str) -> str:
    """Return a file's content in the form that its name tells."""
    return json.dumps(content, indent=2) + "\n" if file.endswith(".json") else yaml.safe_dump(content, sort_keys=False)
