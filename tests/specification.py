"""What must be so for a gate to open: the judges' specification, for tests to hold them against.

Written from design.md §4 and §5, Kubernetes' page on Jobs and the migration tools' own sources, and not from the code:
where that folds and branches, here are tables, each line of which is true by itself. Nothing of gatekeeper is used.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jsonschema

OPEN, WAITING, SHUT = "Open", "Waiting", "Shut"
"""Names of verdicts."""


# -- a Job --------------------------------------------------------------------------------------------------------

_MARKS = {"type": ["object", "null"], "additionalProperties": {"type": "string"}}
JOB = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "required": ["kind", "metadata"],
        "properties": {
            "kind": {"const": "Job"},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "labels": _MARKS, "annotations": _MARKS},
            },
            "status": {
                "type": ["object", "null"],
                "properties": {
                    "conditions": {
                        "type": ["array", "null"],
                        "items": {
                            "type": "object",
                            "required": ["type", "status"],
                            "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
                        },
                    }
                },
            },
        },
    }
)
"""The form of a Job that can be understood, as far as it is looked at."""

JOB_TABLE: list[tuple[Mapping[str, object], str]] = [
    ({"exists": False, "if_absent": "open"}, OPEN),
    ({"exists": False, "if_absent": "fail"}, SHUT),
    ({"exists": False}, WAITING),
    ({"understood": False}, WAITING),
    ({"deleted": True}, WAITING),
    ({"required": False}, WAITING),
    ({"complete": True, "failed": True}, WAITING),
    ({"complete": True}, OPEN),
    ({"failed": True, "on_failure": "wait"}, WAITING),
    ({"failed": True}, SHUT),
    ({}, WAITING),
]
"""The first line holds whose facts are all so."""


def job_verdict(**facts: object) -> str:
    """Return the name of the verdict that a Job is to have."""
    return _first(JOB_TABLE, facts)


def job_facts(job: Any, require: Mapping[str, str]) -> dict[str, object]:
    """Return what counts of a Job."""
    if job is None or not JOB.is_valid(job):
        return {"exists": job is not None, "understood": False}
    metadata, status = job["metadata"], job.get("status") or {}
    conditions = status.get("conditions") or []
    types = [each["type"] for each in conditions]
    true = {each["type"] for each in conditions if each["status"] == "True"}
    return {
        "exists": True,
        "understood": len(types) == len(set(types)),
        "deleted": metadata.get("deletionTimestamp") is not None,
        "required": all(_is_marked(job, status, key, value) for key, value in require.items()),
        "complete": "Complete" in true,
        "failed": bool(true & {"Failed", "FailureTarget"}),
    }


def is_passed_over(job: Any, require: Mapping[str, str]) -> bool:
    """Tell whether a Job that labels match is another release's: in no way does it bear one of the marks."""
    facts = job_facts(job, {})
    marks = [job["metadata"].get(kind) or {} for kind in ("labels", "annotations")] if facts["understood"] else []
    return any(all(each.get(key) != value for each in marks) for key, value in require.items()) if marks else False


def _is_marked(job: Any, status: Any, key: str, value: str) -> bool:
    """Every mark of that name is this one, and it was there when the Job began: in the template, or by the record."""
    metadata, kinds = job["metadata"], ("labels", "annotations")
    marked = [kind for kind in kinds if key in (metadata.get(kind) or {})]
    if not marked or any(metadata[kind][key] != value for kind in marked):
        return False
    if any(_within(job, "spec", "template", "metadata", kind, key) == value for kind in kinds):
        return True
    fields = metadata.get("managedFields")
    written = [
        _within(entry, "time")
        for entry in (fields if isinstance(fields, list) else ())
        for kind in marked
        if _within(entry, "fieldsV1", "f:metadata", f"f:{kind}", f"f:{key}") is not None
    ]
    resumed = any(each["type"] == "Suspended" for each in status.get("conditions") or [])
    began = [metadata.get("creationTimestamp"), status.get("startTime") if resumed else None]
    return any(_is_instant(at) and _is_instant(start) and at <= start for at in written for start in began)


