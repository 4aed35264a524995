"""Liquibase: a row per changeset, by path, id and author; and its changelogs, in XML, YAML, JSON and SQL."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any
from xml.etree import ElementTree as ET

from gatekeeper.tools.shared import rows, values
from gatekeeper.tools.shared.events import Applied, Event
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, NONE, PASSED, Directory, Found, Table, Tool


def revision(text: str) -> str:
    r"""`db/001.sql::3::me`, or `tag:v1`. Paths as ChangeSet compares them: no `classpath:`, drive or leading slash."""
    if re.fullmatch(r"tag:\S(.*\S)?", text):
        return text
    parts = text.split("::")
    if len(parts) != 3 or not all(parts):
        raise ValueError("a revision is path::id::author or tag:NAME")
    path = re.sub(r"^(classpath\*?:|[A-Za-z]:(?=[/\\]))", "", parts[0]).replace("\\", "/").lstrip("/")
    return f"{posixpath.normpath(path)}::{parts[1]}::{parts[2]}"


def _events(
    identity: object, author: object, filename: object, kind: object, tag: object, _: object
) -> Iterator[Event]:
    """What failed or was filtered out has no row (changelog/visitor/UpdateVisitor.java)."""
    parts, label = (values.text(filename), values.text(identity), values.text(author)), values.or_none(values.text, tag)
    if values.text(kind) in ("EXECUTED", "RERAN", "MARK_RAN"):
        if all(parts) and not any("::" in part for part in parts):  # else no --revision means it
            yield Applied(revision("::".join(parts)))
        if label is not None:
            yield Applied(f"tag:{label}")


# -- changelogs ---------------------------------------------------------------------------------------------------

Properties = dict[str, str | None]
"""None for one whose value depends on where Liquibase runs."""

_EXTENSIONS = (".xml", ".yaml", ".yml", ".json", ".sql")
_HIDDEN = re.compile(rf"(?:^|/)(?:{PASSED})/")
"""In the path of what is a changelog only where it is included."""
_ROOTS = re.compile(r"(?:.*/)?(?:db\.)?(?:(?:root|master)-?)?changelog(?:[-._]?(?:root|master))?\.\w+")
_SQL_HEADER = re.compile(r"\s*--\s*liquibase\s*formatted(.*)", re.IGNORECASE)
_SQL_CHANGESET = re.compile(r'\s*--\s*changeset\s+("[^"]+"|[^:]+):("[^"]+"|\S+)(.*)', re.IGNORECASE)
_SQL_NO_CHANGESET = re.compile(r"\s*--\s*changeset.*|-\s*changeset\s.*", re.IGNORECASE)
"""What ends Liquibase if it is not the one above."""
_SQL_IGNORED = re.compile(r"--\s*ignoreLines:(\w+)", re.IGNORECASE)
_SQL_OTHER = re.compile(r"\s*--\s*(property|include|includeAll|preconditions)\b(.*)", re.IGNORECASE)
_SQL_KINDS = {kind.lower(): kind for kind in ("property", "include", "includeAll", "preConditions")}
_SQL_VALUE = re.compile(r'(\w+):\s*("[^"]*"|\S*)')
_SQL_PATH = re.compile(r".*logicalFilePath:(\S*)", re.IGNORECASE)
"""With the quotes, if it has some."""
_SQL_AGAIN = re.compile(r"(runOnChange|runAlways):(\w+)", re.IGNORECASE)
_SQL_DBMS = re.compile(r".*dbms:([^,][\w!,]+)", re.IGNORECASE | re.ASCII)
"""A space may stand before the list and ends it; within quotes it has one (AbstractFormattedChangeLogParser.java)."""
_FILTERS = ("context", "contextFilter", "labels", "dbms")
_SERVERS = (
    (r"CockroachDB", ("cockroachdb",)),
    (r"PostgreSQL .*EnterpriseDB", ("edb", "postgresql")),
    (r"PostgreSQL .*Redshift", ("redshift", "postgresql")),
    (r"PostgreSQL .*-YB-", ("yugabytedb", "postgresql")),
    (r"PostgreSQL ", ("postgresql",)),
    (r"MySQL .*(?i:mariadb|clustrix)", ("mariadb",)),
    (r"MySQL ", ("mysql",)),
)
"""Pattern of a server's version -> what Liquibase may call it: releases and extensions differ (database/core)."""
_NAMES = frozenset(name for _, names in _SERVERS for name in names)
_OTHERS = frozenset(
    ("asany", "db2", "db2z", "derby", "firebird", "h2", "hsqldb", "informix", "ingres", "mssql", "oracle", "postgres")
) | {"snowflake", "sqlite", "sybase", ""}
"""Further names in `dbms`, which no server has that a gate connects to. What is in neither may be an extension's."""
_AGAIN = {name.lower(): name for name in ("runOnChange", "runAlways", "alwaysRun")}
_FALSE = ("", "false", "f", "0", "0.0", "no", "n", "off")
"""What liquibase/util/ObjectUtil.java takes as false."""


