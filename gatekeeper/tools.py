"""The migration tools: for each, one record of the tables it keeps and how their rows are to be read.

Adding a tool means adding a record to TOOLS. A record's functions are pure. Whatever they cannot understand they raise
as ValueError: for a revision as the user wrote it that is exit code 2, for a row that is Waiting. A user may write a
revision in many ways; a row counts only as the tool itself writes it.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from gatekeeper import revisions
from gatekeeper.history import Applied, Doubtful, Event, Failed, Locked, Order, UpTo

_Value = TypeVar("_Value")
Row = tuple[Any, ...]
Events = Callable[[Iterable[Row]], Iterable[Event]]
"""Rows in the order that the table says -> what they tell."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a tool keeps, and what is read of it."""

    name: str
    """As the database's catalog spells it; `{}` stands for the history table's name, which users may change."""
    columns: tuple[str, ...]
    """What is read, in this order."""
    events: Events
    order_by: str = ""
    optional: tuple[str, ...] = ()
    """Those of the columns that old releases of the tool do not make: they are then read as None."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What is to be known of a migration tool."""

    name: str
    table: Table
    """The history. A table that lacks one of its columns is another tool's."""
    revision: Callable[[str], str]
    """A revision as the user writes it -> its normal form."""
    example: str
    also: tuple[str, ...] = ()
    """Further columns by which the table is told from other tools'."""
    beside: tuple[Table, ...] = ()
    """Further tables of the history, in the same schema, read if they exist."""
    lock_table: Table | None = None
    """Where a run says that it is on, and a killed one still does: told to people, never waited for."""
    companion: str = ""
    """A table that lies beside, without which the history may be another tool's."""
    schemas: tuple[str, ...] = ("",)
    """PostgreSQL: where the tool makes the table, in the order in which to look; "" is the search path."""
    database: str = ""
    """MySQL: the database in which the tool makes the table, if not the one that is connected to."""
    order: Order | None = None
    heads: bool = False
    """Whether the table lists only the current heads of a graph."""
    lock_keys: Callable[[str, str, str], tuple[int, ...]] | None = None
    """Schema, table, database -> keys of the PostgreSQL advisory lock that it may hold while it migrates."""
    lock_names: Callable[[str, str], tuple[str, ...]] | None = None
    """Database, table -> names of the MySQL lock that it may hold while it migrates."""
    lock_is_sure: bool = True
    """Whether every run takes that lock, so that a free one means that nobody migrates."""
    tells_failure: bool = False
    """Whether its history shows that a migration has failed."""
    repair: str = "repair it, then run the migration again"
    files: str = ""
    """Pattern of a migration's path in its directory, as far as names tell it all; group 1 is its revision."""
    unprovable: str = ""
    """Why its history proves nothing, unless the user knows better."""

    @property
    def signature(self) -> frozenset[str]:
        """Return the columns by which its table is known."""
        return frozenset({*self.table.columns, *self.also}) - frozenset(self.table.optional)


# -- values -------------------------------------------------------------------------------------------------------


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > 64:
        raise ValueError(f"{value!r} is not an integer")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, int) or value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def _digits(value: object) -> str:
    if not re.fullmatch(revisions.DIGITS, text := _text(value), re.ASCII):
        raise ValueError(f"{value!r} is not digits")
    return text


