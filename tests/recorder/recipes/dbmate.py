"""dbmate, whose program is in its npm package. It keeps a version as text and takes no lock."""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("schema_migrations",)
DATABASES = ("postgresql", "mariadb", "mysql")
FILES = {
    "20240101000001_create_product.sql": "CREATE TABLE product (id int)",
    "20240102000002_add_price.sql": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock.sql": "ALTER TABLE product ADD stock int",
}
VERSIONS = ("20240101000001", "20240102000002", "20240103000003")


def record(recording: Recording) -> None:
    """Record the common story, a file merged late, a rollback and a failure."""
    program = npm(recording.cache, "dbmate@2.36") / ".bin/dbmate"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.write_migrations(texts(FILES))

    with scratch() as folder:

        def dbmate(database: Database, count: int, *args: str) -> subprocess.Popen[str]:
            """Start dbmate with the first so many migrations."""
            directory = write_new(folder, texts(recording.first(FILES, count)))
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
            has("20240102000002"),
            awaits("20240103000003", "20240102000002"),
        )


def texts(files: Mapping[str, str]) -> dict[str, str]:
    """Return these migrations' files."""
    return {name: f"-- migrate:up\n{sql};\n\n-- migrate:down\n" for name, sql in files.items()}
