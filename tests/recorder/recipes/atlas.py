"""Atlas' own command, in the release that the Go proxy has, and in the newest from a clone of its repository.

A row is written ahead of a migration's statements and counts them. In the default mode it is in one transaction with
them: what fails on PostgreSQL leaves no row, on MariaDB it does, as its DDL commits.
"""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, beyond, empty, has, has_all, lacks, part_way, past
from recorder.golang import built, program
from recorder.packages import NoCloneError, clone
from recorder.recording import Database, Recording, Tool, scratch, with_semicolon

TABLES = ("atlas_schema_revisions.atlas_schema_revisions", "atlas_schema_revisions")
DATABASES = ("postgresql", "mariadb")
NEWEST = "1.2.3"
OLD = "0.9.1"
"""The last release of the command that is a Go module of its own."""
COMMAND = "ariga.io/atlas/cmd/atlas"
PASSING = r"'\d{4}-\d\d-\d\d [^']*', ?\d+|0x[\dA-F]+"
"""When a migration was run, and how long it took."""
FILES = {
    "20240101000001_create_product.sql": "CREATE TABLE product (id int)",
    "20240102000002_add_price.sql": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.sql": "ALTER TABLE product ADD stock int;\nCREATE INDEX stock ON product (stock)",
}
FIRST, SECOND, THIRD = (file.partition("_")[0] for file in FILES)
*_, LAST = FILES
TWO = {file: sql for file, sql in FILES.items() if file != LAST}
LATER = {"20240105000005_add_colour.sql": "ALTER TABLE product ADD colour int"}
CHECKPOINT = {
    "20240104000004_checkpoint.sql": "-- atlas:checkpoint\n\n"
    "CREATE TABLE product (id int, price int, stock int);\nCREATE INDEX stock ON product (stock)",
}
BROKEN = {**FILES, LAST: "ALTER TABLE product ADD stock int;\nCREATE INDEX stock ON nowhere (stock)"}


class Atlas(Tool):
    """Atlas as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start a command on a directory of just these files."""
        folder = self.project(with_semicolon(files))
        self.recording.run([*self.program, "migrate", "hash", "--dir", f"file://{folder}"], folder)
        options = ["--dir", f"file://{folder}", "--url", self.url(database)]
        return self.recording.start([*self.program, "migrate", *args, *options], folder)

    @staticmethod
    def url(database: Database) -> str:
        """Return the database's URL as Atlas takes it."""
        return database.url.replace("mysql://", "maria://")

    def apply(self, files: Mapping[str, str], *args: str, fails: bool = False) -> Database:
        """Return a new database on which these were applied."""
        return self.database(files, "apply", *args, fails=fails)

    def is_done(self, database: Database) -> bool:
        """Return whether Atlas says that nothing is left to apply."""
        return "Already at latest version" in self.run(database, self.recording.first(FILES, 3), "status")


def record(recording: Recording) -> None:
    """Record the newest release where there is a clone of its repository, and beside it the Go proxy's."""
    recording.write_migrations(with_semicolon(FILES))
    with scratch() as folder:
        try:
            source = clone(recording.cache, "ariga/atlas", f"v{NEWEST}")
            recording.version = f"{NEWEST} (source)"
            newest = Atlas(recording, folder, [built(source / "cmd/atlas")])
            record_release(newest)
            record_order(newest)
        except NoCloneError as error:
            print(f"{recording.tool} {NEWEST}: passed over: {error}", flush=True)
        if recording.kind == "postgresql":  # of today's, with which the older release cannot speak
            return
        recording.version, recording.beside = OLD, PASSING
        # A release of ent that the public log of checksums has; the one before it is not there.
        old = program(recording.cache / OLD, COMMAND, f"{COMMAND}@v{OLD}", "entgo.io/ent@v0.11.9")
        record_release(Atlas(recording, folder, [old]))


def record_release(atlas: Atlas) -> None:
    """Record one release."""
    record_story(atlas)
    record_failures(atlas)
    record_baselines(atlas)


def record_story(atlas: Atlas) -> None:
    """Record the common story, what may follow it, and a run whose statements are no transaction."""
    recording = atlas.recording
    three = recording.first(FILES, 3)
    done = recording.story(
        (FIRST, f"{SECOND}_add_price.sql", THIRD),
        lambda database, count: atlas.start(database, recording.first(FILES, count), "apply"),
        atlas.is_done,
        (FIRST, SECOND, THIRD),
    )
    atlas.run(done, three | LATER, "apply")
    what = "the three migrations and one of a later release are applied"
    recording.save("ahead", what, done, *past(THIRD, "20240105000005"))
    atlas.run(done, three, "set", SECOND)
    recording.save_rolled_back(done, SECOND, THIRD, "taken back by `atlas migrate set`, which deletes its row")
    what = "nothing has run but `atlas migrate apply --dry-run`, which makes the table"
    recording.save("empty", what, atlas.apply(FILES, "--dry-run"), *empty(FIRST))

    database = recording.database()
    create, pause = FILES[LAST].split("\n")[0], f"{recording.pause_statement};\n"
    pausing = {**FILES, LAST: f"{create}\n{pause}CREATE INDEX stock ON product (stock)"}
    with recording.paused(database, lambda: atlas.start(database, pausing, "apply", "--tx-mode", "none")) as process:
        doubt = f"{THIRD} has 1 of 3 statements applied"
        recording.save(
            "running-outside-transaction",
            "the last of three migrations is running in tx-mode none, or was killed; the lock tells",
            database,
            (f"--revision {THIRD}", "timed out", doubt),
            (f"--revision {THIRD} --timeout 20s", "refused", doubt),
            has(SECOND),
            ("--migrations migrations", "timed out", doubt),
        )
    recording.ended(process)