@dataclass(frozen=True, slots=True)
class Changeset:
    """A changeset, by what its row holds."""

    revision: str
    tag: str = ""
    """The tag that it sets."""
    certain: bool = True
    """Whether it has a row in the end, wherever Liquibase runs: what is filtered out or skipped has none."""
    elsewhere: frozenset[str] = frozenset()
    """Of `_NAMES`, those of the servers on which it surely does not run."""
    again: str = ""
    """The attribute by which it may run though it has a row (changelog/filter/ShouldRunChangeSetFilter.java)."""
    other: str = ""
    """The row that another release gives it: from 4.31 on what is included takes on the logical path of its include or
    of what includes it, unless it has its own, and that in the header of SQL is not heard (DatabaseChangeLog.java).
    """


@dataclass(frozen=True, slots=True)
class _Entry:
    """What stands in a changelog, or the changelog itself, whatever its format."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    inside: Sequence["_Entry"] = ()

    def within(self, kind: str) -> Iterator["_Entry"]:
        """Yield the entries of a kind at any depth, but not those of a rollback."""
        for entry in self.inside:
            if entry.kind == kind:
                yield entry
            if entry.kind != "rollback":
                yield from entry.within(kind)


def changesets(files: Mapping[str, str], named: str = "") -> list[Changeset]:
    """Return all changesets of the changelog that is named, else of the one that no other one includes."""
    parsed = _Parsed(files)
    if named:
        return _each_with_its_own(_Reader(parsed).read(named))
    reads: dict[str, list[Changeset]] = {}
    faults: dict[str, ValueError] = {}
    included: set[str] = set()
    for path in files:
        if parsed.is_changelog(path):
            reader = _Reader(parsed)
            try:
                reads[path] = list(reader.read(path))
            except ValueError as fault:  # by itself: it may use what the changelog that includes it defines
                faults[path] = fault
            included |= reader.included
    found = sorted([*reads, *faults])
    roots = [path for path in found if path not in included] or found
    if len(roots) > 1:
        roots = [path for path in roots if _ROOTS.fullmatch(path)] or roots
    if not roots:
        raise ValueError("there is no changelog in it; a right one is db.changelog-root.yaml with a databaseChangeLog")
    for root in roots:
        if root in faults:
            raise faults[root]
    if len(roots) > 1:
        raise ValueError(
            f"{' and '.join(roots)} may each be the root changelog; name the one that is, by the directory, /./ and "
            f"its path there, for example db/./{roots[0]}"
        )
    return _each_with_its_own(reads[roots[0]])


def _each_with_its_own(found: Iterable[Changeset]) -> list[Changeset]:
    """Return changesets without the names that are not one's alone: a release that gives two one name runs neither."""
    each_once = list(dict.fromkeys(found))
    times = Counter(name for each in each_once for name in {each.revision, each.other})

    def own(each: Changeset) -> Changeset:
        if each.other and times[each.revision] > 1:
            return replace(each, revision=each.other, other="")
        return replace(each, other="") if times[each.other] > 1 else each

    return list(map(own, each_once))


