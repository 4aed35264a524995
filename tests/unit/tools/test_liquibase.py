"""Which changesets Liquibase's changelogs hold."""

import json
import tracemalloc
from dataclasses import replace

import pytest

from gatekeeper.gate.verdict import Waiting
from gatekeeper.histories.judge import HistoryPolicy, Ledger, Wanted, judge_history
from gatekeeper.manifests import documents
from gatekeeper.tools.liquibase import Changeset, changesets, servers

ROOT = "db.changelog-root.yaml"


def names(files: dict[str, str]) -> list[str]:
    """Return the changesets that have a row in the end."""
    return [changeset.revision for changeset in changesets(files) if changeset.certain]


def xml(*inside: str, attributes: str = "") -> str:
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"'
    )
    return f"{head} {attributes}>{''.join(inside)}</databaseChangeLog>"


def changeset(identity: str, attributes: str = "", inside: str = "<sql>SELECT 1</sql>") -> str:
    return f'<changeSet id="{identity}" author="me" {attributes}>{inside}</changeSet>'


def sql(*lines: str) -> str:
    return "\n".join(["--liquibase formatted sql", *lines])


SAME = {
    "a.xml": xml(changeset("1"), changeset("2", inside='<tagDatabase tag="v1"/>')),
    "a.json": '{"databaseChangeLog": [{"changeSet": {"id": "1", "author": "me", "changes": []}},'
    '{"changeSet": {"id": 2, "author": "me", "changes": [{"tagDatabase": {"tag": "v1"}}]}}]}',
    "a.yaml": "databaseChangeLog:\n- changeSet:\n    id: 1\n    author: me\n    changes:\n    - sql: SELECT 1\n"
    "- changeSet:\n    id: 2\n    author: me\n    changes:\n    - tagDatabase:\n        tag: v1\n",
}


@pytest.mark.parametrize("path", SAME)
def test_formats(path):
    """XML, JSON and YAML say the same."""
    assert changesets({path: SAME[path]}) == [Changeset(f"{path}::1::me"), Changeset(f"{path}::2::me", "v1")]


def test_sql():
    """Formatted SQL names author and id in comments, quoted if need be."""
    text = sql("", "--changeset me:1", "SELECT 1;", '  -- CHANGESET "An Author":"id 2" runOnChange:true', "SELECT 2;")
    assert names({"a.sql": text}) == ["a.sql::1::me", "a.sql::id 2::An Author"]
    text = sql("--changeset me :1", "--changeset 'me':'2'", "-- \u2028--changeset me:3", "/* --changeset me:4 */")
    assert names({"a.sql": text}) == ["a.sql::1::me ", "a.sql::2::me"]


def test_ignored_lines():
    """Lines that SQL says are to be ignored are no changesets, so many or up to the end."""
    some = "--ignoreLines:1", "--changeset me:2", "--changeset me:3", "--ignoreLines:0", "  --ignoreLines:9"
    block = "-- IgnoreLines:start", "--changeset me:4", "--ignoreLines:9", "--ignoreLines:end", "--changeset me:5"
    assert names({"a.sql": sql("--changeset me:1", *some, *block)}) == [f"a.sql::{number}::me" for number in (1, 3, 5)]
    with pytest.raises(ValueError, match=r"a\.sql cannot be parsed"):
        names({"a.sql": sql("--changeset me:1", "--ignoreLines:Start", "--changeset me:2")})


@pytest.mark.parametrize("kind", ["changeset", "includeall", "INCLUDE"])
@pytest.mark.parametrize("path", ["a.yaml", "a.json", "a.xml"])
def test_misspelled(path, kind):
    """What is nearly a changeset or an include ends Liquibase too, which knows no such kind."""
    entries = [{"changeSet": {"id": "1", "author": "me"}}, {kind: {"id": "2", "author": "me"}}]
    text = xml(changeset("1"), f"<{kind}/>") if path == "a.xml" else json.dumps({"databaseChangeLog": entries})
    with pytest.raises(ValueError, match=rf"{path} cannot be parsed \(it has {kind}, which is written "):
        names({path: text})


