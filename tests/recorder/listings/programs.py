"""Programs that ask the tools' own code what it finds in directories, in their languages."""

GO = """\
// TOOL DIRECTORY: the migrations in it, one a line
package main

import (
	"fmt"
	"os"

	atlas "ariga.io/atlas/sql/migrate"
	"github.com/golang-migrate/migrate/v4/source"
	_ "github.com/golang-migrate/migrate/v4/source/file"
	tern "github.com/jackc/tern/v2/migrate"
	"github.com/pressly/goose/v3"
	sqlmigrate "github.com/rubenv/sql-migrate"
	"github.com/uptrace/bun/migrate"
)

func main() {
	if err := list(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(tool, directory string) error {
	switch tool {
	case "atlas":
		local, err := atlas.NewLocalDir(directory)
		if err != nil {
			return err
		}
		files, err := local.Files()
		for _, each := range files {
			fmt.Println(each.Version())
		}
		return err
	case "bun":
		migrations := migrate.NewMigrations()
		err := migrations.Discover(os.DirFS(directory))
		for _, each := range migrations.Sorted() {
			fmt.Println(each.Name)
		}
		return err
	case "golang-migrate":
		driver, err := source.Open("file://" + directory)
		if err != nil {
			return err
		}
		version, err := driver.First()
		for err == nil {
			if reader, _, err := driver.ReadUp(version); err == nil {
				reader.Close()
			}
			fmt.Println(version)
			version, err = driver.Next(version)
		}
	case "goose":
		found, err := goose.CollectMigrations(directory, 0, goose.MaxVersion)
		for _, each := range found {
			fmt.Println(each.Version)
		}
		return err
	case "sql-migrate":
		found, err := sqlmigrate.FileMigrationSource{Dir: directory}.FindMigrations()
		for _, each := range found {
			fmt.Println(each.Id)
		}
		return err
	case "tern":
		found, err := tern.FindMigrations(os.DirFS(directory))
		for _, each := range found {
			fmt.Println(each)
		}
		return err
	}
	return nil
}
"""
MODULES = (
    "ariga.io/atlas@v0.32.1-0.20250325101103-175b25e1c1b9",
    "github.com/golang-migrate/migrate/v4@v4.20.1",
    "github.com/jackc/tern/v2@v2.3.4",
    "github.com/pressly/goose/v3@v3.29.0",
    "github.com/rubenv/sql-migrate@v1.8.1",
    "github.com/uptrace/bun@v1.3.0",
)

RUST = """\
// TOOL DIRECTORY: the migrations in it, one a line
use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let directory = Path::new(&args[2]);
    match args[1].as_str() {
        "diesel" => {
            // diesel_migrations::FileBasedMigrations, which needs a database's library, does the same
            for entry in migrations_internals::migrations_directories(directory)? {
                let path = entry?.path();
                if !migrations_internals::valid_sql_migration_directory(&path) {
                    return Err(format!("unknown migration format in {}", path.display()).into());
                }
                println!("{}", path.file_name().unwrap().to_string_lossy());
            }
        }
        "refinery" => {
            for each in refinery_core::load_sql_migrations(directory)? {
                println!("{}", each.version());
            }
        }
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let found = runtime.block_on(sqlx_core::migrate::Migrator::new(directory))?;
            for each in found.iter().filter(|each| each.migration_type.is_up_migration()) {
                println!("{}", each.version);
            }
        }
    }
    Ok(())
}
"""
CARGO = """\
[package]
name = "listings"
version = "0.1.0"
edition = "2021"

[dependencies]
migrations_internals = "=2.3.0"
refinery-core = { version = "=0.9.2", default-features = false }
sqlx-core = { version = "0.8", default-features = false, features = ["migrate", "_rt-tokio"] }
tokio = { version = "1", features = ["rt", "fs"] }
"""

SEA_CARGO = """\
[package]
name = "listings"
version = "0.1.0"
edition = "2021"

[dependencies]
sea-orm-migration = { version = "=2.0.4", default-features = false }
"""

