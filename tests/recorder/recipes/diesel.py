"""Diesel, whose program cargo builds. Its migrations are folders with dashes in their names, its rows have none.

It takes no lock, and what fails leaves nothing in its table.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("__diesel_schema_migrations",)
DATABASES = ("postgresql", "mariadb")
UP = {
    "2024-01-01-000001_create_product": "CREATE TABLE product (id int PRIMARY KEY)",
    "2024-01-02-000002_add_price": "ALTER TABLE product ADD price int",
    "2024-01-03-000003_add-stock": "ALTER TABLE product ADD stock int",
}
DOWN = {
    "2024-01-01-000001_create_product": "DROP TABLE product",
    "2024-01-02-000002_add_price": "ALTER TABLE product DROP price",
    "2024-01-03-000003_add-stock": "ALTER TABLE product DROP stock",
}
VERSIONS = ("20240101000001", "20240102000002", "20240103000003")
LAST = list(UP)[2]
LATE = {**UP, "2024-01-02-000009_add_colour": "ALTER TABLE product ADD colour int"}
BROKEN = "ALTER TABLE prodcut ADD stock int"


def record(recording: Recording) -> None:
    """Record the common story, the row of `diesel setup`, a folder merged late, a revert and a failure."""
    program = recording.cache / "bin/diesel"
    if not program.exists():
        features = ["--no-default-features", "--features", "postgres,mysql"]  # which need libpq-dev and libmariadb-dev
        command = ["cargo", "install", "--quiet", "--locked", "--root", recording.cache, "diesel_cli@2.3.14", *features]
        recording.run(command, recording.cache)
    recording.version = recording.run([program, "--version"], recording.cache).split("Version:")[1].split()[0]
    recording.write_migrations(tree(UP))
    write(recording.fixtures / "migrations-late", tree(LATE))

    with scratch() as base:

        def diesel(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start diesel in a folder of just these migrations."""
            folder = Path(tempfile.mkdtemp(dir=base))
            write(folder / "migrations", tree(files))
            environment = {"DATABASE_URL": database.url}
            return recording.start([program, *args, "--migration-dir", "migrations"], folder, environment)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            files = dict(list(UP.items())[:count])
            if count == 3:
                files[LAST] = f"{recording.pause_statement};\n{UP[LAST]}"
            return diesel(database, files, "migration", "run")

        def is_done(database: Database) -> bool:
            return recording.ended(diesel(database, UP, "migration", "pending")).split() == ["false"]

        done = recording.story(tuple(UP), migrate, is_done, VERSIONS)
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            done,
            ("--revision 2024-01-03-000003", "opened", "has 20240103000003 applied"),
            ("--revision 20240102000009", "timed out", "awaiting 20240102000009"),
            ("--migrations migrations-late", "timed out", "awaiting 20240102000009"),
        )
        recording.ended(diesel(done, LATE, "migration", "run"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            done,
            ("--revision 2024-01-02-000009_add_colour", "opened", "20240102000009"),
            ("--migrations migrations-late", "opened", ""),
            ("--migrations migrations", "opened", ""),
        )
        reverted = recording.database()
        recording.ended(diesel(reverted, UP, "migration", "run"))
        recording.ended(diesel(reverted, UP, "migration", "revert"))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was reverted",
            reverted,
            ("--revision 20240102000002", "opened", "has 20240102000002 applied"),
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
            ("--migrations migrations", "timed out", "awaiting 20240103000003"),
        )
        failed = recording.database()
        recording.ended(diesel(failed, {**UP, LAST: BROKEN}, "migration", "run"), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, which diesel does not record",
            failed,
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
        )
        listed = recording.database()
        recording.ended(diesel(listed, UP, "migration", "list"))
        recording.save(
            "listed",
            "nothing has run but `diesel migration list`, which made the table",
            listed,
            ("--revision 20240101000001", "timed out", "has nothing applied; awaiting 20240101000001"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        if recording.kind == "postgresql":  # elsewhere `diesel setup` makes the table only
            record_setup(recording, program, base / "project")


def record_setup(recording: Recording, program: Path, project: Path) -> None:
    """Record what `diesel setup` adds: a first migration of its own, with functions that the others may use."""
    (project / "migrations").mkdir(parents=True)
    (project / "Cargo.toml").write_text('[package]\nname = "app"\n')
    database = recording.database()
    environment = {"DATABASE_URL": database.url}
    recording.run([program, "setup"], project, environment)
    write(project / "migrations", tree(UP))
    names = [path.relative_to(project / "migrations").as_posix() for path in (project / "migrations").glob("*/*.sql")]
    recording.write_migrations({f"../migrations-setup/{name}": "SELECT 1;\n" for name in names})  # what counts is names
    recording.save(
        "set-up",
        "only `diesel setup` has run, which applies a first migration of its own",
        database,
        ("--revision 20240103000003", "timed out", "is at 00000000000000; awaiting 20240103000003"),
        ("--revision 00000000000000_diesel_initial_setup", "opened", "has 00000000000000 applied"),
        ("--migrations migrations", "timed out", "is at 00000000000000; awaiting "),
        ("--migrations migrations-setup", "timed out", "is at 00000000000000; awaiting "),
    )
    recording.run([program, "migration", "run"], project, environment)
    recording.save(
        "set-up-done",
        "the migration of `diesel setup` and three more are applied",
        database,
        ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
        ("--migrations migrations-setup", "opened", ""),
    )


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files: path in the folder -> text."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def tree(migrations: Mapping[str, str]) -> dict[str, str]:
    """Return the files of these folders of migrations."""
    files = {f"{name}/up.sql": f"{sql};\n" for name, sql in migrations.items()}
    return {**files, **{f"{name}/down.sql": f"{DOWN[name]};\n" for name in migrations if name in DOWN}}
