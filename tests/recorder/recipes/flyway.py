"""Flyway, as a library run by a few lines of Java: its command line is not on Maven Central in one piece.

It keeps a log of events. On PostgreSQL a migration that failed in its transaction leaves no row, on MariaDB it does.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("flyway_schema_history", "app.flyway_schema_history")
DATABASES = ("postgresql", "mariadb")
VERSION = "13.12.0"
JARS = (
    *(f"org.flywaydb:{name}:{VERSION}" for name in ("flyway-core", "flyway-database-postgresql", "flyway-mysql")),
    "org.postgresql:postgresql:42.7.14",
    "org.mariadb.jdbc:mariadb-java-client:3.5.6",
)
FIRST = {"V1__create_product.sql": "CREATE TABLE product (id int)"}
SECOND = {"V2__add_price.sql": "ALTER TABLE product ADD price int"}
THIRD = {"V3__add_stock.sql": "ALTER TABLE product ADD stock int"}
FILES = {**FIRST, **SECOND, **THIRD}
BROKEN = {**FIRST, **SECOND, "V3__add_stock.sql": "ALTER TABLE absent ADD stock int"}
BASELINE = {"B2__baseline.sql": "CREATE TABLE product (id int, price int)", **FILES}
DOTTED = {
    "V001__create_product.sql": "CREATE TABLE product (id int)",
    "V1_02__add_price.sql": "ALTER TABLE product ADD price int",
    "V1.10__add_stock.sql": "ALTER TABLE product ADD stock int",
}
REPEATABLE, SELECT = "R__product_list.sql", "CREATE OR REPLACE VIEW product_list AS SELECT"
VIEW = {**FILES, REPEATABLE: f"{SELECT} id FROM product"}
OTHER_VIEW = {**FILES, REPEATABLE: f"{SELECT} id, price FROM product"}
BROKEN_VIEW = {**FILES, REPEATABLE: f"{SELECT} id FROM absent"}

MAIN = """
import java.util.HashMap;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.database.postgresql.PostgreSQLConfigurationExtension;

