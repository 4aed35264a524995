"""Doctrine Migrations, whose own repository is needed: Debian has what it stands on. There is no lock.

A migration's row is written in the migration's transaction, where the database can do that.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.gates import Line, has, has_all, lacks
from recorder.packages import clone
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("doctrine_migration_versions",)
DATABASES = ("postgresql", "mariadb")
VERSION = "3.8.2"
NAMESPACE, SHOP = "DoctrineMigrations", "Shop\\Migrations"
FILES = {
    "Version20240101000001.php": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "Version20240102000002.php": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "Version20240103000003.php": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
IN_SHOP = {
    "Version20240101000001.php": ("CREATE TABLE shop (id int)", "DROP TABLE shop"),
    "Version20240102000002.php": ("ALTER TABLE shop ADD town int", "ALTER TABLE shop DROP town"),
}
DUMP = {"Version20240401000000.php": ("CREATE TABLE product (id int, price int, stock int)", "DROP TABLE product")}
FIRST, SECOND, THIRD = (f"{NAMESPACE}\\{Path(file).stem}" for file in FILES)
_, SECOND_FILE, THIRD_FILE = FILES
BROKEN = {**FILES, THIRD_FILE: ("ALTER TABLE nowhere ADD x int", "")}
SHOP_SECOND = f"{SHOP}\\Version20240102000002"
PROGRAM = """\
<?php
require 'Doctrine/DBAL/autoload.php';
require 'Symfony/Component/Console/autoload.php';
require 'Symfony/Component/Stopwatch/autoload.php';
spl_autoload_register(function ($class) {
    $name = str_replace('Doctrine\\\\Migrations\\\\', '', $class);
    $path = getenv('SOURCE') . '/src/' . strtr($name, '\\\\', '/') . '.php';
    is_file($path) && require $path;
});

use Doctrine\\DBAL\\DriverManager;
use Doctrine\\Migrations\\Configuration\\Connection\\ExistingConnection;
use Doctrine\\Migrations\\Configuration\\Migration\\ConfigurationArray;
use Doctrine\\Migrations\\DependencyFactory;
use Doctrine\\Migrations\\Provider\\DBALSchemaDiffProvider;
use Doctrine\\Migrations\\Provider\\SchemaDiffProvider;
use Doctrine\\Migrations\\Tools\\Console\\ConsoleRunner;
use Symfony\\Component\\Console\\Application;

$connection = DriverManager::getConnection(json_decode(getenv('CONNECTION'), true));
$configuration = new ConfigurationArray(['migrations_paths' => json_decode(getenv('PATHS'), true)]);
$factory = DependencyFactory::fromConnection($configuration, new ExistingConnection($connection));
// The one that is used else compares no sooner than asked, by a part of Symfony that Debian has not.
$differences = new DBALSchemaDiffProvider($connection->createSchemaManager(), $connection->getDatabasePlatform());
$factory->setService(SchemaDiffProvider::class, $differences);
$console = new Application;
ConsoleRunner::addCommands($console, $factory);
$console->run();
"""


class Doctrine(Tool):
    """The console as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], command: str, *args: str) -> subprocess.Popen[str]:
        """Start a command on just these migrations, each in the folder of its namespace."""
        folder = self.project(files)
        paths = {namespace: str(folder / namespace) for namespace in {str(Path(file).parent) for file in files}}
        environment = {"CONNECTION": connection(self.recording.kind, database), "SOURCE": str(self.program[-1])}
        environment["PATHS"] = json.dumps({name.replace("/", "\\"): path for name, path in paths.items()})
        options = ["--no-interaction", f"migrations:{command}", *args]
        return self.recording.start([*self.program[:-1], *options], self.folder, environment)

    def migrate(self, files: Mapping[str, str], *args: str, fails: bool = False) -> Database:
        """Return a new database on which these were migrated."""
        return self.database(files, "migrate", *args, fails=fails)

    def is_done(self, database: Database) -> bool:
        """Return whether Doctrine says that the three are applied."""
        asked = self.start(database, texts(FILES), "up-to-date")
        asked.communicate()
        return asked.returncode == 0


