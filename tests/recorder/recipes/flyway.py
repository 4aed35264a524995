"""Flyway, as a library run by a few lines of Java: its command line is not on Maven Central in one piece.

It keeps a log of events. On PostgreSQL a migration that failed in its transaction leaves no row, on MariaDB it does.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.gates import awaits, beyond, has, has_all, lacks, no_table
from recorder.packages import jars
from recorder.recording import Database, Recording, Tool, scratch, with_semicolon

TABLES = ("flyway_schema_history", "app.flyway_schema_history")
DATABASES = ("postgresql", "mariadb", "mysql")
RELEASES = {
    "13.12.0": ("flyway-core", "flyway-database-postgresql", "flyway-mysql"),
    "9.16.3": ("flyway-core", "flyway-mysql"),
}
"""The newest, then the older one that most guides name, each with its parts."""
PACKAGES = {"13.12.0": "org.flywaydb.database.postgresql", "9.16.3": "org.flywaydb.core.internal.database.postgresql"}
"""Where each has what is PostgreSQL's."""
NEWEST = next(iter(RELEASES))
DRIVERS = (
    "org.postgresql:postgresql:42.7.14",
    "org.mariadb.jdbc:mariadb-java-client:3.5.6",
    "com.mysql:mysql-connector-j:9.5.0",
)
PASSING = r"'\d{4}-\d\d-\d\d [^']*', ?\d+"
"""When a migration was run, and how long it took."""
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
import PACKAGE.PostgreSQLConfigurationExtension;

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
        configuration.getPluginRegister().getPlugin(PostgreSQLConfigurationExtension.class)
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


class Flyway(Tool):
    """Flyway as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start Flyway on a directory of these files."""
        parts = database.parts
        url = f"jdbc:{self.recording.kind}://{parts['host']}:{parts['port']}/{parts['name']}"
        options = [f"url={url}", f"user={parts['user']}", f"password={parts['password']}"]
        options.append(f"locations=filesystem:{self.project(with_semicolon(files))}")
        return self.recording.start([*self.program, *args, *options], self.folder)


def record(recording: Recording) -> None:
    """Record the common story, and what baseline, repair, repeatable and late migrations leave."""
    for directory, files in {
        "migrations": FILES,
        "migrations-baseline": BASELINE,
        "migrations-dotted": DOTTED,
        "migrations-old": {**FIRST, **SECOND},
        "migrations-repeatable": VIEW,
        "migrations-repeatable-changed": OTHER_VIEW,
    }.items():
        recording.write_migrations(with_semicolon(files), directory)
    for release in RELEASES:
        recording.version, recording.beside = release, "" if release == NEWEST else PASSING
        with scratch() as folder:
            record_release(Flyway(recording, folder, install(recording, release)))


def record_release(flyway: Flyway) -> None:
    """Record one release."""
    record_story(flyway)
    record_failures(flyway)
    record_late(flyway)
    record_baselines(flyway)
    record_repeatables(flyway)
    record_versions(flyway)
    record_deleted(flyway)
    record_group(flyway)
    if flyway.recording.kind == "postgresql":
        record_schema(flyway)


def record_story(flyway: Flyway) -> None:
    """Record the common story, and one that is further than wanted."""
    recording = flyway.recording
    done = recording.story(
        ("1", "2", "3"),
        lambda database, count: flyway.start(database, recording.first(FILES, count), "migrate"),
        lambda database: "pending: 0" in flyway.run(database, recording.first(FILES, 3), "info"),
    )
    recording.save(
        "ahead",
        "the database is past what is wanted",
        done,
        beyond("V2__add_price.sql", "3", "2"),
        ("--revision 2 --if-ahead wait", "timed out", "is at 3, past the wanted 2"),
        ("--revision 2 --if-ahead refuse", "refused", "is at 3, past the wanted 2"),
        ("--migrations migrations-old", "opened", "is at 3, past the wanted"),
        ("--migrations migrations-baseline", "opened", "has "),
    )


def record_failures(flyway: Flyway) -> None:
    """Record failures, of which the database decides what is left, and their repair."""
    recording = flyway.recording
    failed = flyway.database(BROKEN, "migrate", fails=True)
    if recording.dialect == "mysql":
        save_failed(recording, failed, "failed", "the last of three migrations has failed")
        flyway.run(failed, BROKEN, "repair")
        scenario, what = "repaired", "the last of three migrations has failed, and then `flyway repair` was run"
    else:
        scenario, what = "failed", "the last of three migrations has failed in its transaction, which leaves no row"
    recording.save(
        scenario,
        what,
        failed,
        has("2"),
        awaits("3", "2"),
        ("--migrations migrations", "timed out", "is at 2; awaiting 3"),
    )
    if recording.kind == "postgresql":
        session = ("executeInTransaction=false", "postgresql.transactional.lock=false")
        failed = flyway.database(BROKEN, "migrate", *session, fails=True)
        what = "the last of three migrations has failed outside of a transaction, the lock being a session's"
        save_failed(recording, failed, "failed-outside-transaction", what)


def record_late(flyway: Flyway) -> None:
    """Record a migration that was merged late."""
    recording = flyway.recording
    late = flyway.database({**FIRST, **THIRD}, "migrate")
    recording.save(
        "late",
        "the second migration was merged after the third was applied, and has not run",
        late,
        awaits("2"),
        has("3"),
        lacks("2"),
    )
    flyway.run(late, FILES, "migrate", "outOfOrder=true")
    recording.save(
        "out-of-order",
        "the second migration was applied after the third, out of order",
        late,
        beyond("2", "3"),
        has("3"),
        has_all(),
    )


