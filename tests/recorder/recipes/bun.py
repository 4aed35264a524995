"""bun, a library. It keeps a row per migration: by default from before it runs, and whether or not it fails.

Only with WithMarkAppliedOnSuccess does a row mean that the migration is applied, which the gate must be told.
"""

import subprocess

from recorder.golang import build, source, up_and_down
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("bun_migrations", "bun_migration_locks", "app_migrations")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "v1.3.0"
MODULES = (
    f"github.com/uptrace/bun@{VERSION}",
    f"github.com/uptrace/bun/dialect/mysqldialect@{VERSION}",
    f"github.com/uptrace/bun/dialect/pgdialect@{VERSION}",
    "github.com/go-sql-driver/mysql@v1.10.1",
    "github.com/lib/pq@v1.10.9",
)
PROGRAM = """\
// migrate DRIVER SOURCE DIRECTORY COMMAND [mark-on-success] [table=TABLE]
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
	"github.com/uptrace/bun/schema"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, driver, source, directory, command string, settings []string) error {
	pool, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	var dialect schema.Dialect = pgdialect.New()
	if driver == "mysql" {
		dialect = mysqldialect.New()
	}
	migrations := migrate.NewMigrations()
	if err := migrations.Discover(os.DirFS(directory)); err != nil {
		return err
	}
	options := []migrate.MigratorOption{}
	for _, setting := range settings {
		if setting == "mark-on-success" {
			options = append(options, migrate.WithMarkAppliedOnSuccess(true))
		} else if table, found := strings.CutPrefix(setting, "table="); found {
			options = append(options, migrate.WithTableName(table))
		}
	}
	migrator := migrate.NewMigrator(bun.NewDB(pool, dialect), migrations, options...)
	switch command {
	case "init":
		return migrator.Init(ctx)
	case "lock":
		return migrator.Lock(ctx)
	case "up":
		if err := migrator.Init(ctx); err != nil {
			return err
		}
		_, err = migrator.Migrate(ctx)
	case "rollback":
		_, err = migrator.Rollback(ctx)
	case "status":
		var all migrate.MigrationSlice
		all, err = migrator.MigrationsWithStatus(ctx)
		fmt.Printf("%d unapplied\\n", len(all.Unapplied()))
	}
	return err
}
"""
FILES = {
    "20240101000001_create_product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "20240102000002_add_price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    "20240103000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock"),
}
FIRST, SECOND, THIRD = FILES
VERSIONS = V1, V2, V3 = ("20240101000001", "20240102000002", "20240103000003")
MARK = "mark-on-success"
TRUST = "--trust-history"


