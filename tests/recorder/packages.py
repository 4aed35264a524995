"""Installs tools from PyPI, npm, crates.io and Maven Central, each once, and anew when its versions change.

What none of these has is taken from a clone of its repository.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def venv(folder: Path, *packages: str) -> Path:
    """Make a virtual environment with these packages of PyPI's, and return its programs' folder."""
    note = folder / "venv" / "packages.txt"
    if _changed(note, packages):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
        subprocess.run([folder / "venv/bin/pip", "install", "--quiet", *packages], check=True)
        _note(note, packages)
    return folder / "venv/bin"


def npm(folder: Path, *packages: str) -> Path:
    """Install these packages of npm's, and return the folder `node_modules`."""
    note = folder / "npm.txt"
    if _changed(note, packages):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--save-exact", "--prefix", folder, *packages]
        subprocess.run(command, cwd=folder, check=True)
        _note(note, packages)
    return folder / "node_modules"


def cargo(folder: Path, package: str, *options: str) -> Path:
    """Build a package, given as NAME@VERSION, of crates.io's with these options, and return its programs' folder."""
    # cargo itself does nothing where this version with these options is there.
    subprocess.run(["cargo", "install", "--quiet", "--locked", "--root", folder, package, *options], check=True)
    return folder / "bin"


def jars(folder: Path, *artifacts: str) -> str:
    """Fetch artifacts (group:name:version) of Maven Central's with what they depend on, and return a class path."""
    note = folder / "jars.txt"
    if _changed(note, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / "jars", ignore_errors=True)
        dependency = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
        (folder / "pom.xml").write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            "<groupId>recorder</groupId><artifactId>recorder</artifactId><version>1</version><dependencies>"
            f"{''.join(dependency.format(*artifact.split(':')) for artifact in artifacts)}</dependencies></project>"
        )
        command = ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
        subprocess.run(command, cwd=folder, check=True)
        _note(note, artifacts)
    return f"{folder}/jars/*"


class NoCloneError(Exception):
    """A tool is in no package registry, and there is no clone of its repository."""


def clone(folder: Path, repository: str, tag: str) -> Path:
    """Unpack a repository, OWNER/NAME, as it is at a tag, and return where.

    Raises NoCloneError where the folder that RECORDER_CLONES names has no git repository NAME.
    """
    name = repository.partition("/")[2]
    there = Path(os.environ.get("RECORDER_CLONES", ""), name)
    if not there.exists():
        raise NoCloneError(f"set RECORDER_CLONES to a folder with {name}, a clone of {repository}")
    note, unpacked = folder / f"{name}.txt", folder / name
    if _changed(note, (tag,)):
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", there, "archive", tag], check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract", "--directory", unpacked], input=archive, check=True)
        _note(note, (tag,))
    return unpacked


def _changed(note: Path, packages: Sequence[str]) -> bool:
    return not note.exists() or note.read_text(encoding="utf-8") != " ".join(packages)


def _note(note: Path, packages: Sequence[str]) -> None:
    note.write_text(" ".join(packages), encoding="utf-8")