/** Runs a command with settings key=value, as Flyway's own command line does. */
public class Main {
    public static void main(String[] args) {
        Map<String, String> settings = new HashMap<>();
        for (int i = 1; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put("flyway." + pair[0], pair[1]);
        }
        boolean transactional = !"false".equals(settings.remove("flyway.postgresql.transactional.lock"));
        var configuration = Flyway.configure().configuration(settings);
        configuration.getConfigurationExtension(PostgreSQLConfigurationExtension.class)
            .setTransactionalLock(transactional);
        Flyway flyway = configuration.load();
        switch (args[0]) {
            case "migrate" -> flyway.migrate();
            case "baseline" -> flyway.baseline();
            case "repair" -> flyway.repair();
            case "info" -> System.out.println("pending: " + flyway.info().pending().length);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }
}
"""


@dataclass
class Flyway:
    """Flyway as it is run on the databases of a recording."""

    recording: Recording
    java: Sequence[str | Path]
    folder: Path

    def start(self, database: Database, command: str, files: dict[str, str], *settings: str) -> subprocess.Popen[str]:
        """Start Flyway on a directory of these files."""
        locations = self.folder / str(len(list(self.folder.iterdir())))
        write(locations, files)
        parts = database.parts
        url = f"jdbc:{self.recording.kind}://{parts['host']}:{parts['port']}/{parts['name']}"
        options = (f"url={url}", f"user={parts['user']}", f"password={parts['password']}")
        options += (f"locations=filesystem:{locations}", *settings)
        return self.recording.start([*self.java, command, *options], self.folder)

    def run(self, database: Database, command: str, files: dict[str, str], *settings: str, fails: bool = False) -> str:
        """Run it to its end."""
        return self.recording.ended(self.start(database, command, files, *settings), fails=fails)

    def database(self, files: dict[str, str], *settings: str, fails: bool = False) -> Database:
        """Return a new database to which these were migrated."""
        database = self.recording.database()
        self.run(database, "migrate", files, *settings, fails=fails)
        return database

    def files(self, count: int) -> dict[str, str]:
        """Return the first so many migrations, the third with the statement that pauses."""
        pause = f"{self.recording.pause_statement};\n"
        return {name: pause * (name in THIRD) + sql for name, sql in list(FILES.items())[:count]}


def record(recording: Recording) -> None:
    """Record the common story, and what baseline, repair, repeatable and late migrations leave."""
    java = install(recording)
    for directory, files in {
        "migrations": FILES,
        "migrations-baseline": BASELINE,
        "migrations-dotted": DOTTED,
        "migrations-old": {**FIRST, **SECOND},
        "migrations-repeatable": VIEW,
        "migrations-repeatable-changed": OTHER_VIEW,
    }.items():
        write(recording.fixtures / directory, files)
    with scratch() as folder:
        flyway = Flyway(recording, java, folder)
        record_story(flyway)
        record_failures(flyway)
        record_late(flyway)
        record_baselines(flyway)
        record_repeatables(flyway)
        record_versions(flyway)
        record_deleted(flyway)
        record_group(flyway)
        if recording.kind == "postgresql":
            record_schema(flyway)


def record_story(flyway: Flyway) -> None:
    """Record the common story, and one that is further than wanted."""
    recording = flyway.recording
    done = recording.story(
        ("1", "2", "3"),
        lambda database, count: flyway.start(database, "migrate", flyway.files(count)),
        lambda database: "pending: 0" in flyway.run(database, "info", flyway.files(3)),
    )
    recording.save(
        "ahead",
        "the database is past what is wanted",
        done,
        ("--revision V2__add_price.sql", "opened", "is at 3, past the wanted 2"),
        ("--revision 2 --if-ahead wait", "timed out", "is at 3, past the wanted 2"),
        ("--revision 2 --if-ahead refuse", "refused", "is at 3, past the wanted 2"),
        ("--migrations migrations-old", "opened", "is at 3, past the wanted"),
        ("--migrations migrations-baseline", "opened", "has "),
    )


def record_failures(flyway: Flyway) -> None:
    """Record failures, of which the database decides what is left, and their repair."""
    recording = flyway.recording
    failed = flyway.database(BROKEN, fails=True)
    if recording.kind == "mariadb":
        save_failed(recording, failed, "failed", "the last of three migrations has failed")
        flyway.run(failed, "repair", BROKEN)
        scenario, what = "repaired", "the last of three migrations has failed, and then `flyway repair` was run"
    else:
        scenario, what = "failed", "the last of three migrations has failed in its transaction, which leaves no row"
    recording.save(
        scenario,
        what,
        failed,
        ("--revision 2", "opened", "has 2 applied"),
        ("--revision 3", "timed out", "is at 2; awaiting 3"),
        ("--migrations migrations", "timed out", "is at 2; awaiting 3"),
    )
    if recording.kind == "postgresql":
        session = ("executeInTransaction=false", "postgresql.transactional.lock=false")
        failed = flyway.database(BROKEN, *session, fails=True)
        what = "the last of three migrations has failed outside of a transaction, the lock being a session's"
        save_failed(recording, failed, "failed-outside-transaction", what)


def record_late(flyway: Flyway) -> None:
    """Record a migration that was merged late."""
    recording = flyway.recording
    late = flyway.database({**FIRST, **THIRD})
    recording.save(
        "late",
        "the second migration was merged after the third was applied, and has not run",
        late,
        ("--revision 2", "timed out", "awaiting 2"),
        ("--revision 3", "opened", "has 3 applied"),
        ("--migrations migrations", "timed out", "awaiting 2"),
    )
    flyway.run(late, "migrate", FILES, "outOfOrder=true")
    recording.save(
        "out-of-order",
        "the second migration was applied after the third, out of order",
        late,
        ("--revision 2", "opened", "is at 3, past the wanted 2"),
        ("--revision 3", "opened", "has 3 applied"),
        ("--migrations migrations", "opened", ""),
    )


def record_baselines(flyway: Flyway) -> None:
    """Record both ways of a baseline: the command, and a migration B."""
    recording = flyway.recording
    baseline = recording.database()
    recording.query(baseline, "CREATE TABLE product (id int, price int)")
    flyway.run(baseline, "baseline", FILES, "baselineVersion=2")
    recording.save(
        "baseline",
        "an existing schema was given the baseline 2",
        baseline,
        ("--revision 1", "opened", "is at 2, past the wanted 1"),
        ("--revision 2", "opened", "has 2 applied"),
        ("--revision 3", "timed out", "is at 2; awaiting 3"),
        ("--migrations migrations", "timed out", "is at 2; awaiting 3"),
    )
    flyway.run(baseline, "migrate", FILES)
    recording.save(
        "baseline-migrated",
        "an existing schema was given the baseline 2 and then migrated",
        baseline,
        ("--revision 1", "opened", "is at 3, past the wanted 1"),
        ("--revision 3", "opened", "has 3 applied"),
        ("--revision 4", "timed out", "is at 3; awaiting 4"),
        ("--migrations migrations", "opened", ""),
    )

    fresh = flyway.database(BASELINE)
    recording.save(
        "baseline-migration",
        "a fresh database took the baseline migration B2 instead of the first two",
        fresh,
        ("--revision 1", "opened", "is at 3, past the wanted 1"),
        ("--revision 2", "opened", "is at 3, past the wanted 2"),
        ("--revision 3", "opened", "has 3 applied"),
        ("--migrations migrations", "opened", ""),
        ("--migrations migrations-baseline", "opened", ""),
    )


def record_repeatables(flyway: Flyway) -> None:
    """Record a repeatable migration and its changes."""
    recording = flyway.recording
    views = flyway.database(VIEW)
    recording.save(
        "repeatable",
        "three migrations and a repeatable one are applied",
        views,
        ("--revision 3", "opened", "has 3 applied"),
        ("--revision R__product_list", "opened", "has R__product_list applied"),
        ("--revision R__product_list.sql", "opened", "has R__product_list applied"),
        ("--revision R__absent", "timed out", "awaiting R__absent"),
        ("--migrations migrations-repeatable", "opened", ""),
        ("--migrations migrations-repeatable-changed", "timed out", "awaiting R__product_list"),
    )
    flyway.run(views, "migrate", OTHER_VIEW)
    recording.save(
        "repeatable-changed",
        "the repeatable migration was changed and applied again",
        views,
        ("--revision R__product_list", "opened", "has R__product_list applied"),
        ("--migrations migrations-repeatable-changed", "opened", ""),
    )
    if recording.kind == "mariadb":
        flyway.run(views, "migrate", BROKEN_VIEW, fails=True)
        recording.save(
            "repeatable-failed",
            "the repeatable migration was changed once more and has failed",
            views,
            ("--revision 3", "refused", "R__product_list.sql has failed"),
            ("--migrations migrations-repeatable", "refused", "R__product_list.sql has failed"),
        )


def record_versions(flyway: Flyway) -> None:
    """Record versions that can be written in several ways."""
    recording = flyway.recording
    dotted = flyway.database(DOTTED)
    recording.save(
        "dotted",
        "versions have dots, underscores and leading zeros",
        dotted,
        ("--revision 1", "opened", "is at 1.10, past the wanted 1"),
        ("--revision 1.2", "opened", "is at 1.10, past the wanted 1.2"),
        ("--revision 1.1", "timed out", "awaiting 1.1"),
        ("--revision 001.10.0", "opened", "has 1.10 applied"),
        ("--revision V1.10__add_stock.sql", "opened", "has 1.10 applied"),
        ("--migrations migrations-dotted", "opened", ""),
    )


def record_deleted(flyway: Flyway) -> None:
    """Record an applied migration whose file went away, and came back."""
    recording = flyway.recording
    deleted = flyway.database(FILES)
    flyway.run(deleted, "repair", {**FIRST, **THIRD})
    recording.save(
        "deleted",
        "all three were applied, then `flyway repair` noted that the second file is gone",
        deleted,
        ("--revision 2", "timed out", "awaiting 2"),
        ("--revision 3", "opened", "has 3 applied"),
        ("--migrations migrations", "timed out", "awaiting 2"),
    )
    # Its column is still there.
    flyway.run(deleted, "migrate", {**FILES, "V2__add_price.sql": "SELECT 2"}, "outOfOrder=true")
    recording.save(
        "deleted-reapplied",
        "the second was noted as gone, came back and was applied again",
        deleted,
        ("--revision 2", "opened", "is at 3, past the wanted 2"),
        ("--migrations migrations", "opened", ""),
    )


def record_schema(flyway: Flyway) -> None:
    """Record a history outside of the default schema."""
    recording = flyway.recording
    schema = flyway.database(FILES, "schemas=app")
    recording.save(
        "other-schema",
        "Flyway made the schema app for itself and keeps its table there",
        schema,
        ("--revision 3", "timed out", "there is no history table"),
        ("--table app.flyway_schema_history --revision 3", "opened", "has 3 applied"),
        ("--table app.flyway_schema_history --migrations migrations", "opened", ""),
    )


def record_group(flyway: Flyway) -> None:
    """Record a run that is one transaction."""
    recording = flyway.recording
    grouped = recording.database()
    with recording.paused(grouped, lambda: flyway.start(grouped, "migrate", flyway.files(3), "group=true")) as process:
        recording.save(
            "running-in-a-group",
            "three migrations are running in one transaction, as far as the database has such",
            grouped,
            ("--revision 3", "timed out", "awaiting 3"),
            ("--migrations migrations", "timed out", ""),
        )
    recording.ended(process)


def save_failed(recording: Recording, database: Database, scenario: str, what: str) -> None:
    """Save where the third migration is recorded as failed."""
    recording.save(
        scenario,
        what,
        database,
        ("--revision 3", "refused", "V3__add_stock.sql has failed"),
        ("--revision 2", "refused", "V3__add_stock.sql has failed"),
        ("--revision 3 --on-failure wait", "timed out", "V3__add_stock.sql has failed"),
        ("--migrations migrations", "refused", "V3__add_stock.sql has failed"),
    )


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a directory of migrations."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sql in files.items():
        (folder / name).write_text(f"{sql};\n")


def install(recording: Recording) -> list[str | Path]:
    """Fetch Flyway, compile the few lines of Java, and return the command that runs them."""
    recording.version = VERSION
    class_path = jars(recording, *JARS)
    source = recording.cache / "Main.java"
    if not source.exists() or source.read_text() != MAIN:
        source.with_suffix(".class").unlink(missing_ok=True)
        source.write_text(MAIN)
    if not source.with_suffix(".class").exists():
        recording.run(["javac", "-cp", class_path, source], recording.cache)
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{class_path}:{recording.cache}", "Main"]


def jars(recording: Recording, *artifacts: str) -> str:
    """Fetch artifacts (group:name:version) with what they depend on once, and return a class path."""
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
            *artifact.split(":")
        )
        for artifact in artifacts
    )
    project = (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>recorder</groupId><artifactId>recorder</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
    pom = recording.cache / "pom.xml"
    if not pom.exists() or pom.read_text() != project:
        folder = recording.cache / "jars"
        pending = recording.cache / "pending.xml"
        pending.write_text(project)
        command = ["mvn", "--quiet", "--batch-mode", "--file", pending, "dependency:copy-dependencies"]
        recording.run([*command, f"-DoutputDirectory={folder}"], recording.cache)
        pending.rename(pom)
    return f"{recording.cache}/jars/*"
