"""Liquibase, whose program is in the jar liquibase-core. A lock row stays for ever where it was killed."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.gates import awaits, has, has_all, has_both, lacks, no_table, nothing
from recorder.packages import jars
from recorder.recording import Database, Recording, Tool, scratch

LOWER = ("databasechangelog", "databasechangeloglock", "app_changelog", "app_changelog_lock")
TABLES = (*LOWER, "DATABASECHANGELOG", "DATABASECHANGELOGLOCK", *(f"app.{table}" for table in LOWER[:2]))
DATABASES = ("postgresql", "mariadb", "mysql")
RELEASES = ("5.0.4", "4.22.0")
"""The newest, then the older one that most guides name."""
JARS = (
    "info.picocli:picocli:4.7.7",
    "org.yaml:snakeyaml:2.5",
    "org.postgresql:postgresql:42.7.14",
    "org.mariadb.jdbc:mariadb-java-client:3.5.6",
    "com.mysql:mysql-connector-j:9.5.0",
)
PASSING = r"'\d:[\da-f]{32}'|'(5\.0\.4|4\.22\.0)'|'\d{4}-\d\d-\d\d [^']*'|'\d{10}'"
"""Checksums of its own kind, its version, when a changeset was run, and the run's number, which is made of the time."""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<databaseChangeLog
    xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog
        http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
{}
</databaseChangeLog>
"""
PRODUCT = XML.format("""\
    <changeSet id="1" author="me">
        <createTable tableName="product">
            <column name="id" type="int"/>
        </createTable>
    </changeSet>""")
PRICE = {
    "databaseChangeLog": [
        {
            "changeSet": {
                "id": "2",
                "author": "me",
                "changes": [
                    {"addColumn": {"tableName": "product", "columns": [{"column": {"name": "price", "type": "int"}}]}}
                ],
            }
        }
    ]
}
STOCK = """\
--liquibase formatted sql

--changeset me:3
ALTER TABLE product ADD stock int;
--rollback ALTER TABLE product DROP COLUMN stock;
"""
FILES = {
    "changes/create-product.xml": PRODUCT,
    "changes/add-price.json": json.dumps(PRICE, indent=2) + "\n",
    "changes/add-stock.sql": STOCK,
}
ONE, TWO, THREE = (f"{path}::{number}::me" for number, path in enumerate(FILES, 1))
NESTED = {
    "db.changelog-root.yaml": """\
databaseChangeLog:
  - include:
      file: changes/create-product.xml
  - include:
      file: changes/add-price.json
  - include:
      file: changes/stock.yaml
""",
    "changes/stock.yaml": """\
databaseChangeLog:
  - include:
      file: add-stock.sql
      relativeToChangelogFile: true
""",
    **FILES,
}
INCLUDE_ALL = {
    "db.changelog-root.xml": XML.format('    <includeAll path="changes/"/>'),
    **{path.replace("/", f"/{number}-"): text for number, (path, text) in enumerate(FILES.items(), 1)},
}
FILTERED = {
    "db.changelog-root.yaml": """\
databaseChangeLog:
  - changeSet:
      id: 1
      author: me
      changes:
        - createTable:
            tableName: product
            columns:
              - column:
                  name: id
                  type: int
  - changeSet:
      id: 2
      author: me
      context: test
      changes:
        - sql: INSERT INTO product (id) VALUES (1)
  - changeSet:
      id: 3
      author: me
      preConditions:
        - onFail: MARK_RAN
        - not:
            - tableExists:
                tableName: product
      changes:
        - sql: CREATE TABLE product (id int)
  - changeSet:
      id: 4
      author: me
      runAlways: true
      changes:
        - sql: DELETE FROM product
"""
}
CONDITIONAL = {
    "db.changelog-root.sql": """\
--liquibase formatted sql

--changeset me:1
CREATE TABLE product (id int);

--changeset me:2 context:production
ALTER TABLE product ADD price int;
"""
}
DBMS = {
    "db.changelog-root.yaml": """\
databaseChangeLog:
  - changeSet: {id: 1, author: me, dbms: "!postgresql, !oracle", changes: [{sql: CREATE TABLE others (id int)}]}
  - changeSet: {id: 2, author: me, dbms: "!mysql, !mariadb", changes: [{sql: CREATE TABLE own (id int)}]}
  - changeSet: {id: 3, author: me, dbms: "postgresql, none", changes: [{sql: CREATE TABLE none (id int)}]}
  - changeSet: {id: 4, author: me, dbms: "all, none", changes: [{sql: CREATE TABLE product (id int)}]}
  - include: {file: changes.sql}
""",
    "changes.sql": """\
--liquibase formatted sql

--changeset me:5 dbms: mssql
CREATE TABLE one_space (id int);

