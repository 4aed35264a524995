"""Import the image's modules: a folder has its bytecode in one file, and an index of what is where in that.

To find, open and check 120 files one by one is a sixth of a gate's CPU. In the image this is `sitecustomize`, which
the interpreter imports before the program (https://docs.python.org/3/library/site.html#module-sitecustomize).
`root.py` writes the files. What is not in them, extensions above all, is found as ever.
"""

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourcelessFileLoader  # importlib.machinery has both, and takes a gate 1 ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType

INDEX, BYTECODE = "modules.index", "modules.bytecode"


class Folder:
    """Finds the modules of a folder, by their names in its index: offset and size of the bytecode, and if a package."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bytecode = os.open(f"{path}/{BYTECODE}", os.O_RDONLY | os.O_CLOEXEC)
        with open(f"{path}/{INDEX}", "rb") as file:
            self.index: dict[str, tuple[int, int, bool]] = marshal.loads(file.read())

    def find_spec(self, name: str, _path: object = None, _target: "ModuleType | None" = None) -> ModuleSpec | None:
        """Return how to import a module, or None where it is not of this folder."""
        if name not in self.index:
            return None
        offset, size, package = self.index[name]
        folder = f"{self._path}/{name.replace('.', '/')}"
        file = f"{folder}/__init__.pyc" if package else f"{folder}.pyc"
        spec = ModuleSpec(name, _Loader(name, file, self._bytecode, size, offset), origin=file, is_package=package)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [folder]
        return spec


class _Loader(SourcelessFileLoader):
    """Loads a module as if its bytecode were a file of its own, beside which it finds its data."""

    def __init__(self, name: str, path: str, bytecode: int, size: int, offset: int) -> None:
        super().__init__(name, path)
        self._place = bytecode, size, offset

    def get_code(self, fullname: str) -> "CodeType":  # noqa: ARG002 - a loader is of one module
        """Return the module's code. Raises EOFError where the file is cut short."""
        code: CodeType = marshal.loads(os.pread(*self._place))
        return code


if __name__ == "sitecustomize":
    # Before the folders of files, and after what is built into the interpreter.
    library = os.path.dirname(__file__)
    sys.meta_path[-1:-1] = [Folder(library), Folder(f"{library}/site-packages")]
