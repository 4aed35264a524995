"""Rails: a row per migration, by its number."""

import re
import zlib

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import DRIVERS_SEARCH_PATH, Directory, Found, Table, Tool


def _read(tool: Tool, folder: Folder) -> Found:
    """Below it all, but of a folder `db` not what Rails keeps there for several databases, each in NAME_migrate."""
    named = layouts.files(tool, folder)
    for _, path in named:
        if another := re.match(r"(?:.*/)?[^/]+_migrate(?=/)", path):
            raise ValueError(
                f"{another[0]} has the migrations of a database of its own; write the folder of one, "
                "for example db/migrate"
            )
    return layouts.ordered(tool, layouts.each_once(named))


TOOL = Tool(
    name="rails",
    table=Table(
        "schema_migrations", ("version",), rows.applied(lambda value: str(int(values.digits(value)))), "version"
    ),
    has_namesake=True,
    companion="ar_internal_metadata",
    search_path=(*DRIVERS_SEARCH_PATH, "schema_order", "schema_search_path"),
    revision=revisions.number,
    example="20240102030405",
    order=int,
    lock_keys=locks.of_database(2053462845),
    lock_names=lambda database, _: (str(2053462845 * zlib.crc32(database.encode())),),
    lock_is_sure=False,
    directory=Directory(
        "20240102030405_add_stock.rb",
        _read,
        files=r"(?:.*/)?(\d+_[_a-z0-9]*)\.?[_a-z0-9]*\.rb",
        refused=r"(?:.*/)?\d[^/]*_[^/]*\.rb",
        passed=r"\..*",
        follows=False,
        signs=((r"(.*/)?\d+_[^/]*\.rb", r"< *ActiveRecord::Migration\b"),),
    ),
)