@pytest.mark.parametrize(
    "line", ["-changeset me:2", "--changeset me2", "--changeset me: 2", "  --changesets me:2", "--changeset"]
)
def test_lines_that_end_liquibase(line):
    """What is nearly a changeset is none and ends Liquibase, which runs nothing then."""
    with pytest.raises(
        ValueError, match=rf"a\.sql cannot be parsed \(its line '{line.strip()}' is not --changeset AUT"
    ):
        names({"a.sql": sql("--changeset me:1", "SELECT 1;", line, "SELECT 2;")})


def test_includes():
    """A changelog takes the place of its include, by a path from the top or from the one that includes it."""
    files = {
        ROOT: "databaseChangeLog:\n- include: {file: changes/1.xml}\n"
        "- include: {file: 'classpath:/changes/sub/2.yaml'}\n",
        "changes/1.xml": xml(changeset("1")),
        "changes/sub/2.yaml": "databaseChangeLog:\n- include: {file: ../3.sql, relativeToChangelogFile: true}\n",
        "changes/3.sql": sql("--changeset me:3", "SELECT 1"),
        "liquibase.properties": "changeLogFile=x",
        "other.yaml": "a: 1",
    }
    assert names(files) == ["changes/1.xml::1::me", "changes/3.sql::3::me"]


def test_include_all():
    """All changelogs below a path, by name; SQL without a header is one changeset."""
    files = {
        "db.changelog-master.xml": xml('<includeAll path="changes"/>', changeset("9")),
        "changes/b.sql": "SELECT 1",
        "changes/a/z.xml": xml(changeset("1")),
        "changes/notes.txt": "x",
    }
    wanted = ["changes/a/z.xml::1::me", "changes/b.sql::raw::includeAll", "db.changelog-master.xml::9::me"]
    assert names(files) == wanted
    files["db.changelog-master.xml"] = xml('<includeAll path="changes" maxDepth="1"/>')
    assert names(files) == wanted[1:2]
    files["db.changelog-master.xml"] = xml('<includeAll path="changes" endsWithFilter=".xml"/>')
    assert names(files) == wanted[:1]
    with pytest.raises(ValueError, match=r"changes/pom\.xml is included and is no changelog"):
        names(files | {"changes/pom.xml": "<project/>"})


RUNS = (
    "|postgresql|POSTGRESQL| postgresql |mssql , postgresql|postgresql\n,mssql|all|ALL|all,none|all,!postgresql|!all"
    "|!none|!mssql|!mssql,!oracle|!mysql,postgresql|! postgresql|!yugabytedb|,| "
)
PASSED_OVER = (
    "mssql|mssql,|,mssql|mssql,  oracle|none|none,postgresql|!postgresql|!PostgreSQL|!mssql, !postgresql"
    "|!postgresql,postgresql|!postgresql,mysql|!mysql,oracle|, ,|postgres|yugabytedb|cockroachdb|mssql,yugabytedb"
)
"""What Liquibase 5.0.4 says of `dbms` on PostgreSQL."""


@pytest.mark.parametrize("dbms", RUNS.split("|"))
def test_dbms(dbms):
    """A changeset runs on a server that its list names or does not leave out."""
    [found] = changesets({"a.json": json.dumps({"databaseChangeLog": [{"changeSet": {**ONE, "dbms": dbms}}]})})
    assert "postgresql" not in found.elsewhere


@pytest.mark.parametrize("dbms", PASSED_OVER.split("|"))
def test_dbms_of_others(dbms):
    """It does not run on others."""
    [found] = changesets({"a.json": json.dumps({"databaseChangeLog": [{"changeSet": {**ONE, "dbms": dbms}}]})})
    assert "postgresql" in found.elsewhere


ONE = {"id": 1, "author": "me"}


