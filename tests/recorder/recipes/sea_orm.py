"""SeaORM, whose migrations are compiled: a crate as `sea-orm-cli migrate init` makes it, built by cargo.

It takes no lock, and what fails leaves nothing in its table.
"""

import subprocess
from collections.abc import Iterable

from recorder.gates import awaits, empty, has, has_all
from recorder.recording import Database, Recording, scratch, write

TABLES = ("seaql_migrations",)
DATABASES = ("postgresql", "mariadb")
VERSION = "2.0.4"
UP = {
    "m20240101_000001_create_product": "CREATE TABLE product (id int)",
    "m20240102_000002_add_price": "ALTER TABLE product ADD price int",
    "m20240103_000003_add_stock": "ALTER TABLE product ADD stock int",
}
DOWN = {
    "m20240101_000001_create_product": "DROP TABLE product",
    "m20240102_000002_add_price": "ALTER TABLE product DROP price",
    "m20240103_000003_add_stock": "ALTER TABLE product DROP stock",
}
VERSIONS = FIRST, SECOND, LAST = tuple(UP)
LATE = "m20240102_000009_add_colour"
UP[LATE] = "ALTER TABLE product ADD colour int"
DOWN[LATE] = "ALTER TABLE product DROP colour"
CARGO = f"""\
[package]
name = "migration"
version = "0.1.0"
edition = "2021"

[dependencies]
sea-orm-migration = {{ version = "={VERSION}", features = ["runtime-tokio-rustls", "sqlx-postgres", "sqlx-mysql"] }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}
"""
MAIN = """\
use sea_orm_migration::prelude::*;

#[tokio::main]
async fn main() {
    cli::run_cli(migration::Migrator).await;
}
"""
LIBRARY = """\
pub use sea_orm_migration::prelude::*;

MODULES

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
LISTED
        ]
    }
}
"""
MIGRATION = """\
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("UP").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DOWN").await?;
        Ok(())
    }
}
"""


def record(recording: Recording) -> None:
    """Record the common story, a migration merged late, a rollback and a failure."""
    recording.version = VERSION
    recording.write_migrations(
        {"main.rs": MAIN, "lib.rs": library(VERSIONS), **{f"{name}.rs": source(name) for name in VERSIONS}}
    )
    program = recording.cache / "bin/migration"
    if not program.exists():
        build(recording)

    with scratch() as folder:

        def migration(
            database: Database, *args: str, last: str = UP[LAST], late: bool = False
        ) -> subprocess.Popen[str]:
            """Start the program."""
            environment = {"DATABASE_URL": database.url, "LAST": last, **({"LATE": "yes"} if late else {})}
            return recording.start([program, *args], folder, environment)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            if count < 3:
                return migration(database, "up", "-n", "2")
            return migration(database, "up", last=f"{recording.pause_statement};\n{UP[LAST]}")

        def is_done(database: Database) -> bool:
            return "Pending" not in recording.ended(migration(database, "status"))

        done = recording.story(VERSIONS, migrate, is_done)
        recording.save(
            "late",
            "all three migrations are applied, and one named before the last was merged late",
            done,
            has(LAST),
            awaits(LATE),
        )
        recording.ended(migration(done, "up", late=True))
        recording.save(
            "late-applied",
            "a migration named before the last was merged late and applied after it",
            done,
            (f"--revision {LATE}.rs", "opened", LATE),
            has_all(),
        )
        reverted = recording.after(migration, "up")
        recording.ended(migration(reverted, "down"))
        recording.save_rolled_back(reverted, SECOND, LAST, "taken back")
        failed = recording.after(migration, "up", last="ALTER TABLE prodcut ADD stock int", fails=True)
        recording.save_failed(failed, "which SeaORM does not record", has(SECOND), awaits(LAST, SECOND))
        listed = recording.after(migration, "status")
        recording.save("listed", "nothing has run but `status`, which made the table", listed, *empty(FIRST))


def build(recording: Recording) -> None:
    """Build a program that takes the last migration's SQL when it runs, and that has a late one if it is told so."""
    names = [FIRST, SECOND, LATE, LAST]
    library_rs = library(names).replace("        vec![", "        let mut all: Vec<Box<dyn MigrationTrait>> = vec![")
    chosen = f'all.retain(|one| one.name() != "{LATE}" || std::env::var("LATE").is_ok());'
    library_rs = library_rs.replace("        ]\n", f"        ];\n        {chosen}\n        all\n")
    files = {f"src/{name}.rs": source(name) for name in names}
    files[f"src/{LAST}.rs"] = source(LAST).replace(f'"{UP[LAST]}"', '&std::env::var("LAST").unwrap()')
    with scratch() as folder:
        write(folder, {"Cargo.toml": CARGO, "src/main.rs": MAIN, "src/lib.rs": library_rs, **files})
        recording.run(["cargo", "install", "--quiet", "--debug", "--path", folder, "--root", recording.cache], folder)


def library(names: Iterable[str]) -> str:
    """Return the crate's lib.rs."""
    modules = "".join(f"mod {name};\n" for name in names)
    listed = "".join(f"            Box::new({name}::Migration),\n" for name in names)
    return LIBRARY.replace("MODULES\n", modules).replace("LISTED\n", listed)


def source(name: str) -> str:
    """Return a migration's file."""
    return MIGRATION.replace("UP", UP[name]).replace("DOWN", DOWN[name])