def record_failures(atlas: Atlas) -> None:
    """Record failures in both modes, and both ways on from one."""
    recording = atlas.recording
    refused = (
        (f"--revision {THIRD}", "refused", THIRD),
        ("--migrations migrations", "refused", THIRD),
        has(SECOND),
        (f"--revision {THIRD} --on-failure wait", "timed out", THIRD),
    )
    failed = atlas.apply(BROKEN, fails=True)
    if recording.kind == "postgresql":
        recording.save_failed(failed, "in its transaction, which leaves no row", *part_way(SECOND, THIRD))
    else:
        recording.save_failed(failed, "and its row tells of it", *refused)
    failed = atlas.apply(BROKEN, "--tx-mode", "none", fails=True)
    what = "the second statement of the last migration has failed in tx-mode none"
    recording.save("failed-outside-transaction", what, failed, *refused)
    atlas.run(failed, FILES, "apply", "--tx-mode", "none")
    what = "the last of three migrations has failed, then it was repaired and run again"
    if recording.beside:
        recording.save("repaired", f"{what}, of which the row keeps its error", failed, *refused[:2])
    else:
        recording.save("repaired", what, failed, has(THIRD), has_all())
    failed = atlas.apply(BROKEN, "--tx-mode", "none", fails=True)
    atlas.run(failed, BROKEN, "set", THIRD)
    recording.save(
        "resolved",
        "the last of three migrations has failed, then `atlas migrate set` took it as applied: the error stays",
        failed,
        has(THIRD),
        has_all(),
    )


def record_baselines(atlas: Atlas) -> None:
    """Record both ways of taking on a database that Atlas did not make."""
    recording = atlas.recording
    for scenario, files, since, gates in (
        (
            "baseline-only",
            TWO,
            "nothing has run",
            (beyond(FIRST, SECOND), has(SECOND), awaits(THIRD, SECOND), lacks(THIRD)),
        ),
        ("baseline", FILES, "the third is applied", (beyond(FIRST, THIRD), has(THIRD), has_all())),
    ):
        database = recording.database()
        recording.query(database, "CREATE TABLE product (id int, price int)")
        atlas.run(database, files, "apply", "--baseline", SECOND)
        what = f"the database counts as migrated up to {SECOND}, by --baseline; {since}"
        recording.save(scenario, what, database, *gates)
    database = recording.database()
    atlas.run(database, FILES, "set", SECOND)
    recording.save(
        "set",
        f"`atlas migrate set {SECOND}` on a database that Atlas did not know: each version gets a row",
        database,
        has(SECOND),
        (f"--revision {FIRST} --revision {SECOND}", "opened", ""),
        awaits(THIRD, SECOND),
        lacks(THIRD),
    )


def record_order(atlas: Atlas) -> None:
    """Record what the older release has not: a file merged late, and checkpoints."""
    recording = atlas.recording
    database = atlas.apply({file: sql for file, sql in FILES.items() if SECOND not in file})
    atlas.run(database, FILES, "apply", "--exec-order", "linear-skip")
    recording.save(
        "missing",
        "the first and the third are applied, the second was merged late and is skipped, with --exec-order linear-skip",
        database,
        awaits(SECOND),
        has(THIRD),
        lacks(SECOND),
    )
    newest, directory = "20240105000005", "migrations-checkpoint"
    recording.write_migrations(with_semicolon(FILES | CHECKPOINT | LATER), directory)
    database = atlas.apply(FILES | CHECKPOINT)
    what = "a new database began with the checkpoint; what comes after it is not applied"
    recording.save("checkpoint-part-way", what, database, awaits(newest), lacks(newest, directory))
    atlas.run(database, FILES | CHECKPOINT | LATER, "apply")
    what = "a new database began with the checkpoint: what came before it has no row"
    recording.save("checkpoint-fresh", what, database, has(newest), has_all(directory))
    database = atlas.apply(FILES)
    atlas.run(database, FILES | CHECKPOINT | LATER, "apply")
    what = "a database that was migrated before the checkpoint skips it: it has no row"
    recording.save("checkpoint-existing", what, database, has(newest), has_all(directory))