NODE = """\
// TOOL < directories > answers, both in JSON
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const modules = createRequire(path.join(process.cwd(), "package.json"));
const listers = {
  async drizzle(migrationsFolder) {
    const isOld = fs.existsSync(path.join(migrationsFolder, "meta/_journal.json"));
    const { readMigrationFiles } = modules(`${isOld ? "drizzle-orm" : "drizzle-1"}/migrator`);
    const found = readMigrationFiles({ migrationsFolder });
    return found.map((each) => (isOld ? String(each.folderMillis) : each.name));
  },
  async knex(directory) {
    const { FsMigrations } = modules("knex/lib/migrations/migrate/sources/fs-migrations.js");
    return (await new FsMigrations([directory]).getMigrations()).map((each) => each.file);
  },
  async kysely(migrationFolder) {
    const { FileMigrationProvider } = modules("kysely");
    return Object.keys(await new FileMigrationProvider({ fs: fs.promises, path, migrationFolder }).getMigrations());
  },
  async "mikro-orm"(directory) {
    const { MikroORM } = modules("@mikro-orm/core");
    const orm = await MikroORM.init({
      driver: modules("@mikro-orm/postgresql").PostgreSqlDriver,
      extensions: [modules("@mikro-orm/migrations").Migrator],
      dbName: "shop",
      connect: false,
      entities: [],
      discovery: { warnWhenNoEntities: false, requireEntitiesArray: false },
      migrations: { path: directory },
    });
    return (await orm.getMigrator().umzug.migrations()).map((each) => each.name);
  },
  async "node-pg-migrate"(directory) {
    const bundle = path.join(process.cwd(), "node_modules/node-pg-migrate/dist/bundle");
    const text = fs.readFileSync(path.join(bundle, "index.js"), "utf8");
    fs.writeFileSync(path.join(bundle, "opened.js"), text.replace("export {", "export { loadMigrations,"));
    const { loadMigrations } = await import(path.join(bundle, "opened.js"));
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    return (await loadMigrations({}, { dir: directory }, quiet)).map((each) => each.name);
  },
  async prisma(directory) {
    const { listMigrations } = modules("@prisma/migrate/dist/utils/listMigrations.js");
    const { migrationDirectories } = await listMigrations(directory, "");
    for (const { path, migrationFile } of migrationDirectories) {
      if (migrationFile.content.tag !== "ok") throw new Error(`${path}: ${migrationFile.content.value}`);
    }
    return migrationDirectories.map((each) => each.path);
  },
  async sequelize(directory) {
    const cli = createRequire(modules.resolve("sequelize-cli/package.json"));
    const pattern = /pattern: \\/(.*)\\/\\n/.exec(fs.readFileSync(cli.resolve("./lib/core/migrator.js"), "utf8"));
    const Umzug = cli("umzug");
    const umzug = new Umzug({ storage: "none", migrations: { path: directory, pattern: new RegExp(pattern[1]) } });
    return (await umzug.pending()).map((each) => each.file);
  },
  async typeorm(directory) {
    const { importClassesFromDirectories } = modules("typeorm/util/DirectoryExportedClassesLoader");
    const found = await importClassesFromDirectories({ log() {} }, [`${directory}/**/*{.js,.ts}`]);
    return found.map((each) => each.name);
  },
};
const answers = [];
for (const directory of JSON.parse(fs.readFileSync(0, "utf8"))) {
  try {
    answers.push(await listers[process.argv[2]](directory));
  } catch (fault) {
    answers.push(String(fault.message));
  }
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
"""
NPM = (
    "@mikro-orm/core@6.6.7",
    "@mikro-orm/migrations@6.6.7",
    "@mikro-orm/postgresql@6.6.7",
    "@prisma/migrate@7.10.0",
    "dbmate@2.36",
    "drizzle-1@npm:drizzle-orm@1.0.0-rc.5",
    "drizzle-orm@0.45.4",
    "knex@3.3.0",
    "kysely@0.28.18",
    "node-pg-migrate@9.0.0",
    "pg@8.23.1",
    "sequelize@6.37.8",
    "sequelize-cli@6.6.5",
    "typeorm@1.1.1",
)

