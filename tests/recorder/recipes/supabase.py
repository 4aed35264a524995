"""Supabase CLI, whose program is in an npm package of its platform. It keeps a version as text and takes no lock.

A file is one transaction with its row. What it has outside of one, such as an index made concurrently, stays when a
later statement fails; the row comes last.
"""

import json
import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, beyond, empty, has, has_all, has_both, lacks, missing, part_way, past_all
from recorder.packages import npm
from recorder.recording import Database, Recording, Tool, scratch, with_semicolon

TABLES = ("supabase_migrations.schema_migrations",)
DATABASES = ("postgresql",)
VERSION = "3.1.0"
OLD = "2.122.1"
"""Of the releases before, whose option is --db-url."""
FILES = {
    "20240101000001_create_product.sql": "CREATE TABLE product (id int)",
    "20240102000002_add_price.sql": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.sql": "ALTER TABLE product ADD stock int",
}
FIRST, SECOND, THIRD = ("20240101000001", "20240102000002", "20240103000003")
_, _, LAST_FILE = FILES
LATER = {"20240104000004_add_colour.sql": "ALTER TABLE product ADD colour int"}
LATE = {"20240102120000_add_weight.sql": "ALTER TABLE product ADD weight int"}
NOT_RUN = {
    "20211208000000_init.sql": "ALTER TABLE nowhere ADD x int",
    "notes.sql": "ALTER TABLE nowhere ADD x int",
    "20240104_drafts/20240104000004_add_colour.sql": "ALTER TABLE nowhere ADD x int",
}
"""An old release's first file, one without a version, and one in a folder."""
EARLY = {
    "20211207000000_base.sql": "CREATE TABLE product (id int)",
    "20211208000000_init.sql": "ALTER TABLE product ADD price int",
}
"""Of which the second is run, because it is not the first."""
BROKEN = "ALTER TABLE nowhere ADD x int"