def record(recording: Recording) -> None:
    """Record the common story, a way back, failures, a roll-up, a skipped migration and two namespaces."""
    source = clone(recording.cache, "doctrine/migrations", VERSION)
    recording.version = f"{VERSION} (source)"
    recording.write_migrations(plain(FILES))
    recording.write_migrations({f"2024/{file}": text for file, text in plain(FILES).items()}, "migrations-by-year")
    recording.write_migrations(plain(IN_SHOP, SHOP), "migrations-shop")
    with scratch() as folder:
        (folder / "doctrine.php").write_text(PROGRAM)
        doctrine = Doctrine(recording, folder, ["php", folder / "doctrine.php", source])
        record_story(doctrine)
        record_failures(doctrine)
        record_others(doctrine)


def record_story(doctrine: Doctrine) -> None:
    """Record the common story, and what may follow it."""
    recording = doctrine.recording
    done = recording.story(
        (f"'{FIRST}'", f"'{SECOND}'", f"'{THIRD}'"),
        lambda database, count: doctrine.start(database, texts(recording.first(FILES, count)), "migrate"),
        doctrine.is_done,
        normal=(FIRST, SECOND, THIRD),
    )
    recording.save(
        "names",
        "all three migrations are applied; a class may be named without its namespace, and lie in a folder of its year",
        done,
        has("Version20240103000003"),
        has("Version20240103000003.php", "Version20240103000003"),
        has_all("migrations-by-year"),
    )
    older, told = f"--revision '{SECOND}'", f"past the wanted {SECOND}"
    recording.save(
        "ahead",
        "all three migrations are applied, and the release before knows only two",
        done,
        (older, "opened", told),
        (f"{older} --if-ahead wait", "timed out", told),
        (f"{older} --if-ahead refuse", "refused", told),
    )
    doctrine.run(done, texts(FILES), "migrate", "prev")
    recording.save("rolled-back", "all three were applied, then the last was rolled back", done, *stopped())
    doctrine.run(done, texts(FILES), "version", "--add", THIRD)
    recording.save("added", "the last was noted as applied by hand, without its run", done, has(f"'{THIRD}'", THIRD))


def record_failures(doctrine: Doctrine) -> None:
    """Record a failure of one migration, and of a run that is one transaction where the database can do that."""
    recording = doctrine.recording
    failed = doctrine.migrate(texts(BROKEN), fails=True)
    recording.save_failed(failed, "which leaves no trace of it", *stopped())
    failed = doctrine.migrate(texts(BROKEN), "--all-or-nothing", fails=True)
    nothing = recording.kind == "postgresql"
    what = "the last of three migrations has failed, of a run with --all-or-nothing"
    recording.save(
        "all-or-nothing-failed",
        f"{what}, which leaves nothing" if nothing else f"{what}, of which MariaDB has committed the others",
        failed,
        awaits(THIRD, "" if nothing else SECOND),
        ("--migrations migrations", "timed out", "has nothing applied" if nothing else f"awaiting {THIRD}"),
    )
    database = recording.database()
    files = texts(recording.first(FILES, 3))
    with recording.paused(database, lambda: doctrine.start(database, files, "migrate", "--all-or-nothing")) as process:
        recording.save(
            "all-or-nothing-running",
            "the last of three migrations is running, with --all-or-nothing",
            database,
            awaits(THIRD),
            ("--migrations migrations", "timed out", ""),
        )
    recording.ended(process)


