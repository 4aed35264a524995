"""golang-migrate: one row with the current version, and whether it is dirty."""

import re
import zlib
from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.events import Doubtful, Event, Locked, UpTo
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Place, Table, Tool

_TABLE, _QUOTED = "x-migrations-table", "x-migrations-table-quoted"
_NO_LOCK, _LOCK_STRATEGY, _LOCK_TABLE = "x-no-lock", "x-lock-strategy", "x-lock-table"
"""Parameters of its drivers' URLs (database/postgres, pgx, mysql: Open)."""
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
"""What Go's strconv.ParseBool takes for true."""


def _event(version: object, dirty: object) -> Event | None:
    """Dirty from before a migration begins until it succeeded (migrate.go); -1 is left by a failed first down.

    Up, the number is the migration's own; down, that of the one below it. Either way what is below the number is
    applied, as far as one number tells, and pods that want no more serve while the next release migrates or has failed.
    """
    if values.flag(dirty):
        number = values.integer(version)
        return Doubtful(f"version {number} is marked dirty", str(number), is_current=number >= 0)
    return UpTo(str(version)) if values.integer(version) >= 0 else None


def _lock_keys(schema: str, table: str, database: str) -> tuple[int, ...]:
    """database/util.go, GenerateAdvisoryLockId. Opened by URL, its database name is the URL's path with the slash.

    Before v4.15.0 the key left out the table.
    """
    names = [
        "\0".join(parts) for name in (database, f"/{database}") for parts in ((schema, table, name), (schema, name))
    ]
    return tuple(_lock_key(name) for name in names)


def _lock_key(name: str) -> int:
    return zlib.crc32(name.encode()) * 1486364155 % 2**32


def _place(left: Mapping[str, str]) -> Place:
    """The table is a name as it is spelled; or it is quoted, and may have its schema before it."""
    table, schema = left.get(_TABLE, ""), None
    if table and left.get(_QUOTED, "") in _TRUE:
        parts = re.fullmatch(r'(?:"([^"]+)"\.)?"([^"]+)"', table)
        if not parts:
            raise ValueError(f'{_TABLE} is not quoted as {_QUOTED} says; write for example "app"."migrations"')
        schema, table = parts.groups()
    locks = left.get(_NO_LOCK, "") not in _TRUE and left.get(_LOCK_STRATEGY, "advisory") == "advisory"
    return Place(schema, table, locks, left.get(_LOCK_TABLE, ""))


def _read(tool: Tool, folder: Folder) -> Found:
    """Up and down of a version may have names of their own, and either may be missing (source/migration.go)."""
    files: dict[tuple[int, str], str] = {}
    for path in folder:
        if file := re.fullmatch(r"(\d+)_[^/]*\.(down|up)\.[^/]*", path, re.ASCII):
            key = int(file[1]), file[2]
            if files.setdefault(key, path) != path:
                raise ValueError(f"{files[key]} and {path} are both {key[0]}; give one of them another number")
    return layouts.ordered(tool, ((str(number), path) for (number, _), path in files.items()))


TOOL = Tool(
    name="golang-migrate",
    table=Table("schema_migrations", ("version", "dirty"), rows.single(_event)),
    has_namesake=True,
    schemas=(CURRENT,),
    parameters=(_TABLE, _QUOTED, _NO_LOCK, _LOCK_STRATEGY, _LOCK_TABLE),
    place=_place,
    revision=revisions.number,
    example="20240102030405",
    order=int,
    lock_table=Table("schema_lock", ("lock_id",), rows.each(lambda _: Locked("its lock table has a row"))),
    lock_keys=_lock_keys,
    lock_names=lambda database, table: (str(_lock_key(f"{database}:{table}")),),
    tells_failure=True,
    repair="repair the schema, run `migrate force VERSION`, then migrate again",
    directory=Directory(
        "000003_add_stock.up.sql", _read, files=r"(\d+_[^/]*)\.(?:down|up)\.[^/]*", looks=r"\d+_[^/]*\.up\.[^/]+"
    ),
)
