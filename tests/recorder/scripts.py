"""What recipes share whose tools run a directory of files, one per migration, each with the SQL to it and back."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from recorder.gates import Line, beyond, has_all, has_both, missing, part_way
from recorder.recording import Database, Recording, write

SQL = (
    ("CREATE TABLE product (id int)", "DROP TABLE product"),
    ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
)
"""What the three migrations are and how they are taken back."""


class Scripts:
    """The directories that such a tool is run with, and the scenarios that it has in common with others."""

    def __init__(
        self,
        recording: Recording,
        folder: Path,
        up: Callable[[Database, Path], subprocess.Popen[str]],
        text: Callable[[str, str, str], str],
        files: tuple[str, str, str],
        late: tuple[str, str, str],
        normal: tuple[str, str, str, str] | None = None,
    ) -> None:
        """Write the directories below the folder, and those of the fixtures.

        `up` starts applying what is in a directory; `text` makes a file of its name and SQL, in which semicolons end
        statements. `late` is such a file, with a date before the third's. `normal` is what the gate calls the three
        and the late one, where that is not the file's name without its extension.
        """
        self.recording = recording
        self.up = up
        self.written = tuple(Path(file).stem for file in (*files, late[0]))
        self.names = normal or self.written
        three = {file: text(file, *sql) for file, sql in zip(files, SQL, strict=True)}
        add, drop = SQL[2]
        paused = text(files[2], f"{recording.pause_statement}; {add}", drop)
        broken = text(files[2], f"{add}; ALTER TABLE no_such_table ADD x int", "")
        self.files = three
        self.two = write(folder / "two", {file: three[file] for file in files[:2]})
        self.three = write(folder / "three", {**three, files[2]: paused})
        self.failing = write(folder / "failing", {**three, files[2]: broken})
        self.late = write(folder / "late", {**three, late[0]: text(*late)})
        recording.write_migrations(three)
        recording.write_migrations({**three, late[0]: text(*late)}, "migrations-late")

    def story(self, is_done: Callable[[Database], bool]) -> Database:
        """Record the common story."""
        directories = {2: self.two, 3: self.three}
        return self.recording.story(
            self.written[:3], lambda database, count: self.up(database, directories[count]), is_done, self.names[:3]
        )

    def save_ahead(
        self,
        done: Database,
        *more: Line,
        what: str = "all three migrations are applied, and the release before knows only two",
    ) -> None:
        """Record a database that the release before looks at."""
        _, second, third, _ = self.names
        refused = (f"--revision {second} --if-ahead refuse", "refused", "past the wanted")
        self.recording.save("ahead", what, done, beyond(second, third), refused, *more)

    def save_failed(
        self,
        *,
        at_once: bool,
        what: str = "the last of three migrations has failed, which leaves no trace of it",
    ) -> None:
        """Record a failure, `at_once` of a whole run that is one transaction: on MariaDB the first DDL ends that."""
        _, second, third, _ = self.names
        stands = "has nothing applied" if self.recording.kind == "postgresql" else f"is at {second}"
        gates = [(f"--revision {third}", "timed out", f"{stands}; awaiting {third}")]
        gates += [("--migrations migrations", "timed out", stands)]
        failed = self.recording.after(self.up, self.failing, fails=True)
        self.recording.save("failed", what, failed, *(gates if at_once else part_way(second, third)))

    def save_late(
        self,
        up: Callable[[Database, Path], subprocess.Popen[str]] | None = None,
        *,
        what: str = "three migrations are applied, and one with a date before the third's was merged since",
        then: str = "the one merged late is applied too, after the third",
    ) -> None:
        """Record what was merged late, before and after it is applied: by `up`, if the tool else refuses to."""
        *_, third, name = self.names
        late = self.written[3]
        database = self.recording.after(self.up, self.three)
        if up:
            self.recording.ended(self.up(database, self.late), fails=True)
        self.recording.save("late", what, database, *missing(late, third, name))
        self.recording.ended((up or self.up)(database, self.late))
        self.recording.save("late-applied", then, database, has_both(late, third), has_all("migrations-late"))
