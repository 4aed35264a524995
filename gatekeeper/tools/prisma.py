"""Prisma: a row per attempt at a migration, written before it begins."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.events import Doubtful, Event
from gatekeeper.tools.shared.record import MOUNTED, Directory, Place, Table, Tool


def _event(name: object, finished: object, rolled_back: object, _: object) -> Event | None:
    """A row per attempt, written before it begins (apply_migrations.rs)."""
    told = rows.ended(values.text(name), finished) or Doubtful(f"{name} has started and not finished", str(name))
    return None if values.or_none(values.instant, rolled_back) else told


def _place(left: Mapping[str, str]) -> Place:
    """The URL's `schema`, else public (sql_migration_persistence.rs); it is read by its bare name."""
    return Place(left.get("schema"))


TOOL = Tool(
    name="prisma",
    table=Table(
        "_prisma_migrations",
        ("migration_name", "finished_at", "rolled_back_at", "started_at"),
        rows.each(_event),
        "started_at",
    ),
    also=("applied_steps_count", "checksum"),
    schemas=("public",),
    reads_bare_name=True,
    search_path=("schema",),
    quotes_search_path=True,
    place=_place,
    revision=revisions.stem,
    example="20240102030405_add_stock",
    order=revisions.by_text,
    lock_keys=locks.keys(72707369),
    lock_names=locks.names("prisma_migrate"),
    tells_failure=True,
    repair="repair the schema, run `prisma migrate resolve`, then deploy again",
    directory=Directory(
        "20240102030405_add_stock/migration.sql",
        layouts.in_folders,  # packages/migrate/src/utils/listMigrations.ts
        files=r"([^/]+)/migration\.sql",
        passed=MOUNTED,
        follows=False,
        signs=((r"migration_lock\.toml", ""),),
        looks=r"[^/]+/migration\.sql",
    ),
)