class _Parsed:
    """Changelogs, each parsed once."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self._entries: dict[str, _Entry | None] = {}

    def __getitem__(self, path: str) -> _Entry | None:
        if path not in self._entries:
            self._entries[path] = _parse(path, self.files[path])
        return self._entries[path]

    def is_changelog(self, path: str) -> bool:
        """Tell whether a file may be a root: SQL without a header is a changelog only where it is included."""
        if not path.lower().endswith(_EXTENSIONS) or _HIDDEN.search(path):
            return False
        if path.lower().endswith(".sql"):
            return bool(_SQL_HEADER.match(self.files[path]))
        return "databaseChangeLog" in self.files[path] and self[path] is not None


class _Reader:
    """Reads a changelog and what it includes."""

    def __init__(self, parsed: _Parsed) -> None:
        self.parsed = parsed
        self.included: set[str] = set()
        self.properties: Properties = {}
        self.open: list[str] = []

    def read(self, path: str, *, certain: bool = True, given: str = "", above: str = "") -> Iterator[Changeset]:
        """Yield changesets; `given` is the logical path of the include, `above` that of what includes it."""
        if path in self.open:
            raise ValueError(f"{path} includes itself; leave that out")
        if (changelog := self.parsed[path]) is None:
            raise ValueError(f"{path} is included and is no changelog; it is to begin with databaseChangeLog")
        self.open.append(path)
        certain = certain and not _is_filtered(changelog)
        own = self._expand(path, changelog.values.get("logicalFilePath"))
        heard = "" if path.lower().endswith(".sql") else own
        logical = heard or given or above or path, own or path
        for entry in changelog.inside:
            match entry.kind:
                case "property":
                    self._define(entry)
                case "changeSet" if entry.values.get("ignore", "").lower() != "true":
                    yield self._changeset(path, logical, entry, certain=certain)
                case "include" | "includeAll":
                    for other in self._included(path, entry):
                        self.included.add(other)
                        yield from self.read(
                            other,
                            certain=certain and not _is_filtered(entry),
                            given=self._expand(path, entry.values.get("logicalFilePath")),
                            above=heard or above,
                        )
        self.open.pop()

    def _changeset(self, path: str, logical: tuple[str, str], entry: _Entry, *, certain: bool) -> Changeset:
        identity, author = (self._expand(path, entry.values.get(name)) for name in ("id", "author"))
        own = self._expand(path, entry.values.get("logicalFilePath"))
        names = (own,) if own else dict.fromkeys(logical)
        try:
            row, *others = (revision(f"{name}::{identity or ''}::{author or ''}") for name in names)
        except ValueError:
            raise ValueError(f"{path} has a changeset without an id or an author; give it both") from None
        tags = [self._expand(path, tag.values.get("tag")) for tag in entry.within("tagDatabase")]
        certain = certain and not _is_filtered(entry)
        other = next((each for each in others if each != row), "")
        return Changeset(row, tags[-1] if tags else "", certain, _elsewhere(entry), _again(entry), other)

    def _included(self, path: str, entry: _Entry) -> list[str]:
        """Return the paths that an include names."""
        name = "file" if entry.kind == "include" else "path"
        given = self._expand(path, entry.values.get(name)).replace("\\", "/")
        if not given or "resourceFilter" in entry.values or "filter" in entry.values:
            raise ValueError(f"{path} includes what only a program can tell; give --revision instead")
        near = posixpath.dirname(path) if entry.values.get("relativeToChangelogFile", "").lower() == "true" else ""
        target = posixpath.normpath(posixpath.join(near, given.removeprefix("classpath:").lstrip("/")))
        if entry.kind == "include":
            found = [target] if target in self.parsed.files else []
        else:
            depths = [int(entry.values.get(depth) or 0) for depth in ("minDepth", "maxDepth")]
            below = "" if target == "." else f"{target}/"
            found = [
                other
                for other in sorted(self.parsed.files)
                if other.startswith(below)
                and other.lower().endswith(_EXTENSIONS)
                and other.endswith(entry.values.get("endsWithFilter", ""))
                and depths[0] <= other.removeprefix(below).count("/") + 1 <= (depths[1] or len(other))
            ]
        needed = entry.values.get("errorIfMissing", entry.values.get("errorIfMissingOrEmpty", "true")).lower() == "true"
        if not found and needed:
            raise ValueError(
                f"{path} includes {given}, which is not in it; name the directory of Liquibase's search path"
            )
        return found

    def _define(self, entry: _Entry) -> None:
        """Set a property, of which Liquibase takes the first value."""
        name, elsewhere = entry.values.get("name"), any(key in entry.values for key in _FILTERS)
        if name:
            self.properties.setdefault(name, None if elsewhere else entry.values.get("value"))

    def _expand(self, path: str, text: str | None) -> str:
        def value(found: re.Match[str]) -> str:
            known = self.properties.get(found[1])
            if known is None:
                raise ValueError(f"{path} uses {found[0]}, whose value only Liquibase has; give --revision instead")
            return known

        return re.sub(r"\$\{\s*([^}\s]+)\s*\}", value, text or "")


def _is_filtered(entry: _Entry) -> bool:
    """Whether Liquibase may pass over it, depending on its arguments and on what it finds in the database."""
    values = entry.values
    return (
        any(values.get(name) for name in _FILTERS)
        or values.get("ignore", "").lower() == "true"
        or values.get("failOnError", "").lower() == "false"
        or any(
            "CONTINUE" in (condition.values.get("onFail", "").upper(), condition.values.get("onError", "").upper())
            for condition in entry.inside
            if condition.kind == "preConditions"
        )
    )


def _elsewhere(entry: _Entry) -> frozenset[str]:
    """Return the names of the servers that its `dbms` leaves out (database/DatabaseList.java)."""
    given = entry.values.get("dbms", "").strip(_BLANK).rstrip(",")
    named = {name.strip(_BLANK).lower() for name in given.split(",")}
    if not given or "all" in named:
        return frozenset()
    if "none" in named:
        return _NAMES
    wanted = {name for name in named if not name.startswith("!")}
    is_known = wanted <= _NAMES | _OTHERS
    return frozenset(name for name in _NAMES if f"!{name}" in named or (wanted and is_known and name not in wanted))


_BLANK = "".join(map(chr, range(33)))
"""What Java trims."""


def servers(version: str) -> frozenset[str]:
    """Return the names in `dbms` that may stand for the server that says this of itself."""
    return next((frozenset(names) for pattern, names in _SERVERS if re.match(pattern, version)), _NAMES)


def _again(entry: _Entry) -> str:
    """Return the attribute by which it runs more than once, unless that is plainly false: -D may set a property.

    Which spellings count depends on the format and on Liquibase's release, so that all do.
    """
    given = (_AGAIN.get(name.lower(), "") for name, value in entry.values.items() if value.lower() not in _FALSE)
    return next(filter(None, given), "")


# -- formats ------------------------------------------------------------------------------------------------------


def _parse(path: str, text: str) -> _Entry | None:
    """Return what a changelog says; None for what is none. Only SQL may be in any encoding."""
    if "\N{REPLACEMENT CHARACTER}" in text and not path.lower().endswith(".sql"):
        raise ValueError(f"{path} is not UTF-8 text; save it as UTF-8")
    try:
        match posixpath.splitext(path)[1].lower():
            case ".sql":
                return _sql(path, text)
            case ".xml":
                return _xml(text)
            case ".json":
                return _tree(json.loads(text, object_pairs_hook=_told))
            case ".yaml" | ".yml":
                return _yaml(text)
    except (ValueError, RecursionError, ET.ParseError) as fault:
        why = " ".join(str(fault).split())
        raise ValueError(f"{path} cannot be parsed ({why}); mend the file") from fault
    return None


def _sql(path: str, text: str) -> _Entry:
    """A file without the header is one changeset, to which Liquibase gives an id of its own."""
    if not (header := _SQL_HEADER.match(text)):
        raw = {"id": "raw", "author": "includeAll", "logicalFilePath": path}
        return _Entry("databaseChangeLog", {}, [_Entry("changeSet", raw)])
    entries: list[_Entry] = []
    for line in _lines(text):
        if found := _SQL_CHANGESET.fullmatch(line):
            author, identity = (re.sub(r"""^(["'])(.*)\1$""", r"\2", part) for part in found.groups()[:2])
            entries.append(_Entry("changeSet", {**_sql_values(found[3]), "id": identity, "author": author}))
        elif _SQL_NO_CHANGESET.fullmatch(line):
            raise ValueError(f"its line {line.strip()!r} is not --changeset AUTHOR:ID")
        elif found := _SQL_OTHER.fullmatch(line):
            kind = _SQL_KINDS[found[1].lower()]
            values = _sql_values(found[2])
            if kind == "preConditions" and entries:
                last = entries.pop()
                entries.append(_Entry(last.kind, last.values, [*last.inside, _Entry(kind, values)]))
            elif values.keys() & {"file", "path", "name"}:  # else a comment that begins with such a word
                entries.append(_Entry(kind, values))
    return _Entry("databaseChangeLog", _sql_values(header[1]), entries)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of SQL, as Java has them, without those that it says are to be ignored."""
    left: float = 0
    for line in re.split(r"\r\n?|\n", text):
        found = _SQL_IGNORED.fullmatch(line)
        if left:
            left = 0 if left == inf and found and found[1] == "end" else left - 1
        elif found:
            left = inf if found[1] == "start" else int(found[1])
        else:
            yield line


def _sql_values(text: str) -> dict[str, str]:
    """Return a line's values; whether it runs again, and where, Liquibase reads within quotes and other words too."""
    again = {found[1]: found[2] for found in _SQL_AGAIN.finditer(text)}
    where = {"dbms": found[1]} if (found := _SQL_DBMS.match(text)) else {}
    path = {"logicalFilePath": found[1]} if (found := _SQL_PATH.match(text)) else {}
    others = {found[1]: found[2].strip('"') for found in _SQL_VALUE.finditer(text) if found[1].lower() != "dbms"}
    return again | others | where | path


