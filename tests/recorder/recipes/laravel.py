"""Laravel's migrator, called as `artisan migrate` calls it. Debian has it.

A migration is a transaction where the database can do that, and its row follows in another. There is no lock.
"""

import json
import shutil
import subprocess
from pathlib import Path

from recorder.gates import empty, has, no_table, part_way
from recorder.recording import Database, Recording, scratch
from recorder.scripts import Scripts

TABLES = ("migrations", "shop_migrations")
DATABASES = ("postgresql", "mariadb")
LIBRARY = "/usr/share/php/Illuminate"
PACKAGES = ("php-illuminate-database", "php-illuminate-filesystem", "php-cli", "php-pgsql", "php-mysql")
FILES = ("2024_01_01_000001_create_product.php", "2024_01_02_000002_add_price.php", "2024_01_03_000003_add_stock.php")
FIRST, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("2024_01_02_120000_add_weight.php", "ALTER TABLE product ADD weight int", "")
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

    with scratch() as folder:
        (folder / "migrate.php").write_text(PROGRAM)

        def laravel(
            database: Database, directory: Path, command: str = "migrate", prefix: str = ""
        ) -> subprocess.Popen[str]:
            environment = {"CONNECTION": connection(recording.dialect, database)}
            return recording.start(["php", "migrate.php", command, directory, prefix], folder, environment)

        scripts = Scripts(recording, folder, laravel, text, FILES, LATE)
        done = scripts.story(
            lambda database: "pending 0" in recording.ended(laravel(database, scripts.three, "status"))
        )
        what = "all three migrations are applied, in two batches, and the release before knows only two"
        scripts.save_ahead(done, has(f"{THIRD}.php", THIRD), what=what)
        recording.ended(laravel(done, scripts.three, "rollback"))
        recording.save(
            "rolled-back",
            "all three were applied, the last in a batch of its own, which was then rolled back",
            done,
            *part_way(SECOND, THIRD),
        )

        database = recording.after(laravel, scripts.three)
        recording.ended(laravel(database, scripts.three, "rollback"))
        recording.save(
            "batch-rolled-back",
            "all three were applied in one batch, which was then rolled back",
            database,
            *empty(FIRST),
        )

        scripts.save_failed(at_once=False)
        scripts.save_late()
        database = recording.after(laravel, scripts.three, "migrate", "shop_")
        recording.save(
            "prefix",
            "the connection's prefix of tables is shop_",
            database,
            no_table(THIRD),
            (f"--revision {THIRD} --table shop_migrations", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table shop_migrations", "opened", ""),
        )


def connection(dialect: str, database: Database) -> str:
    """Return the connection of Laravel's config/database.php, as JSON."""
    parts = database.parts
    settings = {
        "driver": {"postgresql": "pgsql", "mysql": "mysql"}[dialect],
        "host": parts["host"],
        "port": parts["port"],
        "database": parts["name"],
        "username": parts["user"],
        "password": parts["password"],
        "charset": {"postgresql": "utf8", "mysql": "utf8mb4"}[dialect],
    }
    return json.dumps(settings)


def text(_: str, up: str, down: str) -> str:
    """Return a migration's file."""
    return (
        "<?php\n\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Support\\Facades\\DB;\n\n"
        "return new class extends Migration\n{\n"
        f"    public function up(): void\n    {{\n{calls(up)}    }}\n\n"
        f"    public function down(): void\n    {{\n{calls(down)}    }}\n}};\n"
    )


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'        DB::statement("{statement.strip()}");\n' for statement in sql.split(";") if statement)