@pytest.mark.parametrize("dbms", ["${dbms}", "mssql;postgresql", "mssql postgresql", "\xa0postgresql", "greenplum"])
def test_dbms_in_doubt(dbms):
    """A name that is not known may be what an extension calls this server."""
    [found] = changesets({"a.json": json.dumps({"databaseChangeLog": [{"changeSet": {**ONE, "dbms": dbms}}]})})
    assert not found.elsewhere


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        *((f"dbms:{each}", True) for each in ("postgresql", "! postgresql", " postgresql", "postgresql, mssql")),
        *(
            (f"dbms:{each}", True)
            for each in ("mssql dbms:postgresql", ",mssql", "m", "", '""', "all,mssql", "  mssql")
        ),
        *((f"dbms:{each}", False) for each in ("mssql", "!postgresql", " mssql", "mssql, postgresql", "none")),
        *((f"dbms:{each}", False) for each in ("mssql,", "\tmssql", "!mssql,!postgresql", "postgresql dbms:mssql")),
        ("DBMS:mssql", False),
        ("xdbms:mssql", False),
        ('comment:"dbms:mssql"', False),
        ("dbms :mssql", True),
        ("context:x dbms:h2 labels:y", False),
    ],
)
def test_dbms_in_sql(text, runs):
    """In formatted SQL the list ends at a space, and stands wherever its name does, as Liquibase 5.0.4 says."""
    [found] = changesets({"a.sql": sql(f"--changeset me:1 {text}")})
    assert ("postgresql" not in found.elsewhere) == runs


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("PostgreSQL 17.2 (Debian 17.2-1) on x86_64-pc-linux-gnu, compiled by gcc", {"postgresql"}),
        ("PostgreSQL 16.1 (EnterpriseDB Advanced Server 16.1.0) on x86_64", {"edb", "postgresql"}),
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.1", {"redshift", "postgresql"}),
        ("PostgreSQL 15.2-YB-2025.1.0.0-b168 on x86_64", {"yugabytedb", "postgresql"}),
        ("CockroachDB CCL v25.2.0 (x86_64-pc-linux-gnu)", {"cockroachdb"}),
        ("MySQL 5.5.5-11.8.2-MariaDB-1", {"mariadb"}),
        ("MySQL 9.7.0", {"mysql"}),
    ],
)
def test_servers(version, names):
    """What a server says of itself tells which names of `dbms` it may have."""
    assert servers(version) == names


def test_all_for_others():
    """Where every changeset leaves the server out there is nothing that could be proven."""
    wanted = Wanted(("a::1::me",), "db", elsewhere={"mysql": frozenset({"a::1::me"})}, is_whole=True).on({"mysql"})
    for ledger in (None, Ledger(frozenset(), None, "b::1::me")):
        verdict = judge_history(ledger, wanted, HistoryPolicy())
        assert isinstance(verdict, Waiting)
        assert verdict.reason.endswith("; awaiting a migration in db that is for this server")


def test_unknown_server():
    """A server that is not known may have any name: only what runs nowhere is passed over there."""
    assert servers("CrateDB 5") >= {"postgresql", "mysql", "cockroachdb"}


def test_logical_file_path():
    """A changeset's own logical path goes before its changelog's, and that before the file's."""
    text = xml(
        changeset("1"), changeset("2", 'logicalFilePath="/own.xml"'), attributes='logicalFilePath="classpath:all"'
    )
    assert names({"a.xml": text}) == ["all::1::me", "own.xml::2::me"]
    text = sql('--changeset me:1 logicalFilePath:"own.sql"', "--changeset me:2 logicalfilepath:a logicalFilePath:b")
    assert names({"a.sql": text}) == ['"own.sql"::1::me', "b::2::me"]


ABOVE = {
    "root.yaml": "databaseChangeLog:\n- logicalFilePath: all\n- changeSet: {id: 1, author: me}\n"
    "- include: {file: a.xml}\n- include: {file: b.sql, logicalFilePath: given}\n- include: {file: c.xml}\n"
    "- include: {file: raw.sql}\n",
    "a.xml": xml(changeset("2"), changeset("3", 'logicalFilePath="own"')),
    "b.sql": "--liquibase formatted sql logicalFilePath:header\n--changeset me:4\nSELECT 4;",
    "c.xml": xml(changeset("5"), '<include file="d.xml"/>', attributes='logicalFilePath="c"'),
    "d.xml": xml(changeset("1"), changeset("6")),
    "raw.sql": "SELECT 7;",
}