_TELLING = {"databaseChangeLog", "changeSet", "include", "includeAll", "preConditions", "property", "tagDatabase"}
"""Of a changelog that may be many megabytes no more is kept than these, with what they are in."""
_SPELLED = {kind.lower(): kind for kind in ("changeSet", "include", "includeAll")}


def _refuse_misspelled(kind: str) -> None:
    """Raise ValueError for what Liquibase ends at, as at any kind that it does not know."""
    if kind != _SPELLED.get(kind.lower(), kind):
        raise ValueError(f"it has {kind}, which is written {_SPELLED[kind.lower()]}")


def _xml(text: str) -> _Entry | None:
    if "<!DOCTYPE" in text:
        raise ValueError("it has a DOCTYPE, which Liquibase does without")
    entries = _Entries()
    parser = ET.XMLParser(target=entries)  # noqa: S314 - without a DOCTYPE there are no entities
    parser.feed(text)
    parser.close()
    [changelog] = entries.open[0][1]
    return changelog if changelog.kind == "databaseChangeLog" else None


class _Entries:
    """Makes entries of XML as it is read."""

    def __init__(self) -> None:
        self.open: list[tuple[Mapping[str, str], list[_Entry]]] = [({}, [])]

    def start(self, _: str, attributes: Mapping[str, str]) -> None:
        self.open.append((attributes, []))

    def end(self, tag: str) -> None:
        attributes, inside = self.open.pop()
        kind = tag.rpartition("}")[2]
        _refuse_misspelled(kind)
        if kind in _TELLING or inside or len(self.open) == 1:
            values = {name.rpartition("}")[2]: value for name, value in attributes.items()}
            self.open[-1][1].append(_entry(kind, values, inside))


