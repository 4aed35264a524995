// Answers what `survey.tools` asks of tools written in JavaScript: a request per line of JSON, an answer per line.
import { promises as fs } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(process.cwd() + "/");
const say = process.stdout.write.bind(process.stdout);
const quiet = () => {};
console.log = console.info = console.warn = console.error = quiet; // what the tools print is no answer

async function ofKnex({ database, directory, apply, count }) {
  const knex = require("knex")({
    client: "pg",
    connection: database,
    pool: { min: 0, max: 2 },
    migrations: { directory },
    log: { warn: quiet, error: quiet, debug: quiet, deprecate: quiet },
  });
  try {
    if (apply && !count) await knex.migrate.latest();
    for (let each = 0; apply && each < count; each++) await knex.migrate.up();
    const [, pending] = await knex.migrate.list();
    return pending.map(({ file }) => file);
  } finally {
    await knex.destroy();
  }
}

async function ofKysely({ database, directory, apply, count }) {
  const { Kysely, PostgresDialect, Migrator, FileMigrationProvider } = require("kysely");
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new (require("pg").Pool)({ connectionString: database }) }) });
  const provider = new FileMigrationProvider({ fs, path, migrationFolder: directory });
  const migrator = new Migrator({ db, provider, allowUnorderedMigrations: true });
  const run = async (running) => {
    const { error } = await running;
    if (error) throw error;
  };
  try {
    if (apply && !count) await run(migrator.migrateToLatest());
    for (let each = 0; apply && each < count; each++) await run(migrator.migrateUp());
    return (await migrator.getMigrations()).filter(({ executedAt }) => !executedAt).map(({ name }) => name);
  } finally {
    await db.destroy();
  }
}

async function ofNodePgMigrate({ database, directory, apply, count }) {
  const { runner } = await import(require.resolve("node-pg-migrate"));
  const run = (more) =>
    runner({
      databaseUrl: database,
      dir: directory,
      direction: "up",
      migrationsTable: "pgmigrations",
      checkOrder: false,
      log: quiet,
      ...more,
    });
  if (apply) await run({ count: count || Infinity });
  return (await run({ dryRun: true })).map(({ name }) => name);
}

async function prismaBindings() {
  const bindings = await import(require.resolve("@prisma/schema-engine-wasm/schema_engine_bg"));
  const wasm = await fs.readFile("node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm");
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: quiet };
  const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}

let prisma; // its engine's module, of which there can be one

// Its own command lists folders and reads migration.sql in each, as here.
async function ofPrisma({ database, directory, apply }) {
  const { bindMigrationAwareSqlAdapterFactory } = require("@prisma/driver-adapter-utils");
  const { PrismaPg } = require("@prisma/adapter-pg");
  prisma ??= await prismaBindings();
  const content = (file) => fs.readFile(path.join(directory, file), "utf8");
  const entries = await fs.readdir(directory, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const read = async (file) =>
    content(file).then((value) => ({ tag: "ok", value }), (fault) => ({ tag: "error", value: fault.message }));
  const migrationsList = {
    baseDir: directory,
    lockfile: { path: "migration_lock.toml", content: await content("migration_lock.toml") },
    shadowDbInitScript: "",
    migrationDirectories: await Promise.all(
      folders.sort().map(async (folder) => ({
        path: folder,
        migrationFile: { path: "migration.sql", content: await read(path.join(folder, "migration.sql")) },
      })),
    ),
  };
  const filters = { externalTables: [], externalEnums: [] };
  const engine = await prisma.SchemaEngine.new(
    { datamodels: [["schema.prisma", 'datasource db { provider = "postgresql" }']] },
    quiet,
    bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: database })),
  );
  if (apply) await engine.applyMigrations({ migrationsList, filters });
  const told = await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters });
  if (told.failedMigrationNames.length) throw new Error(`failed: ${told.failedMigrationNames}`);
  return told.history?.unappliedMigrationNames ?? [];
}

const tools = { knex: ofKnex, kysely: ofKysely, "node-pg-migrate": ofNodePgMigrate, prisma: ofPrisma };

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { pending: await tools[request.tool](request), error: "" };
  } catch (fault) {
    answer = { pending: [], error: String(fault?.message ?? fault) };
  }
  say(JSON.stringify(answer) + "\n");
}
process.exit(0);