class Supabase(Tool):
    """The CLI, which answers its questions with yes."""

    url = "--remote"

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start it in a project of these migrations only."""
        command = [*self.program, *args, f"{self.url}={database.url}", "--yes"]
        return self.recording.start(
            command, self.project(project(files)), {"HOME": str(self.folder), "DO_NOT_TRACK": "1"}
        )

    def push(self, files: Mapping[str, str], *, fails: bool = False) -> Database:
        """Return a new database to which these were pushed."""
        return self.database(files, "db", "push", fails=fails)

    def is_done(self, database: Database) -> bool:
        """Ask it whether all three are applied."""
        printed = self.run(database, FILES, "migration", "list", "--output-format", "json").splitlines()
        [answer] = (line for line in printed if line.startswith("{"))
        return all(each["remote"] for each in json.loads(answer)["migrations"])


class OldSupabase(Supabase):
    """A release before 3."""

    url = "--db-url"


def record(recording: Recording) -> None:
    """Record the common story, a release before, failures, `down`, `repair`, a late file and whole projects."""
    recording.version = VERSION
    recording.write_migrations(with_semicolon(FILES))
    recording.write_migrations(with_semicolon({**FILES, **LATE}), "migrations-late")
    recording.write_migrations(with_semicolon(EARLY), "migrations-early")
    recording.write_migrations(project({**FILES, **NOT_RUN}), "project")
    new, old = ([npm(recording.cache / version, f"supabase@{version}") / ".bin/supabase"] for version in (VERSION, OLD))

    with scratch() as folder:
        supabase = Supabase(recording, folder, new)
        done = recording.story(
            (FIRST, f"{SECOND}_add_price.sql", THIRD),
            lambda database, count: supabase.start(database, recording.first(FILES, count), "db", "push"),
            supabase.is_done,
            (FIRST, SECOND, THIRD),
        )
        supabase.run(done, {**FILES, **LATER}, "db", "push")
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied",
            done,
            *past_all(THIRD, "20240104000004"),
        )
        supabase.run(done, {**FILES, **LATER}, "migration", "down", "--last", "2")
        recording.save_rolled_back(done, SECOND, THIRD, "taken back by `migration down`, which runs the rest anew")

        save_failures(supabase)
        save_late(supabase)
        save_repairs(supabase)
        save_files(supabase)

        recording.version = OLD
        recording.save(
            "release-2",
            "all three migrations are applied, by a release before 3",
            OldSupabase(recording, folder, old).push({**FILES, **NOT_RUN}),
            has(THIRD),
            has_all(),
            has_all("project"),
        )


def save_failures(supabase: Supabase) -> None:
    """Record failures within a transaction and outside of one."""
    failed = supabase.push({**FILES, LAST_FILE: f"{FILES[LAST_FILE]}; {BROKEN}"}, fails=True)
    supabase.recording.save_failed(failed, "of which the CLI keeps nothing", *part_way(SECOND, THIRD))

    index = "CREATE INDEX CONCURRENTLY by_price ON product (price)"
    failed = supabase.push({**FILES, LAST_FILE: f"{index}; {BROKEN}"}, fails=True)
    assert supabase.recording.query(failed, "SELECT to_regclass('by_price')") != [(None,)], "it is one transaction"
    supabase.recording.save(
        "failed-outside",
        "the last of three migrations has failed after a statement outside of any transaction, which stays",
        failed,
        *part_way(SECOND, THIRD),
    )


def save_late(supabase: Supabase) -> None:
    """Record what was merged late, before and after it is applied."""
    late = supabase.push(FILES)
    supabase.run(late, {**FILES, **LATE}, "db", "push", fails=True)
    supabase.recording.save(
        "late",
        "three migrations are applied, and one with a date before the third's was merged since; push refuses it",
        late,
        *missing("20240102120000", THIRD),
    )
    supabase.run(late, {**FILES, **LATE}, "db", "push", "--include-all")
    supabase.recording.save(
        "late-applied",
        "the one merged late is applied too, after the third, by push --include-all",
        late,
        beyond("20240102120000", THIRD),
        has_both("20240102120000", THIRD),
        has_all("migrations-late"),
    )


def save_repairs(supabase: Supabase) -> None:
    """Record what `repair` writes and deletes."""
    repaired = supabase.database(FILES, "migration", "repair", "--status", "reverted")
    supabase.recording.save(
        "empty",
        "nothing has run but `migration repair --status reverted`, which makes the table",
        repaired,
        *empty(FIRST),
    )
    supabase.run(repaired, FILES, "migration", "repair", "--status", "applied")
    supabase.recording.save(
        "repaired",
        "nothing has run but `migration repair --status applied`, which nothing tells from a run",
        repaired,
        has(THIRD),
        has_all(),
    )
    supabase.run(repaired, FILES, "migration", "repair", "--status", "reverted", SECOND)
    supabase.recording.save(
        "reverted",
        "all three were marked as applied, then the second as reverted",
        repaired,
        awaits(SECOND),
        has(THIRD),
        lacks(SECOND),
    )


def save_files(supabase: Supabase) -> None:
    """Record which files are run, of a directory that is given by its project too."""
    supabase.recording.save(
        "project",
        "all three migrations are applied, and files beside them are not: an old release's first, two misplaced",
        supabase.push({**FILES, **NOT_RUN}),
        has_all("project"),
        has_all("project/supabase"),
        has_all("project/supabase/migrations"),
        ("--revision 20211208000000", "timed out", f"is at {THIRD}"),
    )
    early = supabase.push(dict(list(EARLY.items())[:1]))
    supabase.recording.save(
        "early",
        "the first of two migrations is applied; the second is an _init.sql of an old date",
        early,
        lacks("20211208000000", "migrations-early"),
    )
    supabase.run(early, EARLY, "db", "push")
    supabase.recording.save(
        "early-applied",
        "both migrations are applied, the second of which is an _init.sql of an old date",
        early,
        has("20211208000000"),
        has_all("migrations-early"),
    )


def project(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a project with these migrations."""
    migrations = {f"supabase/migrations/{name}": text for name, text in with_semicolon(files).items()}
    return {"supabase/config.toml": 'project_id = "shop"\n', **migrations}