def _within(part: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(part, dict) or key not in part:
            return None
        part = part[key]
    return part


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}Z", value))


# -- a history ----------------------------------------------------------------------------------------------------

HISTORY_TABLE: list[tuple[Mapping[str, object], str]] = [
    ({"exists": False}, WAITING),
    ({"failed": True, "lock": "held"}, WAITING),
    ({"failed": True, "on_failure": "wait"}, WAITING),
    ({"failed": True}, SHUT),
    ({"doubtful": True, "lock": "free", "evidence": True, "on_failure": "exit"}, SHUT),
    ({"doubtful": True}, WAITING),
    ({"strangers": True, "if_ahead": "refuse"}, SHUT),
    ({"strangers": True, "proven": False, "if_ahead": "open"}, OPEN),
    ({"proven": False}, WAITING),
    ({"ahead": True, "if_ahead": "refuse"}, SHUT),
    ({"ahead": True, "if_ahead": "wait"}, WAITING),
    ({}, OPEN),
]
"""As JOB_TABLE. Strangers are heads that the directory of migrations does not know."""


def history_verdict(**facts: object) -> str:
    """Return the name of the verdict that a history is to have."""
    return _first(HISTORY_TABLE, facts)


def _first(table: Sequence[tuple[Mapping[str, object], str]], facts: Mapping[str, object]) -> str:
    return next(verdict for line, verdict in table if all(facts.get(key) == value for key, value in line.items()))


# -- what the tools write -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column, what a tool writes into it, and what may be tried there."""

    is_written: Callable[[Any], bool]
    examples: tuple[Any, ...]


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def _is_number(value: Any) -> bool:
    return type(value) is int and -(2**64) < value < 2**64


def _text(*examples: str, pattern: str = r"(?s).*") -> Column:
    return Column(lambda value: type(value) is str and re.fullmatch(pattern, value) is not None, examples)


def _number(*examples: int) -> Column:
    return Column(_is_number, examples)


def _or_null(column: Column) -> Column:
    return Column(lambda value: value is None or column.is_written(value), (*column.examples, None))


FLAG = Column(lambda value: type(value) is bool or (type(value) is int and value in (0, 1)), (True, False, 1, 0))
INSTANT = Column(lambda value: isinstance(value, datetime), (NOON,))
OF_NO_ACCOUNT = Column(lambda _: True, (1, NOON))
FILE = _text("1_a.js", "2_b.ts", "1_a", "3_c.sql", "2_b", pattern=r"(?!\s)(?s:.+)(?<!\s)")
DIGITS = _text("1", "2", "10", "03", pattern=r"[0-9]{1,255}")

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Meaning:
    """What a tool's tables mean. Each function is asked only of rows that the tool may have written."""

    tables: Mapping[str, tuple[Column, ...]]
    """The first is the history."""
    proves: Callable[[str, Mapping[str, Rows]], bool]
    """Whether a revision is applied."""
    wanted: tuple[str, ...]
    """Revisions that may be asked for."""
    blocks: Callable[[Mapping[str, Rows]], bool] = lambda _tables: False
    """Whether a failure, or what may be one, keeps the gate from opening though all is applied."""
    most_rows: int | None = None
    is_later: Callable[[Sequence[Any], Sequence[str]], bool] = lambda _row, _wanted: False
    """Whether a row says only that what comes after all of the wanted has failed, or may have."""

    def opens(self, tables: Mapping[str, Rows], wanted: Sequence[str]) -> bool:
        """Return whether these rows prove that all of the wanted are applied, and nothing speaks against it."""
        for name, columns in self.tables.items():
            for row in tables[name]:
                if not isinstance(row, tuple) or len(row) != len(columns):
                    return False
                if not all(column.is_written(value) for column, value in zip(columns, row, strict=True)):
                    return False
        if self.most_rows is not None and any(len(rows) > self.most_rows for rows in tables.values()):
            return False
        return (
            bool(wanted)
            and all(self.proves(each, tables) for each in wanted)
            and not self.blocks(
                {name: [row for row in rows if not self.is_later(row, wanted)] for name, rows in tables.items()}
            )
        )