def test_logical_file_path_above():
    """What is included may have the logical path of what includes it, or of the include: releases differ."""
    found = changesets(ABOVE)
    assert [(each.revision, each.other) for each in found] == [
        ("all::1::me", ""),
        ("all::2::me", "a.xml::2::me"),
        ("own::3::me", ""),
        ("given::4::me", "header::4::me"),
        ("c::5::me", ""),
        ("c::1::me", "d.xml::1::me"),
        ("c::6::me", "d.xml::6::me"),
        ("raw.sql::raw::includeAll", ""),
    ]
    assert names({"a.sql": "--liquibase formatted sql logicalFilePath:all\n--changeset me:1\nSELECT 1"}) == [
        "a.sql::1::me"
    ]


def test_logical_file_path_of_two():
    """A name that two would share is no proof of either: the release that gives it to both runs neither."""
    root = xml(changeset("1"), '<include file="a.xml"/>', '<include file="b.xml"/>', attributes='logicalFilePath="all"')
    found = changesets({"root.xml": root, "a.xml": xml(changeset("1")), "b.xml": xml(changeset("2"))})
    assert [(each.revision, each.other) for each in found] == [
        ("all::1::me", ""),
        ("a.xml::1::me", ""),
        ("all::2::me", "b.xml::2::me"),
    ]


@pytest.mark.parametrize("text", ["[" * 1_500, "{a: " * 1_500, "- " * 1_500])
def test_deep_yaml(text):
    """A changelog that has no end of its depth is refused, and ends no process."""
    with pytest.raises(ValueError, match=r"a\.yaml cannot be parsed \(it is nested too deeply\)"):
        names({"a.yaml": f"# databaseChangeLog\n{text}"})


COLUMN = {"column": {"name": "a", "valueDate": "2024-01-02"}}
INSERT = {"insert": {"tableName": "t", "columns": [COLUMN]}}
TAG = {"tagDatabase": {"tag": "v1"}}
LONG = [{"changeSet": {"id": 1, "author": "me", "changes": [*[INSERT] * 500, TAG]}}]
LONG_YAML = "databaseChangeLog:\n- changeSet:\n    id: 1\n    author: me\n    changes:\n"
LONG_YAML += "    - insert: {tableName: t, columns: [column: {name: a, valueDate: 2024-01-02}]}\n" * 500
LONG_XML = "<insert tableName='t'><column name='a' value='b'/></insert>" * 500 + "<tagDatabase tag='v1'/>"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.xml", xml(changeset("1", inside=LONG_XML))),
        ("a.json", json.dumps({"databaseChangeLog": LONG})),
        ("a.yaml", f"{LONG_YAML}    - tagDatabase: {{tag: v1}}\n"),
    ],
)
def test_memory(path, text):
    """Of a changelog only what tells something is kept, however much it changes."""
    tracemalloc.start()
    assert changesets({path: text}) == [Changeset(f"{path}::1::me", "v1")]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * len(text)


@pytest.mark.parametrize(
    "inside",
    [
        "- changeSet: &a {id: 1, author: me}\n- changeSet: {<<: *a, id: 2}\n",
        "- &a {changeSet: {id: 1, author: me}}\n- *a\n",
        "- changeSet: !!map {id: 1, author: me, context: 0x10}\n",
        "- changeSet: {id: !!str 1, author: ~, author: me}\n",
        "- changeSet: {id: 1, author: me, runAlways: no, changes: [{insert: {date: 2024-01-02}}], labels: }\n",
        "- changeSet:\n    id: 1\n    author: me\n    preConditions:\n    - onFail: CONTINUE\n    - not: [a: {b: c}]\n",
        "- changeSet: {id: 1, author: me, changes: [{a: [{b: [{tagDatabase: {tag: v1}}]}]}], rollback: [x]}\n",
        "- preConditions: [{onFail: CONTINUE}]\n- property: {name: a, value: b}\n- include: {file: b.sql}\n",
        "",
        "  changeSet: {id: 1, author: me}\n",
    ],
)
def test_parts_of_yaml(inside):
    """What is left out of a changelog in YAML would have told nothing."""
    text, other = f"databaseChangeLog:\n{inside}", sql("--changeset me:3")
    whole = {"a.json": json.dumps(documents.load(text), default=str), "b.sql": other}
    expected = [
        replace(each, revision=each.revision.replace("a.json", "a.yaml")) for each in changesets(whole, "a.json")
    ]
    assert changesets({"a.yaml": text, "b.sql": other}, "a.yaml") == expected


