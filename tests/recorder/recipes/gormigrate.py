"""gormigrate, a library. It keeps a row per migration, written after it; the ids are in the program's code only."""

import subprocess

from recorder.gates import awaits, has, no_table, nothing
from recorder.golang import build, source
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("migrations", "app_migrations")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "v2.1.7"
MODULES = (
    f"github.com/go-gormigrate/gormigrate/v2@{VERSION}",
    "gorm.io/driver/mysql@v1.6.0",
    "gorm.io/driver/postgres@v1.6.3",
)
PROGRAM = """\
// migrate DRIVER SOURCE DIRECTORY COMMAND [TABLE], where the directory holds a file of SQL per migration.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(driver, source, directory, command string, tables []string) error {
	dialect := postgres.Open(source)
	if driver == "mysql" {
		dialect = mysql.Open(source)
	}
	db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(directory, "*.sql"))
	if err != nil {
		return err
	}
	migrations := []*gormigrate.Migration{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		id := strings.TrimSuffix(filepath.Base(file), ".sql")
		migrations = append(migrations, &gormigrate.Migration{
			ID: id,
			Migrate: func(tx *gorm.DB) error {
				if command == "status" { // gormigrate has no such command; this is called for what is not applied
					return fmt.Errorf("%s is pending", id)
				}
				return tx.Exec(string(text)).Error
			},
			Rollback: func(tx *gorm.DB) error { return nil },
		})
	}
	options := *gormigrate.DefaultOptions
	for _, table := range tables {
		options.TableName = table
	}
	migrate := gormigrate.New(db, &options, migrations)
	switch command {
	case "rollback":
		return migrate.RollbackLast()
	case "init-schema":
		migrate.InitSchema(func(tx *gorm.DB) error { return nil })
	}
	return migrate.Migrate()
}
"""
FILES = {
    "20240101000001_create_product": "CREATE TABLE product (id int)",
    "20240102000002_add_price": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock": "ALTER TABLE product ADD stock int",
}
FIRST, SECOND, THIRD = FILES


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a migration that was merged late, and InitSchema."""
    program = build(recording.cache, PROGRAM, *MODULES)
    recording.version = VERSION.removeprefix("v")

    with scratch() as folder:

        def gormigrate(database: Database, files: dict[str, str], *args: str) -> subprocess.Popen[str]:
            """Start the program with these migrations only."""
            directory = write_new(folder, {f"{name}.sql": sql for name, sql in files.items()})
            return recording.start([program, *source(database), directory, *args], folder)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return gormigrate(database, recording.first(FILES, count), "up")

        def is_done(database: Database) -> bool:
            return "is pending" not in gormigrate(database, FILES, "status").communicate()[0]

        def fresh(files: dict[str, str], *args: str, fails: bool = False) -> Database:
            return recording.after(gormigrate, files, *args, fails=fails)

        done = recording.story((FIRST, SECOND, THIRD), migrate, is_done, has_files=False)
        assert is_done(done)

        recording.ended(gormigrate(done, {**FILES, "20240104000004_add_colour": "SELECT 1"}, "up"))
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied; the table shows no order, so nobody can tell",
            done,
            has(THIRD),
            (f"--revision {THIRD} --if-ahead refuse", "misconfigured", "--if-ahead"),
        )

        undone = fresh(FILES, "up")
        recording.ended(gormigrate(undone, FILES, "rollback"))
        recording.save(
            "rolled-back", "all three were applied, then the last was rolled back", undone, has(SECOND), awaits(THIRD)
        )
        recording.save(
            "failed",
            "the last of three migrations has failed, of which gormigrate keeps nothing",
            fresh({**FILES, THIRD: "ALTER TABLE nowhere ADD stock int"}, "up", fails=True),
            has(SECOND),
            awaits(THIRD),
        )
        recording.save(
            "failed-first",
            "the first migration has failed: the table is empty",
            fresh({FIRST: "ALTER TABLE nowhere ADD stock int"}, "up", fails=True),
            nothing(FIRST),
        )
        recording.save(
            "missing",
            "the first and the third are applied, the second was merged late and waits for the next run",
            fresh({name: FILES[name] for name in (FIRST, THIRD)}, "up"),
            awaits(SECOND),
            has(THIRD),
            (f"--revision {FIRST} --revision {SECOND} --revision {THIRD}", "timed out", f"awaiting {SECOND}"),
        )
        recording.save(
            "init-schema",
            "a new database was made by InitSchema, which writes a row of every migration and SCHEMA_INIT",
            fresh(FILES, "init-schema"),
            has(THIRD),
            (f"--revision {FIRST} --revision {SECOND} --revision {THIRD}", "opened", ""),
        )
        recording.save(
            "own-table",
            "all three migrations are applied, with another TableName",
            fresh(FILES, "up", "app_migrations"),
            (f"--revision {THIRD} --table app_migrations", "opened", f"has {THIRD} applied"),
            no_table(THIRD),
        )
