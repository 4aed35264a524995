"""Import modules out of one file, as the image does."""

import importlib
import importlib.resources
import marshal
import os
import sys

import pytest

from image.importer import BYTECODE, INDEX, Folder

SOURCES = {
    "shelf": "from shelf.book import title",
    "shelf.book": "title = __file__",
    "shelf.box": "",
    "shelf.box.lid": "from .. import book",
}
PACKAGES = {"shelf", "shelf.box"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder whose modules are imported from its one file."""
    index, bytecode = {}, b""
    for name, source in SOURCES.items():
        code = marshal.dumps(compile(source, name, "exec"))
        index[name] = len(bytecode), len(code), name in PACKAGES
        bytecode += code
    (tmp_path / INDEX).write_bytes(marshal.dumps(index))
    (tmp_path / BYTECODE).write_bytes(bytecode)
    finder = Folder(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    yield tmp_path
    os.close(finder._bytecode)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def test_module(folder):
    """A module is what its code makes of it, and says where it would be."""
    module = importlib.import_module("shelf.book")
    assert module.title == module.__spec__.origin == f"{folder}/shelf/book.pyc"


def test_package(folder):
    """A package is imported before what is in it, and relative imports find their way."""
    assert importlib.import_module("shelf.box.lid").book.title == sys.modules["shelf"].title
    assert sys.modules["shelf.box"].__path__ == [f"{folder}/shelf/box"]


def test_file_beside(folder):
    """What is not in the one file is found where it is a file."""
    (folder / "shelf").mkdir()
    (folder / "shelf" / "loose.py").write_text("held = True")
    assert importlib.import_module("shelf.loose").held


def test_data(folder):
    """A package's data is beside it."""
    (folder / "shelf").mkdir()
    (folder / "shelf" / "data.txt").write_text("kept")
    assert importlib.resources.files("shelf").joinpath("data.txt").read_text() == "kept"


def test_unknown(folder):
    """A module that is nowhere is not found."""
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'shelf\.none'"):
        importlib.import_module("shelf.none")


def test_truncated(folder):
    """Bytecode that is cut short is a failure, not a module."""
    (folder / BYTECODE).write_bytes(b"")
    with pytest.raises(EOFError):
        importlib.import_module("shelf")