def test_properties():
    """A property's first definition holds, in what is included too, unless it depends on where Liquibase runs."""
    files = {
        ROOT: "databaseChangeLog:\n- property: {name: dir, value: changes}\n- property: {name: dir, value: no}\n"
        "- include: {file: '${dir}/1.yaml'}\n",
        "changes/1.yaml": "databaseChangeLog:\n- include: {file: '${dir}/2.sql'}\n",
        "changes/2.sql": sql("--changeset ${ dir }:1", "SELECT 1"),
    }
    assert names(files) == ["changes/2.sql::1::changes"]
    files[ROOT] = files[ROOT].replace("value: changes", "value: changes, dbms: h2")
    with pytest.raises(ValueError, match=r"db\.changelog-root\.yaml uses \$\{dir\}, whose value only Liquibase has"):
        names(files)


@pytest.mark.parametrize(
    ("attributes", "inside"),
    [
        ('context="test"', ""),
        ('contextFilter="!prod"', ""),
        ('labels="x"', ""),
        ('dbms="h2"', ""),
        ('ignore="true"', ""),
        ('failOnError="false"', ""),
        ("", '<preConditions onFail="CONTINUE"/>'),
        ("", '<preConditions onError="CONTINUE"/>'),
    ],
)
def test_conditions(attributes, inside):
    """What Liquibase may pass over without a row is not certain, alone or by the changelog and the include it is in."""
    alone = xml(changeset("1"), changeset("2", attributes, inside))
    assert names({"a.xml": alone}) == ["a.xml::1::me"]
    if attributes and "failOnError" not in attributes:
        include = f'<include file="b.xml" {attributes}/>'
        assert names({"changelog.xml": xml(changeset("1"), include), "b.xml": xml(changeset("2"))}) == [
            "changelog.xml::1::me"
        ]


def test_conditions_in_sql():
    """Formatted SQL has the same conditions."""
    text = sql(
        "--changeset me:1 context:test",
        "--changeset me:2",
        "--preconditions onFail:CONTINUE onError:HALT",
        "--precondition-sql-check expectedResult:0 SELECT 0",
        '--changeset me:3 labels:"a, b"',
        "--changeset me:4 context:",
        "-- include the rest by hand, property of me",
        "--preconditions onFail:MARK_RAN",
        "--changeset me:5 dbms:postgresql",
    )
    assert names({"a.sql": text}) == ["a.sql::4::me"]


AGAIN = [
    ("a.xml", xml(changeset("1", 'runOnChange="true"')), "runOnChange"),
    ("a.xml", xml(changeset("1", 'runOnChange="false" runAlways="${again}"')), "runAlways"),
    ("a.json", '{"databaseChangeLog": [{"changeSet": {"id": 1, "author": "me", "alwaysRun": 1}}]}', "alwaysRun"),
    ("a.yaml", "databaseChangeLog:\n- changeSet: {id: 1, author: me, runonchange: 'Yes'}", "runOnChange"),
    ("a.sql", sql("--changeset me:1 RUNONCHANGE:TRUE"), "runOnChange"),
    ("a.sql", sql('--changeset me:1 comment:"xrunAlways:true"'), "runAlways"),
    ("a.xml", xml(changeset("1", 'runOnChange="no" runAlways="0"')), ""),
    ("a.yaml", "databaseChangeLog:\n- changeSet: {id: 1, author: me, runAlways: false, runOnChange:}", ""),
    ("a.sql", sql("--changeset me:1 runOnChange:false", "-- runAlways:true"), ""),
]


@pytest.mark.parametrize(("path", "text", "again"), AGAIN)
def test_what_runs_again(path, text, again):
    """A changeset may run though it has a row, unless it says plainly that it does not."""
    assert changesets({path: text}) == [Changeset(f"{path}::1::me", again=again)]


def test_what_runs_again_below():
    """The attribute is the changeset's, in a changelog that is included too, and not one of the include."""
    files = {
        "changelog.xml": xml('<include file="b.xml" runOnChange="true"/>', changeset("2")),
        "b.xml": xml(changeset("1", 'runAlways="true"'), attributes='runOnChange="true"'),
    }
    assert [each.again for each in changesets(files)] == ["runAlways", ""]