def _says(table: str, names: Callable[..., set[str]]) -> Callable[[str, Mapping[str, Rows]], bool]:
    """One row by itself proves what it names."""
    return lambda revision, tables: any(revision in names(*row) for row in tables[table])


def _set(table: str, *columns: Column, names: Callable[..., set[str]], wanted: tuple[str, ...]) -> Meaning:
    return Meaning({table: columns}, _says(table, names), wanted)


def _names(table: str, *more: Column) -> Meaning:
    """A row per applied migration, named as it is."""
    names = _text("1", "a", "2024_b", "2024-c")
    return _set(table, names, *more, names=lambda name, *_: {name}, wanted=names.examples)


_ENDINGS = (
    "Designer.cs", "cs", "js", "cjs", "mjs", "ts", "cts", "mts", "coffee", "ls", "litcoffee", "iced", "co", "eg", "py",
    "php", "sql", "rs", "json", "yaml", "yml",
)  # fmt: skip


def _without_ending(name: str) -> str:
    for ending in _ENDINGS:
        if name.endswith(f".{ending}") and len(name) > len(ending) + 1:
            return name[: -len(ending) - 1]
    return name


def _files(table: str, *more: Column) -> Meaning:
    """A row per applied migration, named by its file: an ending is no part of what it is called."""
    return _set(table, FILE, *more, names=lambda name, *_: {_without_ending(name)}, wanted=("1_a", "2_b", "3_c"))


def _digits(table: str, *more: Column) -> Meaning:
    return _set(table, DIGITS, *more, names=lambda name, *_: {name}, wanted=("1", "2", "3", "10"))


def _numbers(table: str, *more: Column, counts: Callable[..., bool] = lambda *_: True) -> Meaning:
    return _set(
        table,
        _number(1, 2, 3, 10),
        *more,
        names=lambda number, *rest: {str(number)} if counts(*rest) else set(),
        wanted=("1", "2", "3", "10"),
    )


def _in_apps(table: str) -> Meaning:
    return _set(
        table,
        _text("shop", "blog"),
        _text("0001_a", "0002_b"),
        OF_NO_ACCOUNT,
        names=lambda app, name, _: {f"{app}.{name}"},
        wanted=("shop.0001_a", "shop.0002_b", "blog.0001_a"),
    )


# Atlas: bit 1 of the type is a baseline, 4 was resolved by hand.
def _atlas_counts(row: Sequence[Any]) -> bool:
    _, kind, applied, total, error = row
    return kind in (4, 5, 6, 7) or (not error and applied == total)


def _atlas_rows(tables: Mapping[str, Rows]) -> list[Sequence[Any]]:
    return [row for row in tables["atlas_schema_revisions"] if not row[0].startswith(".")]


def _atlas_proves(revision: str, tables: Mapping[str, Rows]) -> bool:
    rows = _atlas_rows(tables)
    return any(row[0] == revision and _atlas_counts(row) for row in rows) or any(
        row[0] >= revision and row[1] % 2 for row in rows
    )


# Flyway: https://documentation.red-gate.com/flyway, "Schema history table"
_FLYWAY_APPLIES = ("SQL", "JDBC", "SPRING_JDBC", "SCRIPT", "CUSTOM")
_FLYWAY_BASELINES = ("BASELINE", "SQL_BASELINE", "JDBC_BASELINE", "SCRIPT_BASELINE")


def _parts(version: str) -> tuple[int, ...]:
    """Compare as Flyway compares: a part that is missing is 0."""
    parts = [int(part) for part in version.split(".")]
    while parts[1:] and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _is_undone(kind: str) -> bool:
    return kind == "DELETE" or kind.startswith("UNDO_")


