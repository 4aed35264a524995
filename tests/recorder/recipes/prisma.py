"""Prisma Migrate: its schema engine, which is in an npm package as WebAssembly.

The program below calls that engine as `prisma migrate deploy`, `resolve` and `status` do. This build of it knows no
MySQL: the fixtures for MariaDB are written from its documented DDL. It writes a row before each attempt and holds a
session's lock.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.gates import awaits, beyond, has, has_all, has_both, missing, part_way
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write

TABLES = ("_prisma_migrations",)
DATABASES = ("postgresql",)
ENGINE = "8.1.0-2"
PACKAGES = (
    f"@prisma/schema-engine-wasm@{ENGINE}.59be4fda12412a79eeb9c2ae727b6aa723593323",
    "@prisma/driver-adapter-utils@7.10.0",
    "@prisma/adapter-pg@7.10.0",
)
STATEMENTS = {
    "20240101000001_create_product": "CREATE TABLE product (id int)",
    "20240102000002_add_price": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock": "ALTER TABLE product ADD stock int",
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "20240102120000_add_weight"
PROGRAM = """\
import { readFileSync, readdirSync } from "node:fs";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaPg } from "@prisma/adapter-pg";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";

globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: console.error };
const wasm = readFileSync("node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm");
const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": bindings });
bindings.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

const [command, baseDir, migrationName] = process.argv.slice(2);
const content = (path) => readFileSync(`${baseDir}/${path}`, "utf8");
const migrationsList = {
  baseDir,
  lockfile: { path: "migration_lock.toml", content: content("migration_lock.toml") },
  shadowDbInitScript: "",
  migrationDirectories: readdirSync(baseDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((path) => ({
      path,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: content(`${path}/migration.sql`) } },
    })),
};
const filters = { externalTables: [], externalEnums: [] };
const engine = await bindings.SchemaEngine.new(
  { datamodels: [["schema.prisma", 'datasource db { provider = "postgresql" }']] },
  () => {},
  bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: process.env.DATABASE_URL })),
);
const commands = {
  deploy: () => engine.applyMigrations({ migrationsList, filters }),
  status: () => engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters }),
  applied: () => engine.markMigrationApplied({ migrationsList, migrationName }),
  "rolled-back": () => engine.markMigrationRolledBack({ migrationName }),
};
try {
  console.log(JSON.stringify(await commands[command]()));
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
"""


def record(recording: Recording) -> None:
    """Record the common story, a failure and both ways to resolve it, a second attempt, a baseline, a late folder."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = f"schema engine {ENGINE}"
    recording.write_migrations(files(STATEMENTS))
    with_late = {**STATEMENTS, LATE: "ALTER TABLE product ADD weight int"}
    recording.write_migrations(files(with_late), "migrations-late")

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)
        (folder / "migrate.mjs").write_text(PROGRAM)

        def prisma(database: Database, *args: str | Path) -> subprocess.Popen[str]:
            return recording.start(["node", "migrate.mjs", *args], folder, {"DATABASE_URL": database.url})

        two = dict(list(STATEMENTS.items())[:2])
        directories = {count: write(folder / str(count), files(recording.first(STATEMENTS, count))) for count in (2, 3)}

        def is_done(database: Database) -> bool:
            status = recording.ended(prisma(database, "status", directories[3]))
            return '"failedMigrationNames":[]' in status and '"history":null' in status

        done = recording.story(
            tuple(STATEMENTS), lambda database, count: prisma(database, "deploy", directories[count]), is_done
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            beyond(SECOND, THIRD),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
        )
        late = write(folder / "late", files(with_late))
        recording.save(
            "late",
            "three migrations are applied, and one with a date before the third's was merged since",
            done,
            *missing(LATE, THIRD),
        )
        recording.ended(prisma(done, "deploy", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            done,
            has_both(LATE, THIRD),
            has_all("migrations-late"),
        )

        failing = write(folder / "failing", files({**two, THIRD: "ALTER TABLE no_such_table ADD stock int"}))
        database = recording.after(prisma, "deploy", failing, fails=True)
        has_failed = f"{THIRD} has started and not finished"
        recording.save(
            "failed",
            "the last of three migrations has failed",
            database,
            (f"--revision {THIRD}", "timed out", has_failed),
            (f"--revision {THIRD} --timeout 20s", "refused", THIRD),
            (f"--revision {THIRD} --timeout 7s --on-failure wait", "timed out", THIRD),
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            ("--migrations migrations", "timed out", has_failed),
        )
        recording.ended(prisma(database, "rolled-back", failing, THIRD))
        recording.save(
            "rolled-back",
            "the last of three migrations has failed and was resolved as rolled back",
            database,
            *part_way(SECOND, THIRD),
        )
        recording.ended(prisma(database, "deploy", failing), fails=True)
        recording.save(
            "failed-again",
            "the last of three migrations has failed, was resolved as rolled back, and has failed again",
            database,
            (f"--revision {THIRD}", "timed out", has_failed),
            (f"--revision {THIRD} --timeout 20s", "refused", THIRD),
        )
        recording.ended(prisma(database, "rolled-back", failing, THIRD))
        recording.ended(prisma(database, "deploy", directories[3]))
        recording.save(
            "mended",
            "after two attempts that failed and were resolved as rolled back, a third has succeeded",
            database,
            has(THIRD),
            has_all(),
        )

        database = recording.after(prisma, "deploy", failing, fails=True)
        recording.ended(prisma(database, "applied", failing, THIRD))
        recording.save(
            "resolved-applied",
            "the last of three migrations has failed, was finished by hand and resolved as applied",
            database,
            has(THIRD),
            has_all(),
        )

        database = recording.after(prisma, "applied", directories[3], FIRST)
        recording.save(
            "baseline",
            "the database was there before Prisma, and the first migration was resolved as applied",
            database,
            has(FIRST),
            awaits(SECOND, FIRST),
        )


def files(statements: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a migrations folder."""
    lock = '# Please do not edit this file manually\nprovider = "postgresql"\n'
    return {"migration_lock.toml": lock, **{f"{name}/migration.sql": f"{sql};\n" for name, sql in statements.items()}}
