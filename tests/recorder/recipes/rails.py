"""Rails, which is ActiveRecord and its tasks here: Debian's packages ruby-activerecord, ruby-pg and ruby-mysql2.

It keeps a version as text without the file name's leading zeros, in a table like dbmate's; a second table tells the two
apart. What fails leaves nothing there.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from recorder.recording import Database, Recording, scratch

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
    recording.write_migrations({name: text(name, sql) for name, sql in FILES.items()})
    for name, files in (("migrations-late", LATE), ("migrations-short", SHORT)):
        (recording.fixtures / name).mkdir(exist_ok=True)
        for file, sql in files.items():
            (recording.fixtures / name / file).write_text(text(file, sql), encoding="utf-8")

    with scratch() as base:
        (base / "tasks.rb").write_text(dedent(TASKS))

        def rails(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start a task in a folder of just these migrations."""
            folder = Path(tempfile.mkdtemp(dir=base))
            (folder / "db/migrate").mkdir(parents=True)
            (folder / "db/schema.rb").write_text(dedent(SCHEMA))
            for name, sql in files.items():
                (folder / "db/migrate" / name).write_text(text(name, sql))
            url = database.url.replace("mysql://", "mysql2://")
            return recording.start(
                ["ruby", base / "tasks.rb", *args], folder, {"DATABASE_URL": url, "RAILS_ENV": "production"}
            )

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            files = dict(list(FILES.items())[:count])
            if count == 3:
                last = list(FILES)[2]
                files[last] = f"{recording.pause_statement}; {FILES[last]}"
            return rails(database, files, "db:migrate")

        def is_done(database: Database) -> bool:
            return recording.ended(rails(database, FILES, "db:migrate:status")).split().count("up") == 3

        done = recording.story(VERSIONS, migrate, is_done)
        recording.save(
            "ahead",
            "all three migrations are applied, and a release that knows two is started",
            done,
            ("--revision 20240102000002", "opened", "is at 20240103000003, past the wanted 20240102000002"),
            ("--revision 20240102000002 --if-ahead wait", "timed out", "past the wanted 20240102000002"),
            ("--revision 20240102000002 --if-ahead refuse", "refused", "past the wanted 20240102000002"),
        )
        recording.save(
            "late",
            "all three migrations are applied, and one numbered before the last was merged late",
            done,
            ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
            ("--revision 20240102000009", "timed out", "awaiting 20240102000009"),
            ("--migrations migrations-late", "timed out", "awaiting 20240102000009"),
        )
        recording.ended(rails(done, LATE, "db:migrate"))
        recording.save(
            "late-applied",
            "a migration numbered before the last was merged late and applied after it",
            done,
            ("--revision 20240102000009", "opened", "past the wanted 20240102000009"),
            ("--migrations migrations-late", "opened", ""),
        )
        recording.ended(rails(done, LATE, "db:migrate:down", "20240102000002"))
        recording.save(
            "down",
            "one in the middle was taken back by `db:migrate:down`, those after it stay applied",
            done,
            ("--revision 20240102000002", "timed out", "awaiting 20240102000002"),
            ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
            ("--migrations migrations", "timed out", "awaiting 20240102000002"),
        )
        recording.ended(rails(done, LATE, "db:rollback"))
        recording.save(
            "rolled-back",
            "the last was taken back by `db:rollback`",
            done,
            ("--revision 20240102000009", "opened", "has 20240102000009 applied"),
            ("--revision 20240103000003", "timed out", "is at 20240102000009; awaiting 20240103000003"),
        )

        failed = recording.database()
        recording.ended(rails(failed, {**FILES, **BROKEN}, "db:migrate"), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, which Rails does not record",
            failed,
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
        )
        empty = recording.database()
        recording.ended(rails(empty, BROKEN, "db:migrate"), fails=True)
        recording.save(
            "first-failed",
            "the very first migration has failed: the tables are there, and empty",
            empty,
            ("--revision 20240103000003", "timed out", "has nothing applied; awaiting 20240103000003"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        loaded = recording.database()
        recording.ended(rails(loaded, FILES, "db:schema:load"))
        recording.save(
            "schema-loaded",
            "no migration ran, the schema was loaded by `db:schema:load`",
            loaded,
            ("--revision 20240103000003", "opened", "has 20240103000003 applied"),
            ("--revision 20240101000001 --revision 20240103000003", "opened", ""),
            ("--migrations migrations", "opened", ""),
        )

        short = recording.database()
        recording.ended(rails(short, dict(list(SHORT.items())[:2]), "db:migrate"))
        recording.save(
            "short-numbers-part-way",
            "of three migrations numbered 001, 009 and 010 two are applied, as 1 and 9",
            short,
            ("--revision 009_add_price.rb", "opened", "has 9 applied"),
            ("--revision 010", "timed out", "is at 9; awaiting 10"),
            ("--migrations migrations-short", "timed out", "awaiting "),
        )
        recording.ended(rails(short, SHORT, "db:migrate"))
        recording.save(
            "short-numbers",
            "three migrations numbered 001, 009 and 010 are applied, as 1, 9 and 10",
            short,
            ("--revision 010", "opened", "has 10 applied"),
            ("--revision 9 --if-ahead wait", "timed out", "is at 10, past the wanted 9"),
            ("--migrations migrations-short", "opened", ""),
        )


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
