"""SQLx, for Rust: a row per migration, by its number, with whether it succeeded."""

import zlib

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Doubtful, Event
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool


def _event(version: object, success: object) -> Event:
    """MySQL commits a row without success before the migration; its command line takes no lock (migrate.rs)."""
    number = str(values.integer(version))
    return Applied(number) if values.flag(success) else Doubtful(f"{number} is marked unsuccessful", number)


TOOL = Tool(
    name="sqlx",
    table=Table("_sqlx_migrations", ("version", "success"), rows.each(_event), "version"),
    also=("installed_on", "execution_time"),
    schemas=(CURRENT,),
    revision=revisions.number,
    example="20240102030405",
    order=int,
    lock_keys=locks.of_database(0x3D32AD9E),
    lock_names=lambda database, _: (f"{0x3D32AD9E * zlib.crc32(database.encode()):x}",),
    lock_is_sure=False,
    directory=Directory(
        "20240102030405_add_stock.sql",
        layouts.plain,
        files=r"(\d+_[^/]*)(?<!\.down)\.sql",
        refused=r"(?!\d+_)[^/]*_[^/]*\.sql",
        looks=r"\d+_[^/]*(?<!\.down)\.sql",
    ),
)