PYTHON = """\
import importlib, json, os, subprocess, sys

LOADER = '''
import django, json, sys
from django.conf import settings
settings.configure(INSTALLED_APPS=["shop"])
django.setup()
from django.db.migrations.loader import MigrationLoader
print(json.dumps([".".join(node) for node in MigrationLoader(None).graph.nodes]))
'''


TORTOISE = '''
import json
from tortoise.migrations.loader import MigrationLoader
loader = MigrationLoader({"shop": {"migrations": "shop.migrations"}}, None)
loader.load_disk()
print(json.dumps([f"{key.app_label}.{key.name}" for key in loader.disk_migrations]))
'''


def aerich(directory):
    from pathlib import Path
    from aerich.migrate import Migrate
    Migrate.migrate_location = Path(directory, "models")
    return [f"models.{module.name}" for module in Migrate.get_all_version_modules()]


def alembic(directory):
    from alembic.script import ScriptDirectory
    return [script.revision for script in ScriptDirectory(directory).walk_revisions()]


def django(directory):
    return apps(directory, LOADER)


def tortoise(directory):
    return apps(directory, TORTOISE)


def apps(directory, loader):
    for package in ("shop", "shop/migrations"):
        open(f"{directory}/{package}/__init__.py", "w").close()
    done = subprocess.run([sys.executable, "-B", "-c", loader], cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.splitlines()[-1])
    return json.loads(done.stdout)


def yoyo(directory):
    from yoyo import read_migrations
    return [migration.id for migration in read_migrations(directory)]


answers = []
for directory in json.load(sys.stdin):
    try:
        answers.append(globals()[sys.argv[1]](directory))
    except Exception as fault:
        answers.append(str(fault) or type(fault).__name__)
json.dump(answers, sys.stdout)
"""
PYPI = (
    "aerich==0.10.1",
    "alembic==1.20.1",
    "Django==5.2.19",
    "tortoise-orm==1.1.9",
    "yoyo-migrations==9.0.0",
    "setuptools==80.9.0",
)

RUBY = """\
require "active_record"
require "json"
ActiveRecord::Migration
answers = JSON.parse(STDIN.read).map do |directory|
  found = ActiveRecord::MigrationContext.new([directory], ActiveRecord::SchemaMigration).migrations
  found.map { |migration| migration.version.to_s }
rescue StandardError => fault
  fault.message.strip
end
puts JSON.dump(answers)
"""
PHP = """\
<?php
require '/usr/share/php/Illuminate/Database/autoload.php';
require_once '/usr/share/php/Illuminate/Filesystem/autoload.php';
$migrator = (new ReflectionClass(Illuminate\\Database\\Migrations\\Migrator::class))->newInstanceWithoutConstructor();
$files = new ReflectionProperty($migrator, 'files');
$files->setAccessible(true);
$files->setValue($migrator, new Illuminate\\Filesystem\\Filesystem);
$answers = [];
foreach (json_decode(file_get_contents('php://stdin')) as $directory) {
    $answers[] = array_map('strval', array_keys($migrator->getMigrationFiles($directory)));
}
echo json_encode($answers);
"""
PHP_OF_SOURCE = r"""<?php
// TOOL DIRECTORY: the migrations in it, one a line; a class cannot be loaded anew, so one directory a process
ini_set('display_errors', 'stderr');
error_reporting(E_ALL & ~E_DEPRECATED);
require 'Doctrine/DBAL/autoload.php';
require 'Symfony/Component/Console/autoload.php';
[, $tool, $directory] = $argv;
spl_autoload_register(function ($class) use ($directory) {
    $sources = [
        'Doctrine\Migrations\\' => getenv('DOCTRINE') . '/src/',
        'Phinx\\' => getenv('PHINX') . '/src/Phinx/',
        'Cake\\' => getenv('CAKEPHP') . '/src/',
        'App\\' => "$directory/", // what the project's own autoloader does, for a base class beside the migrations
    ];
    foreach ($sources as $space => $source) {
        $path = $source . strtr(substr($class, strlen($space)), '\\', '/') . '.php';
        str_starts_with($class, $space) && is_file($path) && require_once realpath($path);
    }
});
if ($tool === 'doctrine') {
    $factory = new class implements Doctrine\Migrations\Version\MigrationFactory {
        public function createVersion(string $name): Doctrine\Migrations\AbstractMigration
        {
            return (new ReflectionClass($name))->newInstanceWithoutConstructor();
        }
    };
    $finder = new Doctrine\Migrations\Finder\RecursiveRegexFinder;
    $all = new Doctrine\Migrations\FilesystemMigrationsRepository([], ['App' => $directory], $finder, $factory);
    $found = array_map(fn ($each) => (string) $each->getVersion(), $all->getMigrations()->getItems());
} else {
    $config = new Phinx\Config\Config(['paths' => ['migrations' => $directory]]);
    $input = new Symfony\Component\Console\Input\ArrayInput([]);
    $output = new Symfony\Component\Console\Output\NullOutput;
    $found = array_keys((new Phinx\Migration\Manager($config, $input, $output))->getMigrations('production'));
}
foreach ($found as $each) {
    echo "$each\n";
}
"""
DEBIAN = (
    "elixir",
    "php-cli",
    "php-doctrine-dbal",
    "php-illuminate-database",
    "php-illuminate-filesystem",
    "php-symfony-console",
    "ruby-activerecord",
    "sqitch",
)

