"""dbmate, whose program is in its npm package. It keeps a version as text and takes no lock."""

import subprocess

from recorder.recording import Database, Recording, scratch

TABLES = ("schema_migrations",)
DATABASES = ("postgresql", "mariadb")
FILES = {
    "20240101000001_create_product.sql": "CREATE TABLE product (id int)",
    "20240102000002_add_price.sql": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.sql": "ALTER TABLE product ADD stock int",
}
VERSIONS = ("20240101000001", "20240102000002", "20240103000003")


def record(recording: Recording) -> None:
    """Record the common story, a file merged late, a rollback and a failure."""
    program = recording.cache / "node_modules/.bin/dbmate"
    if not program.exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, "dbmate@2.36"], recording.cache)
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.write_migrations({name: text(sql) for name, sql in FILES.items()})

    with scratch() as folder:

        def dbmate(database: Database, count: int, *args: str) -> subprocess.Popen[str]:
            """Start dbmate with the first so many migrations."""
            directory = folder / str(count)
            directory.mkdir(exist_ok=True)
            for name, sql in list(FILES.items())[:count]:
                pause = f"{recording.pause_statement};\n" if name == list(FILES)[2] else ""
                (directory / name).write_text(text(f"{pause}{sql}"))
            options = ["--url", database.url, "--migrations-dir", directory, "--no-dump-schema"]
            return recording.start([program, *options, *args], folder)

        def is_done(database: Database) -> bool:
            return "Pending: 0" in recording.ended(dbmate(database, 3, "status"))

        done = recording.story(VERSIONS, lambda database, count: dbmate(database, count, "up"), is_done)
        recording.ended(dbmate(done, 3, "rollback"))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was rolled back",
            done,
            ("--revision 20240102000002", "opened", "has 20240102000002 applied"),
            ("--revision 20240103000003", "timed out", "is at 20240102000002; awaiting 20240103000003"),
        )


def text(sql: str) -> str:
    """Return a migration's file."""
    return f"-- migrate:up\n{sql};\n\n-- migrate:down\n"
