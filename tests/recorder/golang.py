"""Builds tools that are Go modules, and tells them where a database is."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

from recorder.recording import Database


def install(folder: Path, package: str, *tags: str) -> Path:
    """Build a program, given as PACKAGE@VERSION, into the folder once, and return where it is."""
    marker = folder / package.replace("/", "_")
    programs = folder / "bin"
    if not marker.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _go(["install", f"-tags={','.join(tags)}", package], folder, GOBIN=str(programs))
        marker.touch()
    [program] = programs.iterdir()
    return program


def build(folder: Path, main: str, *modules: str) -> Path:
    """Build a program of one file with these modules, each MODULE@VERSION, in the folder once; return where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    built = folder / "built"
    source = "\n".join([*modules, main])
    if not built.exists() or built.read_text(encoding="utf-8") != source:
        (folder / "go.mod").write_text("module example.org/migrate\n", encoding="utf-8")
        (folder / "main.go").write_text(main, encoding="utf-8")
        _go(["get", *modules], folder)
        _go(["build", "-mod=mod", "-o", "migrate", "."], folder)
        built.write_text(source, encoding="utf-8")
    return folder / "migrate"


def program(folder: Path, package: str, *modules: str) -> Path:
    """Build a module's program with these modules, each MODULE@VERSION, in the folder once; return where it is.

    For what `go install` refuses: a module whose releases the proxy does not list, or that needs another's newer one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = "\n".join(
        ["module example.org/tool", "go 1.26.3", *(f"require {each.replace('@', ' ')}" for each in modules)]
    )
    note = folder / "modules.txt"
    if not note.exists() or note.read_text(encoding="utf-8") != module:
        (folder / "go.mod").write_text(module, encoding="utf-8")
        _go(["build", "-mod=mod", "-o", "tool", package], folder)
        note.write_text(module, encoding="utf-8")
    return folder / "tool"


def inside(folder: Path, main: str, module: str) -> Path:
    """Build a program of one file in a copy of this module, MODULE@VERSION, in the folder once; return where it is.

    All else is then what the module itself pins. Go fetches a newer one of itself where the module needs it.
    """
    return _in_copy(folder, module, "tool", main)


def published(folder: Path, package: str, module: str) -> Path:
    """Build a module's own program, without C, in a copy of this module in the folder once; return where it is.

    For what `go install` refuses: a module that replaces others.
    """
    return _in_copy(folder, module, package, CGO_ENABLED="0")


def _in_copy(folder: Path, module: str, package: str, main: str = "", **environment: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "built.txt"
    source = f"{module}\n{main or package}"
    environment["GOTOOLCHAIN"] = "auto"
    if not note.exists() or note.read_text(encoding="utf-8") != source:
        told = _go(["mod", "download", "-json", module], folder, stdout=subprocess.PIPE, **environment).stdout
        with ZipFile(json.loads(told)["Zip"]) as zipped:
            zipped.extractall(folder)
        copied = folder / module
        if main:
            (copied / package).mkdir(exist_ok=True)
            (copied / package / "main.go").write_text(main, encoding="utf-8")
        _go(["build", "-trimpath", "-o", folder.absolute() / "program", f"./{package}"], copied, **environment)
        note.write_text(source, encoding="utf-8")
    return folder / "program"


def built(folder: Path) -> Path:
    """Build the program of a folder of source, which has a go.mod; Go itself does nothing where it is built."""
    _go(["build", "-o", "tool", "."], folder)
    return folder / "tool"


def source(database: Database, query: str = "multiStatements=true") -> tuple[str, str]:
    """Return a database as Go's drivers want it: their name, and a URL or what the MySQL driver takes instead."""
    if database.url.startswith("postgres"):
        return "postgres", database.url
    return "mysql", "{user}:{password}@tcp({host}:{port})/{name}?".format(**database.parts) + query


def up_and_down(files: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the files of migrations that have one for each way."""
    up = {f"{name}.up.sql": f"{sql};\n" for name, (sql, _) in files.items()}
    return {**up, **{f"{name}.down.sql": f"{sql};\n" for name, (_, sql) in files.items()}}


def _go(
    arguments: Sequence[str | Path], folder: Path, stdout: int | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    go = shutil.which("go") or "/usr/local/go/bin/go"  # where Go's own installation puts it
    return subprocess.run([go, *arguments], cwd=folder, env={**os.environ, **environment}, stdout=stdout, check=True)