ECTO = "v3.13.5"
ELIXIR = """\
# TOOL DIRECTORY: the migrations in it, one a line
private = ["migrations_for", "ensure_no_duplication!"]
source = File.read!(System.fetch_env!("MIGRATOR")) |> String.replace("  require Ecto.Query\n", "")
Code.compiler_options(ignore_module_conflict: true, no_warn_undefined: :all)
Code.compile_string(Enum.reduce(private, source, &String.replace(&2, "defp #{&1}", "def #{&1}")))
defmodule Ecto.MigrationError, do: defexception([:message])
[_, directory] = System.argv()
found = Ecto.Migrator.migrations_for([directory])
try do
  Ecto.Migrator.ensure_no_duplication!(found)
  for {version, _, _} <- found, do: IO.puts(version)
rescue
  error ->
    IO.puts(:stderr, Exception.message(error))
    System.halt(1)
end
"""

JAVA = """\
import java.nio.file.Path;
import java.util.StringJoiner;
import liquibase.Contexts;
import liquibase.LabelExpression;
import liquibase.Liquibase;
import liquibase.database.DatabaseFactory;
import liquibase.resource.DirectoryResourceAccessor;
import org.flywaydb.core.Flyway;

/** TOOL DIRECTORY...: a line for each, with a tab after each migration, or what it fails with after a bar. */
class Listing {
    public static void main(String[] args) {
        java.util.logging.LogManager.getLogManager().reset();
        for (int count = 1; count < args.length; count++) {
            try {
                var directory = args[count];
                var found = args[0].equals("flyway") ? flyway(directory, count) : liquibase(directory);
                System.out.println("=" + found);
            } catch (Exception fault) {
                System.out.println("=|" + String.valueOf(fault.getMessage()).strip().replace('\\n', ' '));
            }
        }
    }

    static String flyway(String directory, int count) {
        var found = new StringBuilder();
        var database = Flyway.configure().dataSource("jdbc:h2:mem:" + count, "sa", "");
        for (var each : database.locations("filesystem:" + directory).load().info().pending()) {
            var name = each.getVersion() == null ? each.getScript() + " " + each.getChecksum() : each.getVersion();
            found.append(name).append('\\t');
        }
        return found.toString();
    }

    static String liquibase(String directory) throws Exception {
        var found = new StringBuilder();
        var files = new DirectoryResourceAccessor(Path.of(directory));
        var url = "offline:postgresql?outputLiquibaseSql=none&changeLogFile=" + directory + ".csv";
        var database = DatabaseFactory.getInstance().openDatabase(url, null, null, null, files);
        var liquibase = new Liquibase("root.xml", files, database);
        for (var each : liquibase.listUnrunChangeSets(new Contexts(), new LabelExpression())) {
            found.append(each.toString(false)).append('\\t');
        }
        return found.toString();
    }
}
"""
JARS = (
    "org.flywaydb:flyway-core:13.12.0",
    "com.h2database:h2:2.3.232",
    "org.liquibase:liquibase-core:5.0.4",
    "org.yaml:snakeyaml:2.5",
    "info.picocli:picocli:4.7.7",
)