def _instant(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is not an instant")
    return value


def _or_none(kind: Callable[[object], _Value], value: object) -> _Value | None:
    return None if value is None else kind(value)


def _text_or_number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is neither text nor a whole number, cast it to text")
    return str(value)


# -- rows -> events -----------------------------------------------------------------------------------------------


def _each(event: Callable[..., Event | None]) -> Events:
    """Read each row by itself."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        return (told for row in rows if (told := event(*row)) is not None)

    return events


def _applied(name: Callable[[object], str] = _text) -> Events:
    """One row per applied migration, whose first column is its name."""
    return _each(lambda value, *_: Applied(name(value)))


_applied_stem = _applied(lambda value: revisions.stem(_text(value)))
_applied_number = _each(lambda number, *_: Applied(str(_integer(number))))
_applied_in_app = _each(lambda app, name, *_: Applied(f"{_text(app)}.{_text(name)}"))


def _single(event: Callable[..., Event | None]) -> Events:
    """Read the one row of a history that keeps only the current version."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        for index, row in enumerate(rows):
            if index:
                raise ValueError("there are several rows where the tool keeps one")
            if (told := event(*row)) is not None:
                yield told

    return events


def _golang_migrate(version: object, dirty: object) -> Event | None:
    """Dirty from before a migration begins until it succeeded (migrate.go); -1 is left by a failed first down."""
    if _flag(dirty):
        return Doubtful(f"version {_integer(version)} is marked dirty")
    return UpTo(str(version)) if _integer(version) >= 0 else None


def _tern(version: object) -> Event | None:
    """0 before the first migration (migrate/migrate.go)."""
    return UpTo(str(version)) if _integer(version) > 0 else None


def _goose(rows: Iterable[Row]) -> Iterator[Event]:
    """A log: the newest row of a version tells whether it is applied (goose's internal/dialects); row 0 is none.

    Old releases appended a row with is_applied=false for a down; new ones delete the row.
    """
    state = {_integer(version): _flag(applied) for version, applied, _ in rows}
    return (Applied(str(version)) for version, applied in state.items() if applied and version > 0)


def _atlas(version: object, kind: object, applied: object, total: object, error: object) -> Iterator[Event]:
    """`kind` is made of bits: 1 baseline, 2 executed, 4 resolved by hand (ent/schema/revision.go).

    What was resolved by hand keeps its error. The row is written ahead of the statements and counts them, which can be
    seen outside of a transaction.
    """
    name, fault = revisions.word(_text(version)), _or_none(_text, error)
    if not (0 <= _integer(kind) < 8 and 0 <= _integer(applied) <= _integer(total)):
        raise ValueError(f"type {kind} with {applied} of {total} statements applied is not understood")
    if name.startswith("."):  # Atlas's note of a cloud project
        return
    if _integer(kind) & 4:
        yield Applied(name)
    elif fault:
        yield Failed(f"{name} ({fault})")
    elif _integer(applied) < _integer(total):
        yield Doubtful(f"{name} has {applied} of {total} statements applied")
    else:
        yield Applied(name)
    if _integer(kind) & 1:
        yield UpTo(name)


def _flyway(rows: Iterable[Row]) -> Iterator[Event]:
    """A log of events by installed_rank (Flyway's MigrationInfoServiceImpl).

    The schema marker has no version. DELETE takes back the newest row of its version or script, an undo un-applies it,
    a baseline stands for everything up to it. `repair` deletes the row of what failed. A repeatable migration is known
    by its script, and applied in the form whose checksum its newest row has; those in Java mostly have none.
    """
    applied: dict[str, tuple[Event, ...]] = {}
    for version, kind, script, checksum, success, _ in rows:
        name, known = _flyway_name(version, script), _or_none(_integer, checksum)
        if not _flag(success):
            yield Failed(str(script))
        elif _text(kind) == "DELETE" or kind.startswith("UNDO_"):
            applied.pop(name, None)
        elif version is not None and kind in _FLYWAY_BASELINES:
            yield UpTo(name)
        elif kind not in _FLYWAY_MIGRATIONS:
            if (version, kind) != (None, "SCHEMA"):
                raise ValueError(f"{script} is of the type {kind}, which is not understood")
        elif version is not None:
            applied[name] = (Applied(name),)
        elif name.startswith("R__") and known is not None:
            applied[name] = (Applied(name), Applied(f"{name} with checksum {known}"))
    for events in applied.values():
        yield from events


_FLYWAY_MIGRATIONS = ("SQL", "JDBC", "SPRING_JDBC", "SCRIPT", "CUSTOM")
_FLYWAY_BASELINES = ("BASELINE", "SQL_BASELINE", "JDBC_BASELINE", "SCRIPT_BASELINE")
"""Types of rows (CoreMigrationType.java)."""


def _flyway_name(version: object, script: object) -> str:
    """Return the version in normal form, or the name of a repeatable migration's script."""
    file = _text(script).rpartition("/")[2]
    if version is None:
        return revisions.stem(file)
    if not re.fullmatch(r"\d+(?:\.\d+)*", text := _text(version)):
        raise ValueError(f"{version!r} is not a version")
    return revisions.dotted(text)


def _liquibase(
    identity: object, author: object, filename: object, kind: object, tag: object, _: object
) -> Iterator[Event]:
    """What failed or was filtered out has no row (changelog/visitor/UpdateVisitor.java)."""
    parts, label = (_text(filename), _text(identity), _text(author)), _or_none(_text, tag)
    if _text(kind) in ("EXECUTED", "RERAN", "MARK_RAN"):
        if all(parts) and not any("::" in part for part in parts):  # else no --revision means it
            yield Applied(revisions.liquibase("::".join(parts)))
        if label is not None:
            yield Applied(f"tag:{label}")


def _prisma(name: object, finished: object, rolled_back: object, _: object) -> Event | None:
    """A row per attempt, written before it begins (apply_migrations.rs)."""
    told = _ended(_text(name), finished) or Doubtful(f"{name} has started and not finished")
    return None if _or_none(_instant, rolled_back) else told


def _ended(name: str, at: object) -> Applied | None:
    """Return that a migration is applied, if there is an instant at which it ended."""
    return Applied(name) if _or_none(_instant, at) else None


def _doctrine(name: object) -> Iterator[Event]:
    """Known by its class, with and without the namespace."""
    if not re.fullmatch(r"(?:[^\W\d]\w*\\)*[^\W\d]\w*", text := _text(name)):
        raise ValueError(f"{name!r} is not a PHP class")
    yield Applied(text)
    yield Applied(text.rpartition("\\")[2])


def _drizzle(created_at: object, name: object) -> Iterator[Event]:
    """Known by the journal's instant in 0.x, by the folder's name since 1.0."""
    yield Applied(str(_integer(created_at)))
    if name is not None:
        yield Applied(_text(name))


def _sqlx(version: object, success: object) -> Event:
    """MySQL commits a row without success before the migration; its command line takes no lock (migrate.rs)."""
    number = str(_integer(version))
    return Applied(number) if _flag(success) else Doubtful(f"{number} is marked unsuccessful")


def _sqitch(project: object, change: object, identity: object, _: object) -> Iterator[Event]:
    if not re.fullmatch("[0-9a-f]{40}", _text(identity)) or _text(change).startswith("@"):
        raise ValueError(f"{change!r} with the id {identity!r} is not a change")
    yield Applied(f"{_text(project)}:{change}")
    yield Applied(str(identity))


def _sqitch_tag(project: object, tag: object) -> Event:
    if not _text(tag).startswith("@"):
        raise ValueError(f"{tag!r} is not a tag")
    return Applied(f"{_text(project)}:{tag}")


def _sqitch_failures(rows: Iterable[Row]) -> Iterator[Event]:
    """The newest failure of a project, unless a deploy came after it: sqitch goes on only past what it has mended.

    A run that fails reverts what it had deployed, so its newest event is seldom the failure. What an earlier run has
    deployed stands.
    """
    failed: dict[str, tuple[str, str]] = {}
    for event, *what, _ in rows:
        project, change, identity = map(_text, what)
        if event == "fail":
            failed[project] = (change, identity)
        elif event == "deploy":
            failed.pop(project, None)
        elif event not in ("revert", "merge"):
            raise ValueError(f"{event!r} is not an event")
    for project, (change, identity) in failed.items():
        for run in (f"{project}:", identity):
            yield Failed(f"{project}:{change}", run)


def _pgroll(schema: object, name: object, done: object, _: object) -> Event:
    """Old and new code run side by side until a migration is complete, so one that is not holds back no other."""
    revision = f"{_text(schema)}.{_text(name)}"
    return Applied(revision) if _flag(done) else Doubtful(f"{revision} is started and not complete", run=f"{schema}.")


def _many(events: Callable[..., Iterator[Event]]) -> Events:
    """Read each row by itself, when it may tell several things."""
    return lambda rows: (event for row in rows for event in events(*row))


def _locked(table: str, owner: Callable[..., str]) -> Events:
    """Rows of which the first column tells whether the lock is held."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        return (Locked(f"{table} is held{owner(*row[1:])}") for row in rows if row[0] not in (None, 0, False))

    return events


def _by(*words: str) -> Callable[..., str]:
    """Return a function that puts each value after its word, if there is one."""

    def text(*values: object) -> str:
        return "".join(
            f" {word} {value.isoformat(' ', 'seconds') if hasattr(value, 'isoformat') else value}"
            for word, value in zip(words, values, strict=True)
            if value is not None
        )

    return text


# -- locks --------------------------------------------------------------------------------------------------------


def _keys(*keys: int) -> Callable[[str, str, str], tuple[int, ...]]:
    return lambda _schema, _table, _database: keys


def _names(*names: str) -> Callable[[str, str], tuple[str, ...]]:
    return lambda _database, _table: names


def _of_database(factor: int) -> Callable[[str, str, str], tuple[int, ...]]:
    return lambda _schema, _table, database: (factor * zlib.crc32(database.encode()),)


def _golang_migrate_keys(schema: str, table: str, database: str) -> tuple[int, ...]:
    """database/util.go, GenerateAdvisoryLockId. Opened by URL, its database name is the URL's path with the slash.

    Before v4.15.0 the key left out the table.
    """
    names = [
        "\0".join(parts) for name in (database, f"/{database}") for parts in ((schema, table, name), (schema, name))
    ]
    return tuple(_golang_migrate_key(name) for name in names)


def _golang_migrate_key(name: str) -> int:
    return zlib.crc32(name.encode()) * 1486364155 % 2**32


def _java_hash(text: str) -> int:
    """Java's String.hashCode, signed."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) % 2**32
    return value - 2**32 if value >= 2**31 else value


# -- the records --------------------------------------------------------------------------------------------------

_SCRIPTS = "co|coffee|eg|iced|js|cjs|mjs|litcoffee|ls|ts|cts|mts"

_RECORDS = (
    Tool(
        name="aerich",
        table=Table(
            "aerich",
            ("app", "version", "id"),
            _each(lambda app, name, _: Applied(f"{_text(app)}.{_text(name).removesuffix('.py')}")),
            "id",
        ),
        also=("content",),
        revision=revisions.aerich,
        example="models.3_20240102030405_add_stock",
    ),
    Tool(
        name="alembic",
        table=Table("alembic_version", ("version_num",), _applied()),
        revision=revisions.word,
        example="ae1027a6acf2",
        heads=True,
    ),
    Tool(
        name="atlas",
        table=Table(
            "atlas_schema_revisions", ("version", "type", "applied", "total", "error"), _many(_atlas), "version"
        ),
        also=("hash", "operator_version"),
        schemas=("", "atlas_schema_revisions"),
        revision=revisions.before_underscore,
        example="20240102030405",
        order=revisions.by_text,
        lock_keys=_keys(2686470616),
        lock_names=_names("atlas_migrate_execute"),
        tells_failure=True,
        repair="repair the schema, then run `atlas migrate apply` again, or `atlas migrate set VERSION`",
    ),
    Tool(
        name="bun",
        table=Table("bun_migrations", ("name", "id"), _applied(_digits), "id"),
        also=("group_id", "migrated_at"),
        lock_table=Table("bun_migration_locks", ("id", "table_name"), _locked("bun_migration_locks", _by("for"))),
        revision=revisions.digits,
        example="20240102030405",
        order=int,
        files=r"(\d{1,14}_[0-9a-z_-]+)\..*",
        unprovable="bun records a migration before it runs, and keeps the row when it fails; write "
        "migrate.NewMigrator(db, migrations, migrate.WithMarkAppliedOnSuccess(true)), then say so with --trust-history",
    ),
    Tool(
        name="dbmate",
        table=Table("schema_migrations", ("version",), _applied(), "version"),
        revision=revisions.digits,
        example="20240102030405",
        order=revisions.by_text,
        files=r"(\d+[^/]*)\.sql",
    ),
    Tool(
        name="dbup",
        table=Table("schemaversions", ("scriptname", "applied"), _applied_stem, "applied"),
        revision=revisions.stem,
        example="MyApp.Scripts.003_stock",
    ),
    Tool(
        name="diesel",
        table=Table("__diesel_schema_migrations", ("version",), _applied(), "version"),
        also=("run_on",),
        revision=revisions.undashed,
        example="20240102030405",
        order=revisions.by_text,
        files=r"([^/.][^/]*)/up\.sql",
    ),
    Tool(
        name="django",
        table=Table("django_migrations", ("app", "name", "id"), _applied_in_app, "id"),
        also=("applied",),
        revision=revisions.in_app,
        example="shop.0002_stock",
    ),
    Tool(
        name="doctrine",
        table=Table(
            "doctrine_migration_versions",
            ("version",),
            _many(_doctrine),
            "version",
        ),
        also=("executed_at", "execution_time"),
        revision=revisions.doctrine,
        example="DoctrineMigrations\\Version20240102030405",
        order=revisions.by_leading_number(r"(\d+)\w*$"),
    ),
    Tool(
        name="drizzle",
        table=Table("__drizzle_migrations", ("created_at", "name"), _many(_drizzle), "id", optional=("name",)),
        also=("id", "hash"),
        schemas=("drizzle",),
        revision=revisions.word,
        example="1700000000000",
    ),
    Tool(
        name="ecto",
        table=Table("schema_migrations", ("version",), _applied_number, "version"),
        also=("inserted_at",),
        revision=revisions.number,
        example="20240102030405",
        order=int,
        files=r"(?:.*/)?(\d+_[^/]*)\.exs",
    ),
    Tool(
        name="ef-core",
        table=Table("__EFMigrationsHistory", ("MigrationId",), _applied(), "MigrationId"),
        also=("ProductVersion",),
        revision=revisions.stem,
        example="20240102030405_AddStock",
        order=revisions.by_text,
        files=r"(?:.*/)?(\d{14}_[^/.]+)\.cs",
    ),
    Tool(
        name="flyway",
        table=Table(
            "flyway_schema_history",
            ("version", "type", "script", "checksum", "success", "installed_rank"),
            _flyway,
            "installed_rank",
        ),
        revision=revisions.dotted,
        example="1.2",
        order=revisions.by_dots,
        lock_keys=lambda schema, table, _: (77431708279161 + _java_hash(f'"{schema}"."{table}"'),),
        lock_names=lambda database, table: (f"Flyway-{_java_hash(f'`{database}`.`{table}`')}",),
        tells_failure=True,
        repair="repair the schema, run `flyway repair`, then migrate again",
    ),
    Tool(
        name="golang-migrate",
        table=Table("schema_migrations", ("version", "dirty"), _single(_golang_migrate)),
        revision=revisions.number,
        example="20240102030405",
        order=int,
        lock_keys=_golang_migrate_keys,
        lock_names=lambda database, table: (str(_golang_migrate_key(f"{database}:{table}")),),
        tells_failure=True,
        repair="repair the schema, run `migrate force VERSION`, then migrate again",
        files=r"(\d+_[^/]*)\.(?:down|up)\.[^/]*",
    ),
    Tool(
        name="goose",
        table=Table("goose_db_version", ("version_id", "is_applied", "id"), _goose, "id"),
        also=("tstamp",),
        lock_table=Table("goose_lock", ("locked", "locked_by", "locked_at"), _locked("goose_lock", _by("by", "since"))),
        revision=revisions.number,
        example="20240102030405",
        order=int,
        lock_keys=_keys(4097083626),
        files=r"(?!.*_test\.go)(\d+_[^/]*)\.(?:sql|go)",
    ),
    Tool(
        name="gormigrate",
        table=Table("migrations", ("id",), _applied(), "id"),
        revision=revisions.word,
        example="20240102030405",
    ),
    Tool(
        name="knex",
        table=Table("knex_migrations", ("name", "id"), _applied_stem, "id"),
        also=("batch", "migration_time"),
        lock_table=Table("{}_lock", ("is_locked",), _locked("knex_migrations_lock", _by())),
        revision=revisions.stem,
        example="20240102030405_add_stock",
        order=revisions.by_text,
        files=rf"(?!.*\.d\.ts)([^/.][^/]*)\.(?:{_SCRIPTS})",
    ),
    Tool(
        name="kysely",
        table=Table("kysely_migration", ("name",), _applied_stem, "name"),
        also=("timestamp",),
        revision=revisions.stem,
        example="20240102030405_add_stock",
        order=revisions.by_text,
        lock_keys=_keys(3853314791062309107),
        lock_names=_names("ea586330-2c93-47c8-908d-981d9d270f9d"),
        files=r"(?!.*\.d\.m?ts)([^/.][^/]*)\.(?:js|ts|mjs|mts)",
    ),
    Tool(
        name="laravel",
        table=Table("migrations", ("migration", "id"), _applied(), "id"),
        also=("batch",),
        revision=revisions.stem,
        example="2024_01_02_030405_add_stock",
        order=revisions.by_text,
        files=r"([^/]*_[^/]*)\.php",
    ),
    Tool(
        name="liquibase",
        table=Table(
            "databasechangelog",
            ("id", "author", "filename", "exectype", "tag", "orderexecuted"),
            _many(_liquibase),
            "orderexecuted",
        ),
        also=("md5sum", "dateexecuted"),
        lock_table=Table(
            "{}lock",
            ("locked", "lockedby", "lockgranted"),
            _locked("databasechangeloglock", _by("by", "since")),
        ),
        revision=revisions.liquibase,
        example="db/changelog/003.sql::3::me",
    ),
    Tool(
        name="mikro-orm",
        table=Table("mikro_orm_migrations", ("name", "id"), _applied_stem, "id"),
        also=("executed_at",),
        revision=revisions.stem,
        example="Migration20240102030405",
        order=revisions.by_text,
        files=r"(?!.*\.d\.[cm]?ts)([^/.][^/]*)\.(?:js|ts|cjs)",
    ),
    Tool(
        name="node-pg-migrate",
        table=Table("pgmigrations", ("name", "id"), _applied_stem, "id"),
        also=("run_on",),
        revision=revisions.stem,
        example="1700000000000_add-stock",
        order=revisions.by_leading_number(r"^(\d+)"),
        lock_keys=_keys(7241865325823964),
        files=rf"([^/.][^/]*)\.(?:{_SCRIPTS}|sql)",
    ),
    Tool(
        name="pgroll",
        table=Table("migrations", ("schema", "name", "done", "created_at"), _each(_pgroll), "created_at"),
        also=("parent", "migration"),
        schemas=("pgroll",),
        revision=revisions.pgroll,
        example="public.03_add_stock",
        repair="run `pgroll complete`, which the gate awaits, or `pgroll rollback`; to start an app before that, write "
        '--tool query --query "SELECT name FROM pgroll.migrations"',
        files=r"([^/.][^/]*)\.(?:json|ya?ml)",
    ),
    Tool(
        name="phinx",
        table=Table(
            "phinxlog",
            ("version", "end_time"),
            _each(lambda version, ended: _ended(str(_integer(version)), ended)),
            "version",
        ),
        also=("migration_name", "start_time"),
        revision=revisions.number,
        example="20240102030405",
        order=int,
        files=r"(?i:(\d+_[a-z][a-z\d]*(?:_[a-z\d]+)*|\d{14})\.php)",
    ),
    Tool(
        name="prisma",
        table=Table(
            "_prisma_migrations",
            ("migration_name", "finished_at", "rolled_back_at", "started_at"),
            _each(_prisma),
            "started_at",
        ),
        also=("applied_steps_count", "checksum"),
        revision=revisions.stem,
        example="20240102030405_add_stock",
        order=revisions.by_text,
        lock_keys=_keys(72707369),
        lock_names=_names("prisma_migrate"),
        tells_failure=True,
        repair="repair the schema, run `prisma migrate resolve`, then deploy again",
        files=r"([^/]+)/migration\.sql",
    ),
    Tool(
        name="rails",
        table=Table("schema_migrations", ("version",), _applied(lambda value: str(int(_digits(value)))), "version"),
        companion="ar_internal_metadata",
        revision=revisions.number,
        example="20240102030405",
        order=int,
        lock_keys=_of_database(2053462845),
        lock_names=lambda database, _: (str(2053462845 * zlib.crc32(database.encode())),),
        lock_is_sure=False,
        files=r"(?:.*/)?(\d+_[_a-z0-9]*)\.?[_a-z0-9]*\.rb",
    ),
    Tool(
        name="refinery",
        table=Table("refinery_schema_history", ("version",), _applied_number, "version"),
        also=("name", "applied_on", "checksum"),
        revision=revisions.versioned,
        example="3",
        order=int,
        files=r"(?:.*/)?([VU]\d+(?:\.\d+)?__\w+)\.(?:rs|sql)",
    ),
    Tool(
        name="sea-orm",
        table=Table("seaql_migrations", ("version",), _applied_stem, "version"),
        also=("applied_at",),
        revision=revisions.stem,
        example="m20240102_000003_add_stock",
        order=revisions.by_text,
        files=r"(m\d{8}_\d{6}_\w+)\.rs",
    ),
    Tool(
        name="sequelize",
        table=Table("SequelizeMeta", ("name",), _applied_stem, "name"),
        revision=revisions.stem,
        example="20240102030405-add-stock",
        order=revisions.by_text,
        files=r"(?!.*\.d\.ts)([^/.][^/]*)\.(?:cjs|js|cts|ts)",
    ),
    Tool(
        name="sql-migrate",
        table=Table("gorp_migrations", ("id",), _applied_stem, "id"),
        also=("applied_at",),
        revision=revisions.stem,
        example="3_add_stock",
        order=revisions.by_leading_number(r"^(\d+)"),
        files=r"([^/.][^/]*)\.sql",
    ),
    Tool(
        name="sqitch",
        table=Table("changes", ("project", "change", "change_id", "committed_at"), _many(_sqitch), "committed_at"),
        also=("planned_at",),
        beside=(
            Table("tags", ("project", "tag"), _each(_sqitch_tag)),
            Table(
                "events", ("event", "project", "change", "change_id", "committed_at"), _sqitch_failures, "committed_at"
            ),
        ),
        schemas=("sqitch",),
        database="sqitch",
        revision=revisions.sqitch,
        example="shop:@v1.2",
        lock_keys=_keys(75474063),
        lock_names=lambda database, _: (f"sqitch working on {database}",),
        tells_failure=True,
        repair="mend the change, then run `sqitch deploy` again",
    ),
    Tool(
        name="sqlx",
        table=Table("_sqlx_migrations", ("version", "success"), _each(_sqlx), "version"),
        also=("installed_on", "execution_time"),
        revision=revisions.number,
        example="20240102030405",
        order=int,
        lock_keys=_of_database(0x3D32AD9E),
        lock_names=lambda database, _: (f"{0x3D32AD9E * zlib.crc32(database.encode()):x}",),
        lock_is_sure=False,
        repair="repair the schema, delete the row, then run the migration again",
        files=r"(\d+_[^/]*)(?<!\.down)\.sql",
    ),
    Tool(
        name="tern",
        table=Table("schema_version", ("version",), _single(_tern)),
        schemas=("public",),
        revision=revisions.number,
        example="3",
        order=int,
        lock_keys=_keys(9628173550095224),
        files=r"(\d+_[^/]+)\.sql",
    ),
    Tool(
        name="tortoise",
        table=Table("tortoise_migrations", ("app", "name", "id"), _applied_in_app, "id"),
        also=("applied_at",),
        revision=revisions.in_app,
        example="shop.0002_stock",
    ),
    Tool(
        name="typeorm",
        table=Table("migrations", ("name", "timestamp"), _applied(), "timestamp"),
        also=("id",),
        revision=revisions.typeorm,
        example="AddStock1700000000000",
        order=revisions.by_leading_number(r"(\d{13})$"),
    ),
    Tool(
        name="yoyo",
        table=Table(
            "_yoyo_migration",
            ("migration_id",),
            _each(lambda name: None if name is None else Applied(_text(name))),
            "migration_id",
        ),
        also=("migration_hash", "applied_at_utc"),
        lock_table=Table("yoyo_lock", ("locked", "pid", "ctime"), _locked("yoyo_lock", _by("by pid", "since"))),
        revision=revisions.stem,
        example="0003.add-stock",
        files=r"(?!post-apply)(?!.*\.rollback\.sql)([^/.][^/]*)\.(?:py|sql)",
    ),
)

TOOLS = {tool.name: tool for tool in _RECORDS}
"""By the name that --tool takes."""

HOME_GROWN = ("table", "query")
"""Histories of one's own: any column with a row per applied revision, any query that returns such a column."""


def home_grown(name: str, table: str = "", column: str = "") -> Tool:
    """Return the record of a history that is no tool's."""
    return Tool(
        name=name,
        table=Table(table, (column,) if column else (), _each(lambda revision: Applied(_text_or_number(revision)))),
        revision=revisions.word,
        example="2024-05-add-stock",
    )


def owners(table: str, columns: Iterable[str], companions: Iterable[str]) -> set[str]:
    """Return the tools whose history a table may be, by its columns and by what lies beside it.

    Tables of one name are many tools' (`schema_migrations`, `migrations`), so the record that accounts for the most
    columns wins, and then the one with a companion, which counts only beside a table of the tool's own name.
    """
    there, beside = set(columns), set(companions)
    claims = {
        tool.name: (len(tool.signature), bool(tool.companion))
        for tool in _RECORDS
        if tool.signature <= there and (not tool.companion or (table == tool.table.name and tool.companion in beside))
    }
    most = max(claims.values(), default=None)
    return {name for name, claim in claims.items() if claim == most}