--changeset me:6 dbms:  mssql
CREATE TABLE two_spaces (id int);
""",
}
BROKEN = {**NESTED, "changes/add-stock.sql": STOCK.replace("ALTER TABLE product", "ALTER TABLE absent")}


class Liquibase(Tool):
    """Liquibase as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start Liquibase in a directory of these files, in which it looks for changelogs."""
        parts = database.parts
        options = [f"--search-path={self.project(files)}"]
        options += [f"--url=jdbc:{self.recording.kind}://{parts['host']}:{parts['port']}/{parts['name']}"]
        options += [f"--username={parts['user']}", f"--password={parts['password']}"]
        if args[0] not in ("tag", "clear-checksums"):
            args += (f"--changelog-file={next(name for name in files if 'root' in name)}",)
        return self.recording.start([*self.program, *options, *args], self.folder)

    @property
    def pausing(self) -> dict[str, str]:
        """Return the files whose third changeset pauses; its checksum is another one."""
        pause = f"--changeset me:3\n{self.recording.pause_statement};"
        return {**NESTED, "changes/add-stock.sql": STOCK.replace("--changeset me:3", pause)}

    def update(self, database: Database, count: int) -> subprocess.Popen[str]:
        """Start applying the first so many changesets, of which the third pauses."""
        return self.start(database, self.pausing, "update-count", f"--count={count}")

    def is_done(self, database: Database) -> bool:
        """Return whether Liquibase says that nothing is left to apply."""
        asking = self.start(database, self.pausing, "status")
        try:
            return "is up to date" in asking.communicate(timeout=15)[0]
        except subprocess.TimeoutExpired:  # the older release waits for the lock of the one that migrates
            asking.kill()
            asking.communicate()
            return False


def record(recording: Recording) -> None:
    """Record the common story, and tags, filtered changesets, a rollback and stale locks."""
    # Who holds the lock is told by host name and address.
    recording.clean = lambda text: re.sub(r"'[^']* \([\da-f.:]+(%\w+)?\)'", "'migrator (10.0.0.7)'", text)
    recording.write_migrations(NESTED)
    recording.write_migrations(INCLUDE_ALL, "migrations-include-all")
    recording.write_migrations(FILTERED, "migrations-filtered")
    recording.write_migrations(CONDITIONAL, "migrations-conditional")
    recording.write_migrations(DBMS, "migrations-dbms")
    for release in RELEASES:
        recording.version, recording.beside = release, "" if release == RELEASES[0] else PASSING
        class_path = jars(recording.cache / release, f"org.liquibase:liquibase-core:{release}", *JARS)
        java = ["java", "-XX:TieredStopAtLevel=1", "-cp", class_path]
        with scratch() as folder:
            record_release(
                Liquibase(recording, folder, [*java, "liquibase.integration.commandline.LiquibaseCommandLine"])
            )


def record_release(liquibase: Liquibase) -> None:
    """Record one release."""
    record_story(liquibase)
    record_failures(liquibase)
    record_tags(liquibase)
    record_filtered(liquibase)
    record_dbms(liquibase)
    record_tables(liquibase)
    if liquibase.recording.kind == "postgresql":
        record_schema(liquibase)


def record_story(liquibase: Liquibase) -> None:
    """Record the common story, and what may follow it."""
    recording = liquibase.recording
    looked = liquibase.database(NESTED, "status")
    recording.save(
        "status-only",
        "only `liquibase status` has run, which makes the tables",
        looked,
        nothing(ONE),
        ("--migrations migrations", "timed out", "has nothing applied; awaiting "),
    )
    done = recording.story(
        (ONE, TWO, THREE),
        liquibase.update,
        liquibase.is_done,
    )
    liquibase.run(done, NESTED, "clear-checksums")
    recording.save(
        "checksums-cleared",
        "all three changesets are applied, then their checksums were cleared",
        done,
        has(THREE),
        has(f"classpath:/{THREE}", THREE),
        (f"--revision {THREE.replace('me', 'you')}", "timed out", "awaiting "),
        (f"--revision {THREE.replace('changes', 'db')}", "timed out", "awaiting "),
        has_all(),
    )
    liquibase.run(done, NESTED, "rollback-count", "--count=1")
    recording.save(
        "rolled-back",
        "all three were applied, then the last was rolled back",
        done,
        has(TWO),
        awaits(THREE),
        lacks(THREE),
    )
    every = liquibase.database(INCLUDE_ALL, "update-count", "--count=2")
    one, _, three = (f"changes/{number}-{Path(path).name}::{number}::me" for number, path in enumerate(FILES, 1))
    recording.save(
        "include-all-part-way",
        "two of three changesets of an includeAll are applied",
        every,
        has(one),
        lacks(three, "migrations-include-all"),
    )
    liquibase.run(every, INCLUDE_ALL, "update")
    recording.save(
        "include-all",
        "three changesets of an includeAll are applied",
        every,
        has(three),
        has_all("migrations-include-all"),
    )


def record_failures(liquibase: Liquibase) -> None:
    """Record a failure, which leaves nothing, and a kill, which leaves the lock."""
    recording = liquibase.recording
    failed = liquibase.database(BROKEN, "update", fails=True)
    recording.save(
        "failed",
        "the last of three changesets has failed, of which Liquibase leaves nothing",
        failed,
        has(TWO),
        (f"--revision {THREE}", "timed out", f"is at {TWO}"),
        ("--migrations migrations", "timed out", f"is at {TWO}"),
    )
    killed = recording.database()
    with recording.paused(killed, lambda: liquibase.update(killed, 3)) as process:
        process.kill()
        process.communicate()
        recording.save(
            "killed",
            "Liquibase was killed in the last of three changesets, and its lock row has stayed",
            killed,
            has(TWO),
            (f"--revision {THREE}", "timed out", "migrator (10.0.0.7)"),
            ("--migrations migrations", "timed out", "lock"),
        )


def record_tags(liquibase: Liquibase) -> None:
    """Record a tag, and another that takes its place."""
    recording = liquibase.recording
    tagged = liquibase.database(NESTED, "update-count", "--count=2")
    liquibase.run(tagged, NESTED, "tag", "--tag=v1")
    recording.save(
        "tag",
        "two of three changesets are applied and tagged v1",
        tagged,
        has("tag:v1"),
        has_both("tag:v1", TWO),
        awaits("tag:v2"),
    )
    liquibase.run(tagged, NESTED, "tag", "--tag=v1.1")
    recording.save(
        "tag-replaced",
        "the tag v1 was replaced, as nothing was applied between it and v1.1",
        tagged,
        has("tag:v1.1"),
        awaits("tag:v1"),
    )
    liquibase.run(tagged, NESTED, "update")
    liquibase.run(tagged, NESTED, "tag", "--tag=v2")
    recording.save(
        "tag-next",
        "a changeset was applied after v1.1, and tagged v2",
        tagged,
        has("tag:v1.1"),
        has("tag:v2"),
        has_all(),
    )


def record_filtered(liquibase: Liquibase) -> None:
    """Record changesets that are skipped in the two ways, and one that runs each time."""
    recording = liquibase.recording
    filtered = recording.database()
    for _ in range(2):
        liquibase.run(filtered, FILTERED, "update", "--contexts=production")
    one, two, three, four = (f"db.changelog-root.yaml::{number}::me" for number in range(1, 5))
    recording.save(
        "filtered",
        "the second changeset is of another context, the third is marked as run, the fourth has run twice",
        filtered,
        has(one),
        awaits(two),
        has(three),
        has(four),
        ("--migrations migrations-filtered", "misconfigured", "4::me has runAlways, and only Liquibase can tell"),
    )
    one, two = (f"db.changelog-root.sql::{number}::me" for number in range(1, 3))
    conditional = liquibase.database(CONDITIONAL, "update-count", "--count=1", "--contexts=production")
    recording.save(
        "conditional-pending",
        "the last changeset is of this database's context, and has not run yet",
        conditional,
        has(one),
        awaits(two),
        lacks(two, "migrations-conditional"),
    )
    liquibase.run(conditional, CONDITIONAL, "update", "--contexts=production")
    recording.save(
        "conditional",
        "the last changeset is of this database's context, and has run",
        conditional,
        has(two),
        has_all("migrations-conditional"),
    )


def record_dbms(liquibase: Liquibase) -> None:
    """Record changesets of some databases alone."""
    recording = liquibase.recording
    directory = "migrations-dbms"
    own, last = f"db.changelog-root.yaml::{2 if recording.kind == 'postgresql' else 1}::me", "changes.sql::6::me"
    some = liquibase.database(DBMS, "update-count", "--count=1")
    recording.save(
        "dbms-pending",
        "of the changesets that are for this database the first has run",
        some,
        has(own),
        awaits(last, own),
        lacks(f"db.changelog-root.yaml::4::me, {last}", directory),
    )
    liquibase.run(some, DBMS, "update")
    recording.save(
        "dbms",
        "all changesets that are for this database have run, and no others",
        some,
        has(last),
        has_all(directory),
    )


def record_tables(liquibase: Liquibase) -> None:
    """Record tables of other names."""
    recording = liquibase.recording
    names = ("--database-changelog-table-name=app_changelog", "--database-changelog-lock-table-name=app_changelog_lock")
    renamed = liquibase.database(NESTED, *names, "update")
    recording.save(
        "renamed",
        "the tables have names of the user's",
        renamed,
        no_table(THREE),
        (f"--table app_changelog --revision {THREE}", "opened", f"has {THREE} applied"),
        ("--table app_changelog --migrations migrations", "opened", ""),
    )


def record_schema(liquibase: Liquibase) -> None:
    """Record tables outside of the default schema."""
    recording = liquibase.recording
    schema = recording.database()
    recording.query(schema, "CREATE SCHEMA app")
    liquibase.run(schema, NESTED, "--liquibase-schema-name=app", "update")
    recording.save(
        "other-schema",
        "Liquibase keeps its tables in the schema app",
        schema,
        no_table(THREE),
        (f"--table app.databasechangelog --revision {THREE}", "opened", f"has {THREE} applied"),
        ("--table app.databasechangelog --migrations migrations", "opened", ""),
    )