@pytest.mark.parametrize("condition", ['onFail="MARK_RAN"', 'onFail="HALT"', 'onFail="WARN"', ""])
def test_conditions_with_a_row(condition):
    """What is marked as run, or ends the run, has a row in the end."""
    assert names({"a.xml": xml(changeset("1", inside=f"<preConditions {condition}/>"))}) == ["a.xml::1::me"]


def test_yaml_conditions():
    """Conditions in YAML are lists of mappings."""
    text = "databaseChangeLog:\n- changeSet:\n    id: 1\n    author: me\n    preConditions:\n    - onFail: CONTINUE\n"
    assert changesets({"a.yaml": text}) == [Changeset("a.yaml::1::me", certain=False)]


def test_rollback_tags_are_none():
    """A tag that only a rollback sets is none of the changeset's."""
    assert changesets({"a.xml": xml(changeset("1", inside='<rollback><tagDatabase tag="v0"/></rollback>'))}) == [
        Changeset("a.xml::1::me")
    ]


def test_modify_changesets():
    """What wraps includes to modify their changesets is passed over."""
    files = {
        "changelog.xml": xml('<modifyChangeSets runWith="psql"><include file="a.xml"/></modifyChangeSets>'),
        "a.xml": xml(changeset("1")),
    }
    assert names(files) == ["a.xml::1::me"]


def test_the_root_among_several():
    """Of several changelogs that none includes, the one that is called so is the root."""
    files = {"changelog.xml": xml(changeset("1")), "b.xml": xml(changeset("2"))}
    assert names(files) == ["changelog.xml::1::me"]
    with pytest.raises(ValueError, match=r"a\.xml and b\.xml may each be the root changelog"):
        names({"a.xml": xml(changeset("1")), "b.xml": xml(changeset("2"))})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<include file="../b.xml"/>', r"includes \.\./b\.xml, which is not in it; name the directory of Liquibase's"),
        ('<include file="../../etc/passwd"/>', "which is not in it"),
        ('<includeAll path="../"/>', "which is not in it"),
        ('<include file="missing.xml"/>', "which is not in it"),
        ('<include file="a.xml"/>', "a.xml includes itself"),
        ('<includeAll path="."/>', "a.xml includes itself"),
        ('<includeAll path="x" filter="com.Filter"/>', "only a program can tell"),
        ('<changeSet id="1"/>', "without an id or an author"),
        ("<changeSet", r"a\.xml cannot be parsed"),
    ],
)
def test_faults(text, says):
    """What is wrong is said, and nothing outside of the directory is read."""
    with pytest.raises(ValueError, match=says):
        names({"a.xml": xml(text)})


def test_missing_includes_that_may_be():
    """An include that may be missing may be so."""
    assert names({"a.xml": xml('<include file="b.xml" errorIfMissing="false"/>', changeset("1"))}) == ["a.xml::1::me"]


def test_no_entities():
    """A DOCTYPE, and so an entity, is refused."""
    bomb = '<!DOCTYPE x [<!ENTITY a "databaseChangeLog">]><databaseChangeLog>&a;</databaseChangeLog>'
    with pytest.raises(ValueError, match=r"a\.xml cannot be parsed \(it has a DOCTYPE"):
        names({"a.xml": bomb})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.yaml", "databaseChangeLog: ["),
        ("a.yaml", "databaseChangeLog: !!python/object/apply:os.system [true]"),
        ("a.yaml", "databaseChangeLog:\n- changeSet: {id: 2024-01-01, author: me}"),
        ("a.json", '{"databaseChangeLog": '),
        ("a.json", '{"databaseChangeLog": ' + "[" * 100_000),
    ],
)
def test_broken(path, text):
    """What cannot be parsed is said, and nothing in it is run."""
    with pytest.raises(ValueError, match="cannot be parsed"):
        names({path: text})


def test_none():
    """Files without a changelog are none."""
    with pytest.raises(ValueError, match="there is no changelog in it"):
        names({"a.yaml": "databaseChangeLog", "b.sql": "SELECT 1", "c.json": "[]"})
