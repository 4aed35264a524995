"""Rails, which is ActiveRecord and its tasks here: Debian's packages ruby-activerecord, ruby-pg and ruby-mysql2.

It keeps a version as text without the file name's leading zeros, in a table like dbmate's; a second table tells the two
apart. What fails leaves nothing there.
"""

import subprocess
from collections.abc import Mapping
from textwrap import dedent

from recorder.gates import awaits, empty, has, has_all, has_both, lacks, missing, past
from recorder.recording import Database, Recording, scratch, write, write_new

TABLES = ("schema_migrations", "ar_internal_metadata")
DATABASES = ("postgresql", "mariadb")
FILES = {
    "20240101000001_create_product.rb": "CREATE TABLE product (id int)",
    "20240102000002_add_price.rb": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.rb": "ALTER TABLE product ADD stock int",
}
VERSIONS = ("20240101000001", "20240102000002", "20240103000003")
LATE = {**FILES, "20240102000009_add_colour.rb": "ALTER TABLE product ADD colour int"}
SHORT = {
    "001_create_product.rb": "CREATE TABLE product (id int)",
    "009_add_price.rb": "ALTER TABLE product ADD price int",
    "010_add_stock.rb": "ALTER TABLE product ADD stock int",
}
BROKEN = {"20240103000003_add_stock.rb": "ALTER TABLE prodcut ADD stock int"}
SCHEMA = """
    ActiveRecord::Schema.define(version: 2024_01_03_000003) do
      create_table :product do |table|
        table.integer :price
        table.integer :stock
      end
    end
"""
TASKS = """
    require "active_record"
    ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))
    ActiveRecord::Migrator.migrations_paths = ["db/migrate"]
    tasks = ActiveRecord::Tasks::DatabaseTasks
    tasks.db_dir = "db"
    context = ActiveRecord::Base.connection.migration_context
    case ARGV
    in ["db:migrate"] then tasks.migrate
    in ["db:migrate:status"] then tasks.migrate_status
    in ["db:migrate:down", version] then context.run(:down, version.to_i)
    in ["db:rollback"] then context.rollback
    in ["db:schema:load"]
      tasks.load_schema(ActiveRecord::Base.connection_db_config, :ruby, "db/schema.rb")
    end
"""
"""What Rails' own rake tasks of these names call (active_record/railties/databases.rake)."""


def record(recording: Recording) -> None:
    """Record the common story, a schema load, a file merged late, short numbers, rollbacks and failures."""
    ruby = ["ruby", "-ractive_record", "-rpg", "-rmysql2"]
    recording.version = recording.run([*ruby, "-e", "puts ActiveRecord.version"], recording.cache).strip()
    for directory, files in {"migrations": FILES, "migrations-late": LATE, "migrations-short": SHORT}.items():
        recording.write_migrations(texts(files), directory)

    with scratch() as base:
        (base / "tasks.rb").write_text(dedent(TASKS))

        def rails(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start a task in a folder of just these migrations."""
            folder = write_new(base, {"db/schema.rb": dedent(SCHEMA)})
            write(folder / "db/migrate", texts(files))
            environment = {"DATABASE_URL": database.url.replace("mysql://", "mysql2://"), "RAILS_ENV": "production"}
            return recording.start(["ruby", base / "tasks.rb", *args], folder, environment)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return rails(database, recording.first(FILES, count), "db:migrate")

        def is_done(database: Database) -> bool:
            return recording.ended(rails(database, FILES, "db:migrate:status")).split().count("up") == 3

        done = recording.story(VERSIONS, migrate, is_done)
        recording.save(
            "ahead",
            "all three migrations are applied, and a release that knows two is started",
            done,
            *past("20240102000002", "20240103000003"),
        )
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            done,
            *missing("20240102000009", "20240103000003"),
        )
        recording.ended(rails(done, LATE, "db:migrate"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            done,
            ("--revision 20240102000009", "opened", "past the wanted 20240102000009"),
            has_all("migrations-late"),
        )
        recording.ended(rails(done, LATE, "db:migrate:down", "20240102000002"))
        recording.save(
            "down",
            "one in the middle was taken back by `db:migrate:down`, those after it stay applied",
            done,
            awaits("20240102000002"),
            has("20240103000003"),
            lacks("20240102000002"),
        )
        recording.ended(rails(done, LATE, "db:rollback"))
        recording.save(
            "rolled-back",
            "the last was taken back by `db:rollback`",
            done,
            has("20240102000009"),
            awaits("20240103000003", "20240102000009"),
        )

        failed = recording.after(rails, {**FILES, **BROKEN}, "db:migrate", fails=True)
        recording.save_failed(failed, "which Rails does not record", awaits("20240103000003", "20240102000002"))
        begun = recording.after(rails, BROKEN, "db:migrate", fails=True)
        recording.save(
            "first-failed",
            "the very first migration has failed: the tables are there, and empty",
            begun,
            *empty("20240103000003"),
        )

        loaded = recording.after(rails, FILES, "db:schema:load")
        recording.save(
            "schema-loaded",
            "no migration ran, the schema was loaded by `db:schema:load`",
            loaded,
            has("20240103000003"),
            has_both("20240101000001", "20240103000003"),
            has_all(),
        )

        short = recording.after(rails, dict(list(SHORT.items())[:2]), "db:migrate")
        recording.save(
            "short-numbers-part-way",
            "of three migrations numbered 001, 009 and 010 two are applied, as 1 and 9",
            short,
            has("009_add_price.rb", "9"),
            ("--revision 010", "timed out", "is at 9; awaiting 10"),
            ("--migrations migrations-short", "timed out", "awaiting "),
        )
        recording.ended(rails(short, SHORT, "db:migrate"))
        recording.save(
            "short-numbers",
            "three migrations numbered 001, 009 and 010 are applied, as 1, 9 and 10",
            short,
            has("010", "10"),
            ("--revision 9 --if-ahead wait", "timed out", "is at 10, past the wanted 9"),
            has_all("migrations-short"),
        )


def texts(files: Mapping[str, str]) -> dict[str, str]:
    """Return these migrations' files."""
    return {name: text(name, sql) for name, sql in files.items()}


def text(name: str, sql: str) -> str:
    """Return a migration's file, whose class is named as the file is."""
    label = "".join(word.capitalize() for word in name.removesuffix(".rb").split("_")[1:])
    statements = [statement.strip() for statement in sql.split(";")]
    lines = "".join(f'    execute "{statement}"\n' for statement in statements)
    last = statements[-1]
    down = "DROP TABLE product" if last.startswith("CREATE") else last.replace("ADD", "DROP").removesuffix(" int")
    return (
        f"class {label} < ActiveRecord::Migration[6.1]\n"
        f"  def up\n{lines}  end\n\n"
        f'  def down\n    execute "{down}"\n  end\n'
        "end\n"
    )
