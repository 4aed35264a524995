"""Flyway: a log of versions, baselines, undos, repeatable migrations and failures."""

import re
import zlib
from collections.abc import Iterable, Iterator

from gatekeeper.tools.shared import layouts, revisions, values
from gatekeeper.tools.shared.events import Applied, Event, Failed, UpTo
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Row, Table, Tool

_MIGRATIONS = ("SQL", "JDBC", "SPRING_JDBC", "SCRIPT", "CUSTOM")
_BASELINES = ("BASELINE", "SQL_BASELINE", "JDBC_BASELINE", "SCRIPT_BASELINE")
"""Types of rows (CoreMigrationType.java)."""
_CLASSES = ("java", "kt", "class")
_PROGRAMS = (*_CLASSES, "ps1", "bat", "cmd", "sh", "bash", "py")
"""The extensions of migrations that are none in SQL; what has none is run too (ScriptMigrationResolver.java)."""


def revision(text: str) -> str:
    """`1.2`, `001.2`, `1_2`, `V1.2__add_users.sql`, `1.2.0` -> `1.2`, as Flyway's MigrationVersion compares.

    A repeatable migration, `R__views.sql`, is `R__views`.
    """
    if text.startswith("R__"):
        return revisions.stem(text)
    found = re.fullmatch(rf"[VB]?({revisions.DIGITS}([._]{revisions.DIGITS})*)(__.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is a version of numbers and dots")
    parts = [str(int(part)) for part in re.split("[._]", found[1])]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)


def order(revision: str) -> tuple[int, ...] | None:
    """Order of what `revision` gives; a repeatable migration has no place."""
    return None if revision.startswith("R__") else tuple(int(part) for part in revision.split("."))


def _events(rows: Iterable[Row]) -> Iterator[Event]:
    """A log of events by installed_rank (Flyway's MigrationInfoServiceImpl).

    The schema marker has no version. DELETE takes back the newest row of its version or script, an undo un-applies it,
    a baseline stands for everything up to it. `repair` deletes the row of what failed. A repeatable migration is known
    by its script, and applied in the form whose checksum its newest row has; those in Java mostly have none.
    """
    applied: dict[str, tuple[Event, ...]] = {}
    for version, type_, script, checksum, success, _ in rows:
        kind = values.text(type_)
        name, known = _name(version, script), values.or_none(values.integer, checksum)
        if not values.flag(success):
            yield Failed(str(script), name)
        elif kind == "DELETE" or kind.startswith("UNDO_"):
            applied.pop(name, None)
        elif version is not None and kind in _BASELINES:
            yield UpTo(name)
        elif kind not in _MIGRATIONS:
            if (version, kind) != (None, "SCHEMA"):
                raise ValueError(f"{script} is of the type {kind}, which is not understood")
        elif version is not None:
            applied[name] = (Applied(name),)
        elif name.startswith("R__") and known is not None:
            applied[name] = (Applied(name), Applied(f"{name} with checksum {known}"))
    for events in applied.values():
        yield from events


def _name(version: object, script: object) -> str:
    """Return the version in normal form, or the name of a repeatable migration's script."""
    file = values.text(script).rpartition("/")[2]
    if version is None:
        return revisions.stem(file)
    if not re.fullmatch(r"\d+(?:\.\d+)*", text := values.text(version)):
        raise ValueError(f"{version!r} is not a version")
    return revision(text)


def _java_hash(text: str) -> int:
    """Java's String.hashCode, signed."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) % 2**32
    return value - 2**32 if value >= 2**31 else value


def _read(tool: Tool, folder: Folder) -> Found:
    """Versions, of which a baseline's is wanted only if none follows it, and repeatable migrations as they are now.

    What is a program carries its version in its name too, but not its checksum. Undo migrations are not wanted.
    """
    named: dict[str, list[tuple[str, str]]] = {"V": [], "B": [], "R": []}
    for path in folder:
        full_name = path.rpartition("/")[2]
        name, dot, extension = full_name.rpartition(".")
        language, name = extension.lower(), name if dot else extension
        file = re.fullmatch(r"([VB])\d+(?:[._]\d+)*(?:__.*)?|(R)__.*", name)
        is_sql, is_inner = language == "sql", "$" in name and language in _CLASSES
        if not file or is_inner or (dot and not is_sql and language not in _PROGRAMS):
            continue
        if file[1]:
            named[file[1]].append((name, path))
        elif is_sql:
            named["R"].append((revisions.stem(full_name), path))
        else:
            raise ValueError(
                f"{path} is repeatable and a program, so that only Flyway knows whether it has run as it is now; "
                "give --revision instead"
            )
    for migrations in named.values():  # a class and what it is made of are one
        layouts.each_once((name, path) for name, path in migrations if path.rpartition(".")[2] not in _CLASSES)
    versions, baselines, repeatable = (layouts.ordered(tool, named[kind]).revisions for kind in "VBR")
    last = [revision for revision in baselines[-1:] if not versions or _is_before(tool, versions[-1], revision)]
    paths = dict(named["R"])
    now = tuple(f"{name} with checksum {_checksum(paths[name], folder[paths[name]])}" for name in repeatable)
    return Found((*now, *versions, *last), (*versions, *last)[-1:] or now)


def _is_before(tool: Tool, revision: str, other: str) -> bool:
    return bool(tool.order and tool.order(revision) < tool.order(other))


def _checksum(path: str, text: str) -> int:
    """CRC-32 of the lines without their ends, signed (ChecksumCalculator.java), after placeholders are replaced."""
    if "${" in text:
        raise ValueError(f"{path} has placeholders, and so a checksum that only Flyway knows; give --revision instead")
    checksum = zlib.crc32(re.sub(r"[\r\n]", "", text).encode())
    return checksum - 2**32 if checksum >= 2**31 else checksum


TOOL = Tool(
    name="flyway",
    table=Table(
        "flyway_schema_history",
        ("version", "type", "script", "checksum", "success", "installed_rank"),
        _events,
        "installed_rank",
    ),
    schemas=(CURRENT,),
    revision=revision,
    example="1.2",
    order=order,
    lock_keys=lambda schema, table, _: (77431708279161 + _java_hash(f'"{schema}"."{table}"'),),
    lock_names=lambda database, table: (f"Flyway-{_java_hash(f'`{database}`.`{table}`')}",),
    tells_failure=True,
    repair="repair the schema, run `flyway repair`, then migrate again",
    directory=Directory(
        "V1.2__add_stock.sql",
        _read,
        passed=r"\..*",
        looks=r"(.*/)?([VB]\d+([._]\d+)*|R)__[^/]*\.(sql|java|kt|class)",
    ),
)