def _flyway_proves(revision: str, tables: Mapping[str, Rows]) -> bool:
    rows = tables["flyway_schema_history"]
    if not revision.startswith("R__"):
        versions = [(_parts(row[0]), row[1]) for row in rows if row[0] is not None and row[4]]
        want = _parts(revision)
        return any(kind in _FLYWAY_BASELINES and want <= version for version, kind in versions) or any(
            version == want
            and kind in _FLYWAY_APPLIES
            and not any(later == want and _is_undone(undone) for later, undone in versions[place + 1 :])
            for place, (version, kind) in enumerate(versions)
        )
    name, _, checksum = revision.partition(" with checksum ")
    of_script = [row for row in rows if row[0] is None and _without_ending(row[2].split("/")[-1]) == name]
    told = [row for row in of_script if row[3] is not None or _is_undone(row[1])]
    newest = told[-1] if told else None
    return newest is not None and newest[1] in _FLYWAY_APPLIES and (not checksum or str(newest[3]) == checksum)


def _flyway_blocks(tables: Mapping[str, Rows]) -> bool:
    """A failure, a type of which nobody knows what it means, a script that is no file's name."""
    return any(
        not success
        or (version is None and not re.fullmatch(r"(?s)(?!\s).+(?<!\s)", script.split("/")[-1]))
        or (
            kind not in (*_FLYWAY_APPLIES, *(["SCHEMA"] if version is None else _FLYWAY_BASELINES))
            and not _is_undone(kind)
        )
        for version, kind, script, _, success, _ in tables["flyway_schema_history"]
    )


def _flyway_is_later(row: Sequence[Any], wanted: Sequence[str]) -> bool:
    placed = [_parts(each) for each in wanted if not each.startswith("R__")]
    return not row[4] and row[0] is not None and bool(placed) and _parts(row[0]) > max(placed)


def _goose_proves(revision: str, tables: Mapping[str, Rows]) -> bool:
    """The newest row of a version tells; row 0 is made with the table."""
    told = [row[1] for row in tables["goose_db_version"] if str(row[0]) == revision and row[0] > 0]
    return bool(told and told[-1])


def _up_to(table: str) -> Callable[[str, Mapping[str, Rows]], bool]:
    return lambda revision, tables: any(int(revision) <= row[0] for row in tables[table])


def _liquibase_names(identity: str, author: str, path: str, kind: str, tag: str | None, _: Any) -> set[str]:
    if kind not in ("EXECUTED", "RERAN", "MARK_RAN"):
        return set()
    parts = (path.removeprefix("classpath:").lstrip("/"), identity, author)
    whole = {"::".join(parts)} if all(parts) and not any("::" in part for part in parts) else set()
    return whole | ({f"tag:{tag}"} if tag is not None else set())


def _sqitch_proves(revision: str, tables: Mapping[str, Rows]) -> bool:
    changes = {name for row in tables["changes"] for name in (f"{row[0]}:{row[1]}", row[2])}
    return revision in changes | {f"{project}:{tag}" for project, tag in tables["tags"]}


_ID_A, _ID_B = "a" * 40, "b" * 40
_CHANGE = _text("a", "b", pattern=r"(?s)(?!@).*")
_PROJECT = _text("shop", "blog")
_PGROLLS = _text("pgroll", "inferred", "baseline", pattern="pgroll|inferred|baseline")
_SHA1 = _text(_ID_A, _ID_B, pattern="[0-9a-f]{40}")

