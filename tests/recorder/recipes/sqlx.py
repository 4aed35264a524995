"""sqlx, whose program cargo builds. It holds no lock while it migrates; programs that embed its migrator do.

On PostgreSQL a migration and its row are one transaction. On MariaDB the row comes first, unsuccessful until the end,
and shows as soon as a statement of the migration commits, which one that makes or alters a table does.
"""

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from recorder.recording import Database, Recording, scratch

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
    program = recording.cache / "bin/sqlx"
    if not program.exists():
        features = ["--no-default-features", "--features", "rustls,postgres,mysql"]
        command = ["cargo", "install", "--quiet", "--locked", "--root", recording.cache, "sqlx-cli@0.9.0", *features]
        recording.run(command, recording.cache)
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.write_migrations({name: f"{sql};\n" for name, sql in FILES.items()})
    for name, files in (("migrations-late", LATE), ("migrations-reversible", REVERSIBLE)):
        (recording.fixtures / name).mkdir(exist_ok=True)
        for file, sql in files.items():
            (recording.fixtures / name / file).write_text(f"{sql};\n", encoding="utf-8")

    with scratch() as base:

        def sqlx(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start sqlx on a folder of just these migrations."""
            folder = Path(tempfile.mkdtemp(dir=base))
            for name, sql in files.items():
                (folder / name).write_text(f"{sql};\n")
            options = ["--source", folder, "--database-url", database.url]
            return recording.start([program, "migrate", *args, *options], base)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            files = dict(list(FILES.items())[:count])
            if count == 3:
                files[LAST] = f"{recording.pause_statement};\n{FILES[LAST]}"
            return sqlx(database, files, "run")

        def is_done(database: Database) -> bool:
            # The file with the pause has another checksum; `info` says so, behind the word.
            return recording.ended(sqlx(database, FILES, "info")).count("/installed") == 3

        story = recording.story(VERSIONS, migrate, is_done)
        recording.save(
            "ahead",
            "all three migrations are applied, and a release that knows two is started",
            story,
            ("--revision 20240102000002", "opened", "is at 20240103000003, past the wanted 20240102000002"),
            ("--revision 20240102000002 --if-ahead wait", "timed out", "past the wanted 20240102000002"),
            ("--revision 20240102000002 --if-ahead refuse", "refused", "past the wanted 20240102000002"),
        )

        listed = recording.database()
        recording.ended(sqlx(listed, FILES, "info"))
        recording.save(
            "listed",
            "nothing has run but `sqlx migrate info`, which made the table",
            listed,
            ("--revision 20240101000001", "timed out", "has nothing applied; awaiting 20240101000001"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        late = recording.database()
        recording.ended(sqlx(late, FILES, "run"))
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            late,
            ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
            ("--revision 20240102000009", "timed out", "awaiting 20240102000009"),
            ("--migrations migrations-late", "timed out", "awaiting 20240102000009"),
        )
        recording.ended(sqlx(late, LATE, "run"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            late,
            ("--revision 20240102000009", "opened", "past the wanted 20240102000009"),
            ("--migrations migrations-late", "opened", ""),
        )

        reverted = recording.database()
        recording.ended(sqlx(reverted, REVERSIBLE, "run"))
        recording.save(
            "reversible",
            "all three migrations are applied, whose directory has a file up and a file down of each",
            reverted,
            ("--migrations migrations-reversible", "opened", ""),
            ("--revision 20240103000003_add_stock.up.sql", "opened", "has 20240103000003 applied"),
        )
        recording.ended(sqlx(reverted, REVERSIBLE, "revert"))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was reverted",
            reverted,
            ("--revision 20240102000002", "opened", "has 20240102000002 applied"),
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
            ("--migrations migrations-reversible", "timed out", "awaiting 20240103000003"),
        )

        skipped = recording.database()
        recording.ended(sqlx(skipped, FILES, "override", "skip"))
        recording.save(
            "skipped",
            "no migration ran, all three were marked as applied by `sqlx migrate override skip`",
            skipped,
            ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
            ("--migrations migrations", "opened", ""),
        )

        failed = recording.database()
        recording.ended(sqlx(failed, {**FILES, LAST: BROKEN}, "run"), fails=True)
        recording.save(
            "failed",
            "the first statement of the last of three migrations has failed, which leaves no row",
            failed,
            ("--revision 20240102000002", "opened", "has 20240102000002 applied"),
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
            ("--migrations migrations", "timed out", "awaiting 20240103000003"),
        )
        if recording.kind == "mariadb":
            record_half_done(recording, sqlx)


def record_half_done(recording: Recording, sqlx: Callable[..., subprocess.Popen[str]]) -> None:
    """Record what MariaDB keeps of a migration that has committed something and is not at its end."""
    marked = "20240103000003 is marked unsuccessful"
    gates = (
        ("--revision 20240103000003", "timed out", marked),
        ("--revision 20240102000002", "timed out", marked),
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
        ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
    )
    failed = recording.database()
    recording.ended(sqlx(failed, {**FILES, LAST: f"{FILES[LAST]};\n{BROKEN}"}, "run"), fails=True)
    recording.save("failed-half-way", "the last of three migrations committed something, and failed", failed, *gates)