def record_others(doctrine: Doctrine) -> None:
    """Record a roll-up, a migration that is skipped, and two namespaces."""
    recording = doctrine.recording
    rolled_up = doctrine.migrate(texts(FILES))
    doctrine.run(rolled_up, texts(DUMP), "rollup")
    recording.save(
        "rolled-up",
        "the history was rolled up into one migration of the schema's dump",
        rolled_up,
        has("Version20240401000000"),
        awaits(THIRD),
        ("--migrations migrations", "timed out", "awaiting "),
    )
    skipping = texts(FILES)
    file = f"{NAMESPACE}/{SECOND_FILE}"
    skipping[file] = skipping[file].replace(
        "$this->addSql", "$this->skipIf(true, 'not here');\n        $this->addSql", 1
    )
    recording.save(
        "skipped",
        "the second of three migrations was skipped by skipIf, which leaves no row, and is skipped again whenever it is"
        " asked for",
        doctrine.migrate(skipping),
        has(f"'{THIRD}'", THIRD),
        awaits(SECOND),
        lacks(SECOND),
    )
    both = doctrine.migrate(texts(FILES) | {f"Shop/Migrations/{file}": text for file, text in shop(1).items()})
    recording.save(
        "two-namespaces",
        "two directories of migrations with namespaces of their own, of which the second has one yet to come",
        both,
        (f"--revision '{SECOND}'", "opened", ""),
        (f"--revision '{SHOP}\\Version20240101000001'", "opened", ""),
        awaits(SHOP_SECOND),
        has_all(),
        lacks(SHOP_SECOND, "migrations-shop"),
    )
    doctrine.run(both, texts(FILES) | {f"Shop/Migrations/{file}": text for file, text in shop(2).items()}, "migrate")
    recording.save(
        "two-namespaces-done",
        "two directories of migrations with namespaces of their own, all applied",
        both,
        (f"--revision '{THIRD}' --revision '{SHOP_SECOND}'", "opened", ""),
        has_all(),
        has_all("migrations-shop"),
    )


def awaits(name: str, at: str = "") -> Line:
    """A gate on a class that is not applied; `at` is the newest that is."""
    return f"--revision '{name}'", "timed out", f"{at and f'is at {at}; '}awaiting {name}"


def stopped() -> tuple[Line, Line, Line]:
    """Gates while the second is the newest that is applied."""
    return has(f"'{SECOND}'", SECOND), awaits(THIRD), lacks(THIRD)


def shop(count: int) -> dict[str, str]:
    """Return the first so many files of the second namespace."""
    return dict(list(plain(IN_SHOP, SHOP).items())[:count])


def texts(files: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return these migrations' files in the folder of their namespace."""
    return {f"{NAMESPACE}/{file}": text for file, text in plain(files).items()}


def plain(files: Mapping[str, tuple[str, str]], namespace: str = NAMESPACE) -> dict[str, str]:
    """Return these migrations' files."""
    return {
        file: "<?php\n\ndeclare(strict_types=1);\n\n"
        f"namespace {namespace};\n\n"
        "use Doctrine\\DBAL\\Schema\\Schema;\nuse Doctrine\\Migrations\\AbstractMigration;\n\n"
        f"final class {Path(file).stem} extends AbstractMigration\n{{\n"
        f"    public function up(Schema $schema): void\n    {{\n{calls(up)}    }}\n\n"
        f"    public function down(Schema $schema): void\n    {{\n{calls(down)}    }}\n}}\n"
        for file, (up, down) in files.items()
    }


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip() for statement in sql.split(";") if statement)
    return "".join(f"        $this->addSql({php(statement)});\n" for statement in statements)


def php(text: str) -> str:
    """Return a text as PHP writes it."""
    return "'" + text.replace("'", "\\'") + "'"


def connection(kind: str, database: Database) -> str:
    """Return the parameters of the connection, as JSON."""
    parts = database.parts
    settings = {
        "driver": {"postgresql": "pdo_pgsql", "mariadb": "pdo_mysql"}[kind],
        "host": parts["host"],
        "port": parts["port"],
        "dbname": parts["name"],
        "user": parts["user"],
        "password": parts["password"],
        "charset": {"postgresql": "utf8", "mariadb": "utf8mb4"}[kind],
    }
    return json.dumps(settings)
