"""sqlx, whose program cargo builds. It holds no lock while it migrates; programs that embed its migrator do.

On PostgreSQL a migration and its row are one transaction. On MariaDB the row comes first, unsuccessful until the end,
and shows as soon as a statement of the migration commits, which one that makes or alters a table does.
"""

import subprocess
from collections.abc import Callable, Mapping

from recorder.gates import empty, has, has_all, missing, part_way, past
from recorder.packages import cargo
from recorder.recording import Database, Recording, scratch, with_semicolon, write_new

TABLES = ("_sqlx_migrations",)
DATABASES = ("postgresql", "mariadb")
FILES = {
    "20240101000001_create_product.sql": "CREATE TABLE product (id int)",
    "20240102000002_add_price.sql": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.sql": "ALTER TABLE product ADD stock int",
}
VERSIONS = ("20240101000001", "20240102000002", "20240103000003")
LAST = list(FILES)[2]
LATE = {**FILES, "20240102000009_add_colour.sql": "ALTER TABLE product ADD colour int"}
BROKEN = "INSERT INTO prodcut VALUES (1)"
REVERSIBLE = {name.replace(".sql", ".up.sql"): sql for name, sql in FILES.items()} | {
    "20240101000001_create_product.down.sql": "DROP TABLE product",
    "20240102000002_add_price.down.sql": "ALTER TABLE product DROP price",
    "20240103000003_add_stock.down.sql": "ALTER TABLE product DROP stock",
}


def record(recording: Recording) -> None:
    """Record the common story, failures, a migration that is half done, a file merged late, reverts and a skip."""
    features = ["--no-default-features", "--features", "rustls,postgres,mysql"]
    program = cargo(recording.cache, "sqlx-cli@0.9.0", *features) / "sqlx"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    for directory, files in {"migrations": FILES, "migrations-late": LATE, "migrations-reversible": REVERSIBLE}.items():
        recording.write_migrations(with_semicolon(files), directory)

    with scratch() as base:

        def sqlx(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start sqlx on a folder of just these migrations."""
            options = ["--source", write_new(base, with_semicolon(files)), "--database-url", database.url]
            return recording.start([program, "migrate", *args, *options], base)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return sqlx(database, recording.first(FILES, count), "run")

        def is_done(database: Database) -> bool:
            # The file with the pause has another checksum; `info` says so, behind the word.
            return recording.ended(sqlx(database, FILES, "info")).count("/installed") == 3

        story = recording.story(VERSIONS, migrate, is_done)
        recording.save(
            "ahead",
            "all three migrations are applied, and a release that knows two is started",
            story,
            *past("20240102000002", "20240103000003"),
        )

        listed = recording.after(sqlx, FILES, "info")
        recording.save(
            "listed", "nothing has run but `sqlx migrate info`, which made the table", listed, *empty("20240101000001")
        )

        late = recording.after(sqlx, FILES, "run")
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            late,
            *missing("20240102000009", "20240103000003"),
        )
        recording.ended(sqlx(late, LATE, "run"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            late,
            ("--revision 20240102000009", "opened", "past the wanted 20240102000009"),
            has_all("migrations-late"),
        )

        reverted = recording.after(sqlx, REVERSIBLE, "run")
        recording.save(
            "reversible",
            "all three migrations are applied, whose directory has a file up and a file down of each",
            reverted,
            has_all("migrations-reversible"),
            has("20240103000003_add_stock.up.sql", "20240103000003"),
        )
        recording.ended(sqlx(reverted, REVERSIBLE, "revert"))
        recording.save_rolled_back(reverted, "20240102000002", "20240103000003", "reverted", "migrations-reversible")

        skipped = recording.after(sqlx, FILES, "override", "skip")
        recording.save(
            "skipped",
            "no migration ran, all three were marked as applied by `sqlx migrate override skip`",
            skipped,
            has("20240103000003"),
            has_all(),
        )

        failed = recording.after(sqlx, {**FILES, LAST: BROKEN}, "run", fails=True)
        recording.save(
            "failed",
            "the first statement of the last of three migrations has failed, which leaves no row",
            failed,
            *part_way("20240102000002", "20240103000003"),
        )
        if recording.dialect == "mysql":
            record_half_done(recording, sqlx)


def record_half_done(recording: Recording, sqlx: Callable[..., subprocess.Popen[str]]) -> None:
    """Record what MariaDB keeps of a migration that has committed something and is not at its end."""
    marked = "20240103000003 is marked unsuccessful"
    gates = (
        ("--revision 20240103000003", "timed out", marked),
        ("--revision 20240102000002", "opened", "has 20240102000002 applied"),
        ("--revision 20240103000003 --on-failure wait", "timed out", marked),
        ("--migrations migrations", "timed out", marked),
    )
    half = recording.database()
    paused = {**FILES, LAST: f"{FILES[LAST]};\n{recording.pause_statement}"}
    with recording.paused(half, lambda: sqlx(half, paused, "run")) as process:
        recording.save("half-done", "the last of three migrations has committed something, and runs", half, *gates)
    recording.ended(process)
    recording.save(
        "half-done-ended",
        "the last of three migrations committed something half-way, and is applied",
        half,
        has("20240103000003"),
    )
    failed = recording.after(sqlx, {**FILES, LAST: f"{FILES[LAST]};\n{BROKEN}"}, "run", fails=True)
    recording.save("failed-half-way", "the last of three migrations committed something, and failed", failed, *gates)
