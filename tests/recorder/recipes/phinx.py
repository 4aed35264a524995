"""Phinx, whose own repository is needed, and CakePHP's: Debian has what they stand on. There is no lock.

A migration is a transaction where the database can do that, and its row, with both instants, follows it.
"""

import json
import subprocess
from pathlib import Path

from recorder.gates import Line, has, has_all, has_both
from recorder.packages import clone
from recorder.recording import Database, Recording, scratch
from recorder.scripts import Scripts

TABLES = ("phinxlog", "app_log")
DATABASES = ("postgresql", "mariadb")
VERSION = "0.16.5"
CAKEPHP = "5.1.1"
FILES = ("20240101000001_create_product.php", "20240102000002_add_price.php", "20240103000003_add_stock.php")
LATE = ("20240102120000_add_weight.php", "ALTER TABLE product ADD weight int", "ALTER TABLE product DROP weight")
NUMBERS = FIRST, SECOND, THIRD, WEIGHT = tuple(file.partition("_")[0] for file in (*FILES, LATE[0]))
PROGRAM = """\
<?php
require 'Symfony/Component/Console/autoload.php';
require 'Symfony/Component/Config/autoload.php';
require 'Psr/Container/autoload.php';
require 'Psr/SimpleCache/autoload.php';
spl_autoload_register(function ($class) {
    $folder = str_starts_with($class, 'Phinx') ? getenv('PHINX') : getenv('CAKEPHP');
    $path = "$folder/src/" . preg_replace('/^Cake./', '', strtr($class, '\\\\', '/')) . '.php';
    is_file($path) && require $path;
});
foreach (['Core', 'Collection'] as $part) {
    require_once getenv('CAKEPHP') . "/src/$part/functions.php";
}
$console = new Symfony\\Component\\Console\\Application;
foreach (['Migrate', 'Rollback', 'Status', 'Breakpoint'] as $command) {
    $class = 'Phinx\\Console\\Command\\\\' . $command;
    $console->add(new $class);
}
$console->run();
"""


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a breakpoint, --fake, a failure, a late file and a table of another name."""
    environment = {
        "PHINX": str(clone(recording.cache, "cakephp/phinx", VERSION)),
        "CAKEPHP": str(clone(recording.cache, "cakephp/cakephp", CAKEPHP)),
    }
    recording.version = f"{VERSION} (source)"

    with scratch() as folder:
        (folder / "console.php").write_text(PROGRAM)

        def phinx(
            database: Database, directory: Path, command: str = "migrate", *args: str, table: str = "phinxlog"
        ) -> subprocess.Popen[str]:
            (folder / "phinx.json").write_text(configuration(recording.kind, database, directory, table))
            return recording.start(["php", "console.php", command, *args], folder, environment)

        scripts = Scripts(recording, folder, phinx, text, FILES, LATE, NUMBERS)

        def is_done(database: Database) -> bool:
            asked = phinx(database, scripts.three, "status")  # whose exit code is 3 while one is missing
            return asked.communicate()[0].split().count("up") == len(FILES) and not asked.returncode

        done = scripts.story(is_done)
        scripts.save_ahead(done, has(FILES[2], THIRD))
        recording.ended(phinx(done, scripts.three, "breakpoint", "--target", SECOND))
        recording.save(
            "breakpoint",
            "all three migrations are applied, and a breakpoint is set on the second, which only a rollback heeds",
            done,
            has_both(SECOND, THIRD, f"{THIRD} applied"),
            has_all(),
        )
        recording.ended(phinx(done, scripts.three, "rollback"))
        recording.save_rolled_back(done, SECOND, THIRD)
        recording.ended(phinx(done, scripts.three, "migrate", "--fake"))
        recording.save("fake", "the last was noted as applied by --fake, without its run", done, has(THIRD), has_all())

        scripts.save_failed(at_once=False)
        scripts.save_late()
        database = recording.database()
        recording.ended(phinx(database, scripts.three, table="app_log"))
        named: Line = (f"--revision {THIRD} --table app_log", "opened", f"has {THIRD} applied")
        recording.save("own-table", "all three are applied, with the table app_log", database, named)


def configuration(kind: str, database: Database, directory: Path, table: str) -> str:
    """Return phinx.json."""
    parts = database.parts
    settings = {
        "adapter": {"postgresql": "pgsql", "mariadb": "mysql"}[kind],
        "host": parts["host"],
        "port": parts["port"],
        "name": parts["name"],
        "user": parts["user"],
        "pass": parts["password"],
        "charset": {"postgresql": "utf8", "mariadb": "utf8mb4"}[kind],
    }
    environments = {"default_migration_table": table, "default_environment": "production", "production": settings}
    return json.dumps({"paths": {"migrations": str(directory)}, "environments": environments})


def text(file: str, up: str, down: str) -> str:
    """Return a migration's file, whose class is named after the file."""
    name = "".join(word.capitalize() for word in Path(file).stem.split("_")[1:])
    return (
        "<?php\n\ndeclare(strict_types=1);\n\nuse Phinx\\Migration\\AbstractMigration;\n\n"
        f"final class {name} extends AbstractMigration\n{{\n"
        f"    public function up(): void\n    {{\n{calls(up)}    }}\n\n"
        f"    public function down(): void\n    {{\n{calls(down)}    }}\n}}\n"
    )


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip().replace("'", "\\'") for statement in sql.split(";") if statement)
    return "".join(f"        $this->execute('{statement}');\n" for statement in statements)
