"""Diesel, whose program cargo builds. Its migrations are folders with dashes in their names, its rows have none.

It takes no lock, and what fails leaves nothing in its table.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.gates import awaits, empty, has, has_all, lacks
from recorder.packages import cargo
from recorder.recording import Database, Recording, scratch, write, write_new

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
    features = ["--no-default-features", "--features", "postgres,mysql"]  # which need libpq-dev and libmariadb-dev
    program = cargo(recording.cache, "diesel_cli@2.3.14", *features) / "diesel"
    recording.version = recording.run([program, "--version"], recording.cache).split("Version:")[1].split()[0]
    recording.write_migrations(tree(UP))
    recording.write_migrations(tree(LATE), "migrations-late")

    with scratch() as base:

        def diesel(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start diesel in a folder of just these migrations."""
            command = [program, *args, "--migration-dir", write_new(base, tree(files))]
            return recording.start(command, base, {"DATABASE_URL": database.url})

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return diesel(database, recording.first(UP, count), "migration", "run")

        def is_done(database: Database) -> bool:
            return recording.ended(diesel(database, UP, "migration", "pending")).split() == ["false"]

        done = recording.story(tuple(UP), migrate, is_done, VERSIONS)
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            done,
            has("2024-01-03-000003", "20240103000003"),
            awaits("20240102000009"),
            lacks("20240102000009", "migrations-late"),
        )
        recording.ended(diesel(done, LATE, "migration", "run"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            done,
            ("--revision 2024-01-02-000009_add_colour", "opened", "20240102000009"),
            has_all("migrations-late"),
            has_all(),
        )
        reverted = recording.after(diesel, UP, "migration", "run")
        recording.ended(diesel(reverted, UP, "migration", "revert"))
        recording.save_rolled_back(reverted, "20240102000002", "20240103000003", "reverted")
        failed = recording.after(diesel, {**UP, LAST: BROKEN}, "migration", "run", fails=True)
        recording.save_failed(failed, "which diesel does not record", awaits("20240103000003", "20240102000002"))
        listed = recording.after(diesel, UP, "migration", "list")
        recording.save(
            "listed",
            "nothing has run but `diesel migration list`, which made the table",
            listed,
            *empty("20240101000001"),
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
    recording.write_migrations({**dict.fromkeys(names, "SELECT 1;\n"), **tree(UP)}, "migrations-setup")  # names count
    recording.save(
        "set-up",
        "only `diesel setup` has run, which applies a first migration of its own",
        database,
        awaits("20240103000003", "00000000000000"),
        has("00000000000000_diesel_initial_setup", "00000000000000"),
        ("--migrations migrations", "timed out", "is at 00000000000000; awaiting "),
        ("--migrations migrations-setup", "timed out", "is at 00000000000000; awaiting "),
    )
    recording.run([program, "migration", "run"], project, environment)
    recording.save(
        "set-up-done",
        "the migration of `diesel setup` and three more are applied",
        database,
        has("20240103000003"),
        has_all("migrations-setup"),
    )


def tree(migrations: Mapping[str, str]) -> dict[str, str]:
    """Return the files of these folders of migrations."""
    files = {f"{name}/up.sql": f"{sql};\n" for name, sql in migrations.items()}
    return {**files, **{f"{name}/down.sql": f"{DOWN[name]};\n" for name in migrations if name in DOWN}}
