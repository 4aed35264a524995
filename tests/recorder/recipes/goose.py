"""goose. It keeps a log: the newest row of a version tells whether it is applied. Its command takes no lock."""

import subprocess
from pathlib import Path

from recorder.gates import awaits, beyond, empty, has, has_all, lacks, no_table, part_way, past_all
from recorder.golang import build, install, source
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("goose_db_version", "goose_lock", "app_versions")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "v3.29.0"
LEFT_OUT = ("clickhouse", "libsql", "mssql", "sqlite3", "turso", "vertica", "ydb")
"""Databases whose drivers are not built in."""
OLD = "v2.3.0"
"""Of the releases that appended a row for a down; later ones delete the row of the up."""
FILES = {
    "00001_create_product.sql": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "00002_add_price.sql": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    "00003_add_stock.sql": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock"),
}
FIRST, SECOND, THIRD = FILES
LOCKING = """\
// migrate DIALECT SOURCE DIRECTORY: all migrations up, under the lock table that a Provider may be given.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(dialect, source, directory string) error {
	db, err := sql.Open(dialect, source)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresTableLocker()
	if dialect == "mysql" {
		locker, err = lock.NewMySQLTableLocker()
	}
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.Dialect(dialect), db, os.DirFS(directory), goose.WithLocker(locker))
	if err != nil {
		return err
	}
	_, err = provider.Up(context.Background())
	return err
}
"""
LOCKING_MODULES = (
    f"github.com/pressly/goose/v3@{VERSION}",
    "github.com/go-sql-driver/mysql@v1.10.1",
    "github.com/lib/pq@v1.10.9",
)


def record(recording: Recording) -> None:
    """Record the common story, downs of two releases, a failure, and a migration that was merged late."""
    tags = [f"no_{database}" for database in LEFT_OUT]
    new = install(recording.cache, f"github.com/pressly/goose/v3/cmd/goose@{VERSION}", *tags)
    old = install(recording.cache / "old", f"github.com/pressly/goose/cmd/goose@{OLD}+incompatible")
    recording.version = VERSION.removeprefix("v")
    recording.write_migrations(texts(FILES))
    in_go = texts({name: FILES[name] for name in (FIRST, SECOND)})
    in_go |= dict.fromkeys(("00003_add_stock.go", "00003_add_stock_test.go"), "package migrations\n")
    recording.write_migrations(in_go, "migrations-go")

    with scratch() as folder:
        record_lock_table(recording, write_new(folder, texts(recording.first(FILES, 3))))

        def goose(
            database: Database, files: dict[str, tuple[str, str]], command: str, *options: str, program: Path = new
        ) -> subprocess.Popen[str]:
            """Start goose with these migrations only."""
            directory = write_new(folder, texts(files))
            return recording.start(
                [program, "-dir", directory, *options, *source(database, "parseTime=true"), command], folder
            )

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return goose(database, recording.first(FILES, count), "up")

        def is_done(database: Database) -> bool:
            return "Pending" not in recording.ended(goose(database, FILES, "status"))

        def fresh(*commands: str, program: Path = new) -> Database:
            database = recording.database()
            for command in commands:
                recording.ended(goose(database, FILES, command, program=program))
            return database

        done = recording.story(("00001", "00002_add_price.sql", "00003"), migrate, is_done, normal=("1", "2", "3"))
        recording.save(
            "go-migration",
            "all three migrations are applied; in migrations-go the third is one in Go, which a test lies beside",
            done,
            has_all("migrations-go"),
            has("00003_add_stock.go", "3"),
        )
        later = {**FILES, "00004_add_colour.sql": ("ALTER TABLE product ADD colour int", "")}
        recording.ended(goose(done, later, "up"))
        recording.save(
            "ahead", "the three migrations and one of a later release are applied", done, *past_all("3", "4")
        )

        recording.save(
            "row-0",
            "nothing has run but `goose version`, which makes the table and its row of version 0",
            fresh("version"),
            *empty("1"),
        )
        recording.save_rolled_back(fresh("up", "down"), "2", "3", "rolled back, which deletes its row")
        broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "")}
        failed = recording.after(goose, broken, "up", fails=True)
        recording.save_failed(failed, "of which goose keeps nothing", awaits("3", "2"), has("2"))

        late = recording.after(goose, {name: FILES[name] for name in (FIRST, THIRD)}, "up")
        recording.ended(goose(late, FILES, "up"), fails=True)
        recording.save(
            "missing",
            "the first and the third are applied, the second was merged late and `up` refuses to run it",
            late,
            awaits("2"),
            ("--revision 2 --if-ahead refuse", "timed out", "awaiting 2"),
            has("3"),
            lacks("2"),
        )
        recording.ended(goose(late, FILES, "up", "-allow-missing"))
        recording.save(
            "out-of-order",
            "the second was merged late and applied after the third, with -allow-missing",
            late,
            beyond("2", "3"),
            has("3"),
            has_all(),
        )

        elsewhere = recording.after(goose, FILES, "up", "-table=app_versions")
        recording.save(
            "own-table",
            "all three migrations are applied, with -table=app_versions",
            elsewhere,
            ("--revision 3 --table app_versions", "opened", "has 3 applied"),
            no_table("3"),
        )

        recording.version = OLD.removeprefix("v")
        recording.save(
            "rolled-back-old",
            "all three were applied, then the last was rolled back, which appends a row that is not applied",
            fresh("up", "down", program=old),
            *part_way("2", "3"),
        )
        recording.save(
            "up-again-old",
            "all three were applied, the last rolled back and applied again: three rows of it",
            fresh("up", "down", "up", program=old),
            has("3"),
            has_all(),
        )


def record_lock_table(recording: Recording, directory: Path) -> None:
    """Record what a program leaves that was killed while it held the lock table; goose's own command has none."""
    program = build(recording.cache / "locking", LOCKING, *LOCKING_MODULES)
    database = recording.database()
    command = [program, *source(database, "parseTime=true"), directory]
    with recording.paused(database, lambda: recording.start(command, directory)) as process:
        process.kill()
    process.communicate()
    recording.query(database, "UPDATE goose_lock SET locked_by = 'web-1-0a1b2c3d'")  # began with this host's name
    recording.save(
        "killed",
        "a program with goose's lock table was killed in the last of three migrations: the lock's lease runs out",
        database,
        has("2"),
        ("--revision 3", "timed out", "goose_lock is held by web-1-0a1b2c3d"),
        lacks("3"),
    )


def texts(files: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return these migrations' files."""
    return {name: f"-- +goose Up\n{up};\n\n-- +goose Down\n{down};\n" for name, (up, down) in files.items()}
