"""Laravel's migrator, called as `artisan migrate` calls it. Debian has it.

A migration is a transaction where the database can do that, and its row follows in another. There is no lock.
"""

import json
import shutil
import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("migrations", "shop_migrations")
DATABASES = ("postgresql", "mariadb")
LIBRARY = "/usr/share/php/Illuminate"
PACKAGES = ("php-illuminate-database", "php-illuminate-filesystem", "php-cli", "php-pgsql", "php-mysql")
STATEMENTS = {
    "2024_01_01_000001_create_product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "2024_01_02_000002_add_price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "2024_01_03_000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "2024_01_02_120000_add_weight"
PROGRAM = """\
<?php
require 'LIBRARY/Database/autoload.php';
require 'LIBRARY/Filesystem/autoload.php';

use Illuminate\\Database\\Capsule\\Manager;
use Illuminate\\Database\\Migrations\\DatabaseMigrationRepository;
use Illuminate\\Database\\Migrations\\Migrator;
use Illuminate\\Filesystem\\Filesystem;
use Illuminate\\Support\\Facades\\Facade;

[, $command, $path, $prefix] = $argv;
$capsule = new Manager;
$capsule->addConnection(json_decode(getenv('CONNECTION'), true) + ['prefix' => $prefix]);
$databases = $capsule->getDatabaseManager();
$capsule->getContainer()->instance('db', $databases);
Facade::setFacadeApplication($capsule->getContainer());
$repository = new DatabaseMigrationRepository($databases, 'migrations');
$migrator = new Migrator($repository, $databases, new Filesystem);
if ($command === 'status') {
    $ran = $migrator->repositoryExists() ? $repository->getRan() : [];
    echo 'pending ', count(array_diff(array_keys($migrator->getMigrationFiles($path)), $ran)), "\\n";
    exit;
}
if (! $migrator->repositoryExists()) {
    $repository->createRepository();
}
$command === 'rollback' ? $migrator->rollback($path) : $migrator->run($path);
""".replace("LIBRARY", LIBRARY)


def record(recording: Recording) -> None:
    """Record the common story, rollbacks of a batch, a failure, a late file and a table prefix."""
    if not (shutil.which("php") and Path(LIBRARY).exists()):
        raise RuntimeError(f"Laravel is not installed; write for example: apt-get install {' '.join(PACKAGES)}")
    version = recording.run(["dpkg-query", "--show", "--showformat=${Version}", PACKAGES[0]], recording.cache)
    recording.version = version.partition("+")[0]
    files = {f"{name}.php": text(*sql) for name, sql in STATEMENTS.items()}
    recording.write_migrations(files)

    with scratch() as folder:
        (folder / "migrate.php").write_text(PROGRAM)

        def laravel(database: Database, command: str, directory: Path, prefix: str = "") -> subprocess.Popen[str]:
            environment = {"CONNECTION": connection(recording.kind, database)}
            return recording.start(["php", "migrate.php", command, directory, prefix], folder, environment)

        def write(name: str, content: dict[str, str]) -> Path:
            (folder / name).mkdir()
            for file, source in content.items():
                (folder / name / file).write_text(source)
            return folder / name

        add_stock, drop_stock = STATEMENTS[THIRD]
        paused = text(f"{recording.pause_statement}; {add_stock}", drop_stock)
        directories = {
            2: write("two", dict(list(files.items())[:2])),
            3: write("three", {**files, f"{THIRD}.php": paused}),
        }
        done = recording.story(
            tuple(STATEMENTS),
            lambda database, count: laravel(database, "migrate", directories[count]),
            lambda database: "pending 0" in recording.ended(laravel(database, "status", directories[3])),
        )
        recording.save(
            "ahead",
            "all three migrations are applied, in two batches, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {THIRD}.php", "opened", f"has {THIRD} applied"),
        )
        recording.ended(laravel(done, "rollback", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, the last in a batch of its own, which was then rolled back",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        database = recording.database()
        recording.ended(laravel(database, "migrate", directories[3]))
        recording.ended(laravel(database, "rollback", directories[3]))
        recording.save(
            "batch-rolled-back",
            "all three were applied in one batch, which was then rolled back",
            database,
            (f"--revision {FIRST}", "timed out", f"has nothing applied; awaiting {FIRST}"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        failing = write("failing", {**files, f"{THIRD}.php": text(f"{add_stock}; ALTER TABLE no_such_table ADD x int")})
        database = recording.database()
        recording.ended(laravel(database, "migrate", failing), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, which leaves no trace of it",
            database,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        database = recording.database()
        recording.ended(laravel(database, "migrate", directories[3]))
        late = write("late", {**files, f"{LATE}.php": text("ALTER TABLE product ADD weight int")})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.save(
            "late",
            "three migrations are applied, and one with a date before the third's was merged since",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(laravel(database, "migrate", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        recording.ended(laravel(database, "migrate", directories[3], "shop_"))
        recording.save(
            "prefix",
            "the connection's prefix of tables is shop_",
            database,
            (f"--revision {THIRD}", "timed out", "there is no history table"),
            (f"--revision {THIRD} --table shop_migrations", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table shop_migrations", "opened", ""),
        )


def connection(kind: str, database: Database) -> str:
    """Return the connection of Laravel's config/database.php, as JSON."""
    parts = database.parts
    settings = {
        "driver": {"postgresql": "pgsql", "mariadb": "mysql"}[kind],
        "host": parts["host"],
        "port": parts["port"],
        "database": parts["name"],
        "username": parts["user"],
        "password": parts["password"],
        "charset": {"postgresql": "utf8", "mariadb": "utf8mb4"}[kind],
    }
    return json.dumps(settings)


def text(up: str, down: str = "") -> str:
    """Return a migration's file; a semicolon ends a statement."""
    return (
        "<?php\n\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Support\\Facades\\DB;\n\n"
        "return new class extends Migration\n{\n"
        f"    public function up(): void\n    {{\n{calls(up)}    }}\n\n"
        f"    public function down(): void\n    {{\n{calls(down)}    }}\n}};\n"
    )


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'        DB::statement("{statement.strip()}");\n' for statement in sql.split(";") if statement)