def _yaml(text: str) -> _Entry | None:
    from gatekeeper.manifests import documents  # noqa: PLC0415 - only for changelogs in YAML

    return _tree(documents.load_part(text, _told))


def _told(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON's or YAML's without what says nothing here."""
    return {
        name: value
        for name, value in pairs
        if not isinstance(value, dict | list) or name in _TELLING or _has_told(value) or name.lower() in _SPELLED
    }


def _has_told(content: Any) -> bool:
    """Return whether there is more in what was kept than values."""
    if isinstance(content, dict):
        return any(isinstance(value, dict | list) for value in content.values())
    return isinstance(content, list) and any(map(_has_told, content))


def _tree(content: object) -> _Entry | None:
    """Return what stands under databaseChangeLog in YAML or JSON: lists of mappings with one key."""
    if not isinstance(content, dict) or "databaseChangeLog" not in content:
        return None
    return _node("databaseChangeLog", content["databaseChangeLog"])


def _node(kind: str, content: object) -> _Entry:
    _refuse_misspelled(kind)
    values: dict[str, str] = {}
    inside: list[_Entry] = []
    for part in content if isinstance(content, list) else [content]:
        for name, value in part.items() if isinstance(part, dict) else ():
            if isinstance(value, dict | list):
                inside.append(_node(str(name), value))
            elif value is not None:
                values[str(name)] = _scalar(name, value)
    return _entry(kind, values, inside)


def _scalar(name: object, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise ValueError(f"it has the {name} {value}, which is no text; put it in quotes")
    return str(value)


def _entry(kind: str, values: Mapping[str, str], inside: Sequence[_Entry]) -> _Entry:
    """Return an entry whose modifyChangeSets, which only wrap others, are left out."""
    flat = [each for entry in inside for each in (entry.inside if entry.kind == "modifyChangeSets" else [entry])]
    return _Entry(kind, values, flat)


# -- the record ---------------------------------------------------------------------------------------------------


def _read(_: Tool, folder: Folder) -> Found:
    """What Liquibase may pass over is wanted too, since only Liquibase knows; but it is not the newest."""
    found = changesets(folder, folder.named)
    every = frozenset(each.revision for each in found)
    again = next((changeset for changeset in found if changeset.again and changeset.elsewhere != _NAMES), None)
    passed = {name: every - {each.revision for each in found if name not in each.elsewhere} for name in _NAMES}
    once = [changeset for changeset in found if not changeset.again]
    certain = [changeset for changeset in once if changeset.certain] or once
    newest = [f"tag:{changeset.tag}" if changeset.tag else changeset.revision for changeset in certain[-1:]]
    return Found(
        tuple(dict.fromkeys(changeset.revision for changeset in found)),
        tuple(newest),
        proofs={each.revision: (frozenset({each.other}),) for each in found if each.other},
        elsewhere=passed if any(passed.values()) else {},
        unproven=f"{again.revision} has {again.again}, and only Liquibase can tell whether it has run as it is now; "
        "give --revision of a tag or a changeset that this release adds, for example --revision tag:v1.4"
        if again
        else "",
    )


TOOL = Tool(
    name="liquibase",
    table=Table(
        "databasechangelog",
        ("id", "author", "filename", "exectype", "tag", "orderexecuted"),
        rows.many(_events),
        "orderexecuted",
    ),
    also=("md5sum", "dateexecuted"),
    lock_table=Table(
        "{}lock",
        ("locked", "lockedby", "lockgranted"),
        rows.locked("databasechangeloglock", rows.by("by", "since")),
    ),
    schemas=(CURRENT,),
    servers=servers,
    revision=revision,
    example="db/changelog/003.sql::3::me",
    directory=Directory(
        "db.changelog-root.yaml",
        _read,
        passed=NONE,
        begins_in_a_file=True,
        in_any_encoding=True,
        signs=(
            (r"(.*/)?[^/]+\.(xml|ya?ml|json)", r"\bdatabaseChangeLog\b"),
            (r"(.*/)?[^/]+\.sql", r"(?i)\A\s*--\s*liquibase\s*formatted"),
        ),
    ),
)
