"""bun, for Go: a row per migration, recorded before it runs."""

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.record import CURRENT, NONE, Directory, Table, Tool

TOOL = Tool(
    name="bun",
    table=Table("bun_migrations", ("name", "id"), rows.applied(values.digits), "id"),
    also=("group_id", "migrated_at"),
    lock_table=Table("bun_migration_locks", ("id", "table_name"), rows.locked("bun_migration_locks", rows.by("for"))),
    schemas=(CURRENT,),
    revision=revisions.digits,
    example="20240102030405",
    order=int,
    unprovable="bun records a migration before it runs, and keeps the row when it fails; write "
    "migrate.NewMigrator(db, migrations, migrate.WithMarkAppliedOnSuccess(true)), then say so with --trust-history",
    directory=Directory(
        "20240102030405_add_stock.up.sql",
        layouts.plain,
        # Of SQL Discover walks folders too, and what is in Go registers itself wherever it is (migrate/migrations.go).
        files=r"(?:.*/)?(?!.*_test\.go)(\d{1,14}_[0-9a-z_-]+)\.(?:(?:[^/]*\.)?(?:up|down)\.sql|go)",
        refused=r"(?:.*/)?[^/]*\.(?:up|down)\.sql",
        passed=NONE,
        follows=False,
        signs=((r"(.*/)?\d{1,14}_[^/]*\.go", r"\bMigrations\.(?:Must)?Register\("),),
        looks=r"\d{14}_[0-9a-z_-]+\.(tx\.)?(up|down)\.sql",
    ),
)