def record_baselines(flyway: Flyway) -> None:
    """Record both ways of a baseline: the command, and a migration B."""
    recording = flyway.recording
    baseline = recording.database()
    recording.query(baseline, "CREATE TABLE product (id int, price int)")
    flyway.run(baseline, FILES, "baseline", "baselineVersion=2")
    recording.save(
        "baseline",
        "an existing schema was given the baseline 2",
        baseline,
        beyond("1", "2"),
        has("2"),
        awaits("3", "2"),
        ("--migrations migrations", "timed out", "is at 2; awaiting 3"),
    )
    flyway.run(baseline, FILES, "migrate")
    recording.save(
        "baseline-migrated",
        "an existing schema was given the baseline 2 and then migrated",
        baseline,
        beyond("1", "3"),
        has("3"),
        awaits("4", "3"),
        has_all(),
    )

    if recording.beside:  # which passes over migrations B: they were for customers
        return
    fresh = flyway.database(BASELINE, "migrate")
    recording.save(
        "baseline-migration",
        "a fresh database took the baseline migration B2 instead of the first two",
        fresh,
        beyond("1", "3"),
        beyond("2", "3"),
        has("3"),
        has_all(),
        has_all("migrations-baseline"),
    )


def record_repeatables(flyway: Flyway) -> None:
    """Record a repeatable migration and its changes."""
    recording = flyway.recording
    views = flyway.database(VIEW, "migrate")
    recording.save(
        "repeatable",
        "three migrations and a repeatable one are applied",
        views,
        has("3"),
        has("R__product_list"),
        has("R__product_list.sql", "R__product_list"),
        awaits("R__absent"),
        has_all("migrations-repeatable"),
        lacks("R__product_list", "migrations-repeatable-changed"),
    )
    flyway.run(views, OTHER_VIEW, "migrate")
    recording.save(
        "repeatable-changed",
        "the repeatable migration was changed and applied again",
        views,
        has("R__product_list"),
        has_all("migrations-repeatable-changed"),
    )
    if recording.dialect == "mysql":
        flyway.run(views, BROKEN_VIEW, "migrate", fails=True)
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
    dotted = flyway.database(DOTTED, "migrate")
    recording.save(
        "dotted",
        "versions have dots, underscores and leading zeros",
        dotted,
        beyond("1", "1.10"),
        beyond("1.2", "1.10"),
        awaits("1.1"),
        has("001.10.0", "1.10"),
        has("V1.10__add_stock.sql", "1.10"),
        has_all("migrations-dotted"),
    )


def record_deleted(flyway: Flyway) -> None:
    """Record an applied migration whose file went away, and came back."""
    recording = flyway.recording
    deleted = flyway.database(FILES, "migrate")
    flyway.run(deleted, {**FIRST, **THIRD}, "repair")
    recording.save(
        "deleted",
        "all three were applied, then `flyway repair` noted that the second file is gone",
        deleted,
        awaits("2"),
        has("3"),
        lacks("2"),
    )
    # Its column is still there.
    flyway.run(deleted, {**FILES, "V2__add_price.sql": "SELECT 2"}, "migrate", "outOfOrder=true")
    recording.save(
        "deleted-reapplied",
        "the second was noted as gone, came back and was applied again",
        deleted,
        beyond("2", "3"),
        has_all(),
    )


def record_schema(flyway: Flyway) -> None:
    """Record a history outside of the default schema."""
    recording = flyway.recording
    schema = flyway.database(FILES, "migrate", "schemas=app")
    recording.save(
        "other-schema",
        "Flyway made the schema app for itself and keeps its table there",
        schema,
        no_table("3"),
        ("--table app.flyway_schema_history --revision 3", "opened", "has 3 applied"),
        ("--table app.flyway_schema_history --migrations migrations", "opened", ""),
    )


def record_group(flyway: Flyway) -> None:
    """Record a run that is one transaction."""
    recording = flyway.recording
    grouped = recording.database()
    with recording.paused(
        grouped, lambda: flyway.start(grouped, recording.first(FILES, 3), "migrate", "group=true")
    ) as process:
        recording.save(
            "running-in-a-group",
            "three migrations are running in one transaction, as far as the database has such",
            grouped,
            awaits("3"),
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
        ("--revision 2", "opened", "has 2 applied"),
        ("--revision 2 --if-ahead wait", "refused", "V3__add_stock.sql has failed"),
        ("--revision 3 --on-failure wait", "timed out", "V3__add_stock.sql has failed"),
        ("--migrations migrations", "refused", "V3__add_stock.sql has failed"),
    )


def install(recording: Recording, release: str) -> list[str | Path]:
    """Fetch a release, compile the few lines of Java, and return the command that runs them."""
    folder = recording.cache / release
    class_path = jars(folder, *(f"org.flywaydb:{part}:{release}" for part in RELEASES[release]), *DRIVERS)
    main = MAIN.replace("PACKAGE", PACKAGES[release])
    source = folder / "Main.java"
    if not source.exists() or source.read_text() != main:
        source.with_suffix(".class").unlink(missing_ok=True)
        source.write_text(main)
    if not source.with_suffix(".class").exists():
        recording.run(["javac", "-cp", class_path, source], folder)
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{class_path}:{folder}", "Main"]