_HISTORIES: dict[str, Meaning] = {
    "aerich": _set(
        "aerich",
        _text("models", "shop"),
        _text("1_a.py", "2_b.py"),
        OF_NO_ACCOUNT,
        names=lambda app, name, _: {f"{app}.{name.removesuffix('.py')}"},
        wanted=("models.1_a", "models.2_b", "shop.1_a"),
    ),
    "atlas": Meaning(
        {
            "atlas_schema_revisions": (
                _text("1", "2", "3", ".x", pattern=r"(?!\s)(?s:.+)(?<!\s)"),
                Column(lambda value: _is_number(value) and value in range(8), (1, 2, 4, 6)),
                _number(0, 1, 2),
                _number(0, 1, 2),
                _or_null(_text("", "broken")),
            )
        },
        _atlas_proves,
        ("1", "2", "3"),
        lambda tables: (
            any(not 0 <= row[2] <= row[3] for row in tables["atlas_schema_revisions"])
            or not all(map(_atlas_counts, _atlas_rows(tables)))
        ),
        is_later=lambda row, wanted: (
            0 <= row[2] <= row[3] and not row[0].startswith(".") and not _atlas_counts(row) and row[0] > max(wanted)
        ),
    ),
    "bun": _digits("bun_migrations", OF_NO_ACCOUNT),
    "dbup": _files("schemaversions", OF_NO_ACCOUNT),
    "django": _in_apps("django_migrations"),
    "doctrine": _set(
        "doctrine_migration_versions",
        _text("App\\Version1", "App\\Version2", "Version1", pattern=r"([^\W\d]\w*\\)*[^\W\d]\w*"),
        names=lambda name: {name, name.split("\\")[-1]},
        wanted=("App\\Version1", "Version1", "Version2"),
    ),
    "drizzle": _set(
        "__drizzle_migrations",
        _number(1, 2),
        _or_null(_text("2024_a", "2024_b")),
        names=lambda at, name: {str(at), name},
        wanted=("1", "2", "2024_a"),
    ),
    "ecto": _numbers("schema_migrations"),
    "flyway": Meaning(
        {
            "flyway_schema_history": (
                _or_null(_text("1", "2", "1.2", "01.2.0", "2.0", pattern=r"[0-9]+(\.[0-9]+)*")),
                _text("SQL", "JDBC", "DELETE", "UNDO_SQL", "BASELINE", "SCHEMA"),
                _text("V1__a.sql", "1.sql", "R__v.sql", "sub/R__v.sql"),
                _or_null(_number(5, -6)),
                FLAG,
                OF_NO_ACCOUNT,
            )
        },
        _flyway_proves,
        ("1", "1.2", "2", "R__v", "R__v with checksum 5"),
        _flyway_blocks,
        is_later=_flyway_is_later,
    ),
    "golang-migrate": Meaning(
        {"schema_migrations": (_number(1, 2, 3, -1, 0), FLAG)},
        _up_to("schema_migrations"),
        ("0", "1", "2", "3"),
        lambda tables: any(dirty for _, dirty in tables["schema_migrations"]),
        most_rows=1,
        is_later=lambda row, wanted: row[0] > max(map(int, wanted)),
    ),
    "goose": Meaning({"goose_db_version": (_number(0, 1, 2), FLAG, OF_NO_ACCOUNT)}, _goose_proves, ("1", "2", "3")),
    "knex": _files("knex_migrations", OF_NO_ACCOUNT),
    "kysely": _files("kysely_migration"),
    "laravel": _names("migrations", OF_NO_ACCOUNT),
    "liquibase": _set(
        "databasechangelog",
        _text("1", "2", "a::b"),
        _text("me"),
        _text("db/1.sql", "/db/1.sql", "classpath:db/1.sql"),
        _text("EXECUTED", "RERAN", "MARK_RAN", "FAILED", "SKIPPED"),
        _or_null(_text("v1")),
        OF_NO_ACCOUNT,
        names=_liquibase_names,
        wanted=("db/1.sql::1::me", "db/1.sql::2::me", "tag:v1"),
    ),
    "mikro-orm": _files("mikro_orm_migrations", OF_NO_ACCOUNT),
    "node-pg-migrate": _files("pgmigrations", OF_NO_ACCOUNT),
    "pgroll": Meaning(
        {"migrations": (_text("public", "app"), _text("1", "2"), FLAG, OF_NO_ACCOUNT, _or_null(_PGROLLS))},
        lambda revision, tables: any(
            done and f"{schema}.{name}" == revision for schema, name, done, _, _ in tables["migrations"]
        ),
        ("public.1", "public.2", "app.1"),
    ),
    "phinx": _numbers("phinxlog", _or_null(INSTANT), counts=lambda ended: ended is not None),
    "prisma": Meaning(
        {"_prisma_migrations": (_text("1_a", "2_b"), _or_null(INSTANT), _or_null(INSTANT), OF_NO_ACCOUNT)},
        _says("_prisma_migrations", lambda name, ended, undone, _: {name} if ended and not undone else set()),
        ("1_a", "2_b"),
        lambda tables: any(not ended and not undone for _, ended, undone, _ in tables["_prisma_migrations"]),
        is_later=lambda row, wanted: row[0] > max(wanted),
    ),
    # Rails reads 003 as 3 (ActiveRecord's SchemaMigration#integer_versions).
    "rails": _set("schema_migrations", DIGITS, names=lambda name: {str(int(name))}, wanted=("1", "2", "3", "10")),
    "refinery": _numbers("refinery_schema_history"),
    "sea-orm": _files("seaql_migrations"),
    "sequelize": _files("SequelizeMeta"),
    "sql-migrate": _files("gorp_migrations"),
    "sqitch": Meaning(
        {
            "changes": (_PROJECT, _CHANGE, _SHA1, OF_NO_ACCOUNT),
            "tags": (_PROJECT, _text("@v1", "@v2", pattern="(?s)@.*")),
            "events": (
                _text("deploy", "fail", "revert", "merge", pattern="deploy|fail|revert|merge"),
                _PROJECT,
                _text("a", "b"),
                _text(_ID_A),
                OF_NO_ACCOUNT,
            ),
        },
        _sqitch_proves,
        ("shop:a", "shop:b", "blog:a", "shop:@v1", _ID_A),
    ),
    "sqlx": Meaning(
        {"_sqlx_migrations": (_number(1, 2), FLAG)},
        _says("_sqlx_migrations", lambda number, success: {str(number)} if success else set()),
        ("1", "2"),
        lambda tables: any(not success for _, success in tables["_sqlx_migrations"]),
        is_later=lambda row, wanted: row[0] > max(map(int, wanted)),
    ),
    "tern": Meaning({"schema_version": (_number(0, 1, 2, 3),)}, _up_to("schema_version"), ("1", "2"), most_rows=1),
    "tortoise": _in_apps("tortoise_migrations"),
    "typeorm": _names("migrations", OF_NO_ACCOUNT),
    "yoyo": _set(
        "_yoyo_migration", _or_null(_text("0001.a", "0002.b")), names=lambda name: {name}, wanted=("0001.a", "0002.b")
    ),
    "query": _set(
        "query",
        Column(lambda value: type(value) is str or (type(value) is int and abs(value) < 10**4000), ("a", "7", 7)),
        names=lambda value: {str(value)},
        wanted=("a", "7"),
    ),
}
"""Tool -> what its tables mean, where that is more than a row per migration, named as it is."""


def meaning_of(tool: str, table: str) -> Meaning:
    """Return what the tables of a tool mean, whose history is this one."""
    return _HISTORIES.get(tool) or _names(table)


_AROUND = [(" ", ""), ("0", ""), ("V", ""), ("", " "), ("", "\n"), ("", "\0"), ("", "_junk")]


def near_misses(value: Any) -> list[Any]:
    """Return what looks like a value and is not it."""
    if isinstance(value, str):
        wide = value.translate({ord("0") + digit: ord("\N{FULLWIDTH DIGIT ZERO}") + digit for digit in range(10)})
        around = [f"{before}{value}{after}" for before, after in _AROUND]
        return [
            *around,
            wide,
            value.upper(),
            value.swapcase(),
            value.encode(),
            [value],
            (value,),
            value[:-1],
            value * 2,
        ]
    if isinstance(value, int):
        return [str(value), float(value), bool(value), value + 2**32, value + 2**64, -value, [value], 10**5000 + value]
    return [str(value), [value]]


JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 8, 2**63, 10**30, 0.0, 1.0, float("nan"), float("inf"), "", " ", "\0", "\udc80", "@v1",
    b"", b"1", [], {}, (), NOON, object(),
]  # fmt: skip
