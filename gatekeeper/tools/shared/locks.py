"""The locks under which tools migrate: keys of PostgreSQL's advisory locks, names of MySQL's.

PostgreSQL: schema, table, database -> keys. MySQL: database, table -> names.
"""

import zlib
from collections.abc import Callable


def keys(*numbers: int) -> Callable[[str, str, str], tuple[int, ...]]:
    """Return the same keys everywhere."""
    return lambda _schema, _table, _database: numbers


def names(*texts: str) -> Callable[[str, str], tuple[str, ...]]:
    """Return the same names everywhere."""
    return lambda _database, _table: texts


def of_database(factor: int) -> Callable[[str, str, str], tuple[int, ...]]:
    """Return the product of a number of the tool's and the CRC-32 of the database's name."""
    return lambda _schema, _table, database: (factor * zlib.crc32(database.encode()),)