def record(recording: Recording) -> None:
    """Record the common story as it is when a row can be trusted, and what the default leaves."""
    program = build(recording.cache, PROGRAM, *MODULES)
    recording.version = VERSION.removeprefix("v")
    recording.write_migrations(up_and_down(FILES))
    broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "SELECT 1")}

    with scratch() as folder:

        def bun(
            database: Database, files: dict[str, tuple[str, str]], command: str, *settings: str
        ) -> subprocess.Popen[str]:
            """Start the program with these migrations only."""
            where = (*source(database, "multiStatements=true&parseTime=true"), write_new(folder, up_and_down(files)))
            return recording.start([program, *where, command, *settings], folder)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return bun(database, recording.first(FILES, count), "up", MARK)

        def is_done(database: Database) -> bool:
            return "0 unapplied" in recording.ended(bun(database, FILES, "status", MARK))

        def fresh(files: dict[str, tuple[str, str]], *settings: str, fails: bool = False) -> Database:
            return recording.after(bun, files, "up", *settings, fails=fails)

        done = recording.story(VERSIONS, migrate, is_done, options=TRUST)
        assert is_done(done)

        recording.ended(bun(done, {**FILES, "20240104000004_add_colour": ("SELECT 1", "SELECT 1")}, "up", MARK))
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied",
            done,
            (f"--revision {V3} {TRUST}", "opened", f"is at 20240104000004, past the wanted {V3}"),
            (f"--revision {V3} {TRUST} --if-ahead wait", "timed out", f"past the wanted {V3}"),
            (f"--revision {V3} {TRUST} --if-ahead refuse", "refused", f"past the wanted {V3}"),
            (f"--migrations migrations {TRUST}", "opened", "is at 20240104000004, past the wanted"),
        )

        undone = fresh({name: FILES[name] for name in (FIRST, SECOND)}, MARK)
        recording.ended(bun(undone, FILES, "up", MARK))
        recording.ended(bun(undone, FILES, "rollback", MARK))
        recording.save(
            "rolled-back",
            "all three were applied, then the last group, which is the third alone, was rolled back",
            undone,
            (f"--revision {V2} {TRUST}", "opened", f"has {V2} applied"),
            (f"--revision {THIRD}.up.sql {TRUST}", "timed out", f"is at {V2}; awaiting {V3}"),
            (f"--migrations migrations {TRUST}", "timed out", f"awaiting {V3}"),
        )

        created = recording.after(bun, FILES, "init")
        recording.save(
            "empty",
            "nothing has run but Init, which makes the tables",
            created,
            (f"--revision {V1} {TRUST}", "timed out", f"has nothing applied; awaiting {V1}"),
            (f"--migrations migrations {TRUST}", "timed out", "has nothing applied"),
        )

        recording.save(
            "failed",
            "the last of three migrations has failed, of which bun keeps nothing with WithMarkAppliedOnSuccess",
            fresh(broken, MARK, fails=True),
            (f"--revision {V3} {TRUST}", "timed out", f"is at {V2}; awaiting {V3}"),
            (f"--revision {V2} {TRUST}", "opened", f"has {V2} applied"),
            (f"--revision {V3}", "misconfigured", TRUST),
        )

        late = fresh({name: FILES[name] for name in (FIRST, THIRD)}, MARK)
        recording.save(
            "missing",
            "the first and the third are applied, the second was merged late and waits for the next run",
            late,
            (f"--revision {V2} {TRUST}", "timed out", f"awaiting {V2}"),
            (f"--revision {V3} {TRUST}", "opened", f"has {V3} applied"),
            (f"--migrations migrations {TRUST}", "timed out", f"awaiting {V2}"),
        )

        locked = fresh({name: FILES[name] for name in (FIRST, SECOND)}, MARK)
        recording.ended(bun(locked, FILES, "lock"))
        recording.save(
            "locked",
            "two of three migrations are applied, and a program that took bun's lock runs or was killed",
            locked,
            (f"--revision {V2} {TRUST}", "opened", f"has {V2} applied"),
            (f"--revision {V3} {TRUST}", "timed out", "bun_migration_locks"),
        )

        recording.save(
            "own-table",
            "all three migrations are applied, with WithTableName",
            fresh(FILES, MARK, "table=app_migrations"),
            (f"--revision {V3} {TRUST} --table app_migrations", "opened", f"has {V3} applied"),
            (f"--revision {V3} {TRUST}", "timed out", "there is no history table"),
        )

        unmarked = recording.database()
        with recording.paused(unmarked, lambda: bun(unmarked, recording.first(FILES, 3), "up")) as process:
            recording.save(
                "default-running",
                "by default a row is written first: the last of three migrations is running and looks applied",
                unmarked,
                (f"--revision {V3}", "misconfigured", TRUST),
                ("--migrations migrations", "misconfigured", TRUST),
            )
        recording.ended(process)
        recording.save(
            "default-failed",
            "by default a row is written first and stays: the last of three migrations has failed and looks applied",
            fresh(broken, fails=True),
            (f"--revision {V3}", "misconfigured", TRUST),
            ("--migrations migrations", "misconfigured", TRUST),
        )
