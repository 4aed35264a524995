"""Assemble the root of the image: what the program can reach, and the papers of all that is in it.

The Dockerfile runs it where everything is installed: `PYTHONHASHSEED=0 python3 -m image.root FOLDER`. Python modules
are found by the import statements of the program, shared libraries by ldd, Debian's packages by dpkg. The same packages
give the same bytes: one process compiles in one order, and every file is dated SOURCE_DATE_EPOCH.

Modules are compiled into one file per folder, from which `importer.py` imports them.
"""

import _sre
import ast
import dis
import json
import marshal
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from importlib.metadata import Distribution, distributions
from importlib.util import MAGIC_NUMBER
from itertools import chain
from modulefinder import ModuleFinder
from pathlib import Path
from textwrap import indent
from types import CodeType, SimpleNamespace
from typing import Any, TypeGuard
from unittest.mock import patch

from image.importer import BYTECODE, INDEX

STDLIB, PACKAGES = (Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib"))
SCRIPT = Path(sysconfig.get_path("scripts"), "gatekeeper")
CERTIFICATES = Path("/usr/share/ca-certificates/mozilla")
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
SBOM = "usr/share/doc/gatekeeper/sbom.cdx.json"

DYNAMIC = [
    *(f"encodings.{path.stem}" for path in (STDLIB / "encodings").glob("[!_]*.py") if path.stem not in ("mbcs", "oem")),
    *("site", "_strptime", "_pylong"),  # by the interpreter
    *("psycopg_binary.pq", "psycopg_binary._psycopg", "uuid", "zoneinfo"),  # by psycopg's compiled half
    *("tzdata", sysconfig._get_sysconfigdata_name()),  # noqa: SLF001 - by zoneinfo; there is no public way
]
"""Modules that no import statement names; of the encodings all but those of Windows."""
UNREACHED = [
    # Of the Kubernetes client only its requests are used, on raw JSON.
    *(f"kubernetes.client.{name}" for name in ("api", "apis", "models")),
    *(f"kubernetes.{name}" for name in ("aio", "dynamic", "informer", "leaderelection", "stream", "watch")),
    *("kubernetes.utils.create_from_yaml", "pydantic", "dateutil"),
    # No gate has a coroutine or a process of its own, and no server's answer is in an encoding that must be guessed.
    *("asyncio", "tenacity.asyncio", "multiprocessing", "charset_normalizer"),
    *("concurrent.futures.interpreter", "concurrent.futures.process", "concurrent.interpreters"),
    *(f"psycopg.{name}" for name in ("connection_async", "cursor_async", "_copy_async", "_pipeline_async")),
    *("psycopg._server_cursor_async", "psycopg.raw_cursor.AsyncRawCursor", "psycopg.raw_cursor.AsyncRawServerCursor"),
    # Other implementations of what is there, for other interpreters and other systems.
    *("_hmac", "_py_abc", "_pydatetime", "_pydecimal", "_pyio", "zoneinfo._zoneinfo", "psycopg.pq.pq_ctypes"),
    *("typer._click._winconsole", "urllib3.contrib", "yaml.cyaml", "compression.zstd", "ctypes", "_interpreters"),
    *("_aix_support", "_android_support", "_apple_support", "_ios_support", "_osx_support", "plistlib"),
    # Nothing here is packed, and no e-mail written.
    *("bz2", "lzma", "tarfile", "zipfile", "email.headerregistry"),
    # For people at a terminal, and for tests.
    *("rich", "typer.rich_utils", "_pyrepl", "argparse", "curses", "readline", "rlcompleter", "webbrowser"),
    *("doctest", "ensurepip", "idlelib", "pdb", "pip", "pydoc", "setuptools", "sqlite3", "test", "tkinter", "unittest"),
]
"""Modules that are named, and that no path of the program loads."""
IMPORTER = Path(__file__).with_name("importer.py")
WITH_SOURCE = "gatekeeper"
"""The package whose source is in the image too, for the tracebacks of bugs."""
DISTRIBUTION = "migration-gatekeeper"
"""The name under which it was installed."""
ANNOTATED = "gatekeeper/cli/"
"""The folder whose functions' annotations are read: by Typer."""


def main(root: Path) -> None:
    """Assemble the root in this folder."""
    modules = reachable()
    found = [each for each in distributions(path=[str(PACKAGES)]) if modules & set(files(each))]
    add_modules(root, modules)
    for distribution in found:
        add_papers(root, distribution)
    add_data(root)
    libraries = add_libraries(root)
    for path in [
        SCRIPT,
        Path(sys.executable).resolve(),
        *(link for link in STDLIB.iterdir() if link.is_symlink() and link.is_dir()),
    ]:
        copy(root, path)
    packages = sorted({"base-files", "ca-certificates", *filter(None, map(owner, libraries))})
    for package in packages:
        add_package(root, package)
    write(root, SBOM, json.dumps(sbom(found, packages, root), indent=1))
    write(root, BUNDLE, "".join(path.read_text() for path in sorted(CERTIFICATES.glob("*.crt"))))
    link(root, PACKAGES / "certifi/cacert.pem", f"/{BUNDLE}")
    write(root, "etc/passwd", "gatekeeper:x:65532:65532::/nonexistent:/nonexistent\n")
    write(root, "etc/group", "gatekeeper:x:65532:\n")
    write(root, "etc/nsswitch.conf", "hosts: files dns\n")
    for name in ("/etc/os-release", "/etc/debian_version"):
        write(root, name, Path(name).read_text())
    settle(root)


def reachable() -> set[Path]:
    """Return the files of every module that the program can reach."""
    finder = ModuleFinder(sys.path[1:], excludes=UNREACHED)  # without the folder of the sources
    for name in DYNAMIC:
        finder.import_hook(name)
    for path in (PACKAGES / WITH_SOURCE).rglob("*.py"):
        finder.import_hook(".".join(path.relative_to(PACKAGES).with_suffix("").parts).removesuffix(".__init__"))
    return {Path(module.__file__).resolve() for module in finder.modules.values() if module.__file__}


# -- Python ------------------------------------------------------------------------------------------------------


def add_modules(root: Path, modules: set[Path]) -> None:
    """Compile modules, and what imports them from then on."""
    packages = {path for path in modules if path.is_relative_to(PACKAGES)}
    first = run(sys.executable, "-I", "-c", "import sys; print(*sys.modules)").split()
    add_folder(root, STDLIB, modules - packages, first)
    add_folder(root, PACKAGES, packages, first)
    add_bytecode(root, STDLIB / "sitecustomize.py", compile(IMPORTER.read_bytes(), IMPORTER.name, "exec", optimize=2))


def add_folder(root: Path, folder: Path, modules: Iterable[Path], first: Collection[str]) -> None:
    """Copy a folder's extensions; compile its sources into one file, but for what every interpreter imports first."""
    index: dict[str, tuple[int, int, bool]] = {}
    bytecode = bytearray()
    for path in sorted(modules):
        parts = path.relative_to(folder).with_suffix("").parts
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        if path.suffix != ".py" or path.is_relative_to(PACKAGES / WITH_SOURCE):
            copy(root, path)
        if path.suffix == ".py" and name in first:
            add_bytecode(root, path, compiled(path))
        elif path.suffix == ".py":
            code = marshal.dumps(compiled(path))
            index[name] = len(bytecode), len(code), package
            bytecode += code
    write(root, folder / INDEX, marshal.dumps(index))
    write(root, folder / BYTECODE, bytes(bytecode))


def add_bytecode(root: Path, path: Path, code: CodeType) -> None:
    """Write a .pyc instead of its source, so that nothing is checked (https://peps.python.org/pep-0552/)."""
    write(root, path.with_suffix(".pyc"), MAGIC_NUMBER + (0b01).to_bytes(12, "little") + marshal.dumps(code))


def compiled(path: Path) -> CodeType:
    """Return the code of a module: without the docstrings of others, and without annotations that nobody reads."""
    folder = PACKAGES if path.is_relative_to(PACKAGES) else STDLIB
    name = path.relative_to(folder).as_posix()
    tree = ast.parse(LEAN.get(name, str)(path.read_text(encoding="utf-8")))
    tree = WithPatterns(tree).visit(tree)
    if folder == PACKAGES and not name.startswith(ANNOTATED):
        tree = WithoutAnnotations().visit(tree)
    ast.fix_missing_locations(tree)
    if name.startswith(f"{WITH_SOURCE}/"):
        return compile(tree, path, "exec", dont_inherit=True, optimize=0)
    return anonymous(compile(tree, path, "exec", dont_inherit=True, optimize=2))


def anonymous(code: CodeType) -> CodeType:
    """Return code without its lines and the full names of its functions, for tracebacks that show no source anyway.

    That is a sixth of all bytecode, and a third of the names that every process keeps.
    """
    constants = [anonymous(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.replace(co_linetable=b"", co_qualname=code.co_name, co_consts=tuple(constants))


class WithPatterns(ast.NodeTransformer):
    """Compiles the regular expressions of modules and classes, where the source alone says what they are.

    `re` would do so again in every process, for a twentieth of a gate's CPU. What it tells its engine is kept instead.
    """

    def __init__(self, tree: ast.Module) -> None:
        bound: list[str] = []
        imported = False
        for node in ast.walk(tree):
            match node:
                case ast.Name(name, ast.Store()):
                    bound.append(name)
                case ast.Import(aliases) | ast.ImportFrom(names=aliases):
                    bound += [alias.asname or alias.name for alias in aliases]
                    imported |= isinstance(node, ast.Import) and any(alias.name == "re" for alias in aliases)
        times = Counter(bound)
        # A star may bind any name.
        self._constants = set() if "*" in times else {name for name in times if times[name] == 1}
        self._names: dict[str, Any] = {"__builtins__": {}}
        if imported and "re" in self._constants:
            self._names["re"] = re

    def visit(self, node: ast.AST) -> ast.AST:
        """Leave alone what may not run, or has names of its own."""
        return super().visit(node) if isinstance(node, (ast.Module, ast.ClassDef, ast.Assign)) else node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        """Note a text, of which patterns may be made; compile a pattern."""
        with suppress(Exception):  # it is not for us to say
            value = eval(ast.unparse(node.value), self._names)  # noqa: S307 - of what is about to be run anyway
            if isinstance(value, re.Pattern):
                node.value = ast.copy_location(self._engine_call(value), node.value)
            elif isinstance(value, str):
                texts = {ast.unparse(target): value for target in node.targets}
                self._names |= {name: text for name, text in texts.items() if name in self._constants}
        return node

    @staticmethod
    def _engine_call(pattern: re.Pattern[Any]) -> ast.expr:
        engine = SimpleNamespace(**vars(_sre) | {"compile": lambda *told: told})
        with patch.object(re._compiler, "_sre", engine):  # noqa: SLF001 - there is no public way to its engine
            text, flags, code, *groups = re._compiler.compile(pattern.pattern, pattern.flags)  # noqa: SLF001
        told = (text, int(flags), [*map(int, code)], *groups)
        assert _sre.compile(*told) == pattern
        return ast.parse(f"__import__('_sre').compile({', '.join(map(repr, told))})", mode="eval").body


class WithoutAnnotations(ast.NodeTransformer):
    """Takes the annotations from functions, and overloads from modules: for readers, and a sixth of all bytecode.

    Of a class's fields, of which dataclasses and named tuples are made, it takes the types, but for what is no field.
    """

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Strip a field."""
        if not re.search("ClassVar|InitVar|KW_ONLY", ast.unparse(node.annotation)):
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """Strip a function, and what is in it."""
        return self._strip(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        """Strip a coroutine, and what is in it."""
        return self._strip(node)

    def _strip(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        if any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list):
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        node.returns = None
        for each in ast.walk(node.args):
            if isinstance(each, ast.arg):
                each.annotation = None
        return node


def without_missing(source: str) -> str:
    """Return kubernetes.client without the 900 names of what is not in the image."""
    names = r'^ +"\w+"(?:: "\.(?:api|models)\.\w+")?,\n|^ +from kubernetes\.client\.(?:api|models)\..*\n'
    return re.sub(names, "", source, flags=re.MULTILINE)


def with_typing(source: str) -> str:
    """Return a module that takes from the standard library what that has had since 3.11."""
    return source.replace("from typing_extensions import", "from typing import")


def without_asyncio(source: str) -> str:
    """Return a module of psycopg without what it has for asyncio, which would be loaded for it."""
    source = re.sub(r"^A(?:Worker|Lock)\b.*\n", "", source, flags=re.MULTILINE)
    return re.sub(r"^class A(?:sync\w+|Queue)\([^:]*\):\n    .*\n", "", source, flags=re.MULTILINE)


def with_named_errors(source: str) -> str:
    """Return psycopg's errors with those of its 254 classes for one SQLSTATE each that are named somewhere: 0.8 MiB.

    For another SQLSTATE psycopg then takes the class that those of its kind are derived from.
    """
    users = chain((PACKAGES / "psycopg").rglob("*.py"), (PACKAGES / WITH_SOURCE).rglob("*.py"))
    named = {name for path in users for name in re.findall(r"\be(?:rrors)?\.(\w+)", path.read_text())}
    tree = ast.parse(source.replace("from asyncio import CancelledError\n", "").replace(", CancelledError)", ")"))
    tree.body = [each for each in tree.body if not _is_of_one_state(each) or each.name in named]
    return ast.unparse(tree)


def _is_of_one_state(node: ast.stmt) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef) and any(word.arg == "code" for word in node.keywords)


def with_plain_types(source: str) -> str:
    """Return psycopg without ranges, networks, composites and enums, 0.6 MiB: a gate takes their text."""
    unused = "composite|enum|multirange|net|numpy|range"
    source = re.sub(r"^ +(?:(?:Multir|R)angeInfo\(|from .* import \w+angeInfo).*\n", "", source, flags=re.MULTILINE)
    source = re.sub(rf"^ +(?:{unused})\.register_default_adapters\(context\)\n", "", source, flags=re.MULTILINE)
    types = re.compile(r"^    from \.types import .*", re.MULTILINE)
    return types.sub(lambda line: re.sub(rf", (?:{unused})\b", "", line[0]), source)


def with_text_arrays(source: str) -> str:
    """Return psycopg's arrays with those of texts alone, as a gate reads them: of each type it makes three classes."""
    return source.replace("        if t.array_oid:\n", '        if t.name == "text":\n')


def without_check(source: str) -> str:
    """Return typing without its check of quoted names, for which alone a gate would compile, and make syntax trees."""
    return source.replace("    forward_ref.__forward_code__\n", "")


def without_alerts(source: str) -> str:
    """Return ssl without the names of what is in TLS' messages, which are for who debugs TLS itself."""
    source = re.sub(r"@_simple_enum\(_IntEnum\)\nclass _TLS\w+Type:\n(?:    .*\n|\n)+", "", source)
    return re.sub(r"_IntEnum\._convert_\(\n    'AlertDescription'(?:.*\n){3}", "", source)


def without_guess(source: str) -> str:
    """Return requests without its warning that nothing here guesses an encoding."""
    return re.sub(r"^    else:\n        warnings\.warn\(\n +\"Unable(?:.*\n){4}", "", source, flags=re.MULTILINE)


def without_ssl(source: str) -> str:
    """Return psycopg's look for a libpq, which would import ssl: 1.4 MiB, for the locks of OpenSSL before 1.1."""
    kept = 'import sys\nnobody_has = "ssl" not in sys.modules\nsys.modules.setdefault("ssl", sys)\n'
    return source.replace(
        "\nimport_from_libpq()\n", f"\n{kept}import_from_libpq()\nif nobody_has:\n    del sys.modules['ssl']\n"
    )


def with_version(_: str) -> str:
    """Return psycopg_binary's version, which it would look up in its metadata, and parse as an e-mail."""
    return f"__version__ = {Distribution.from_name('psycopg-binary').version!r}\n"


def with_flags(source: str) -> str:
    """Return inspect with the names of its flags, for which alone it would load the disassembler."""
    return source.replace("dis.COMPILER_FLAG_NAMES", repr(dis.COMPILER_FLAG_NAMES))


def with_late_syntax(source: str) -> str:
    """Return annotationlib without the syntax trees that it spells annotations with, until it is to do so."""
    source = re.sub(r"= _make_(\w+)\(ast\.(\w+)\(\)\)", r'= _make_\1("\2")', source)
    source = re.sub(r"\bop(?=[,\]])", "getattr(ast, op)()", source)
    source, _, fixer = source.partition("class _ExtraNameFixer(")
    return f"{source}def _ExtraNameFixer(names):\n" + indent(f"class Fixer({fixer}\nreturn Fixer(names)\n", " ")


def with_late_hashes(source: str) -> str:
    """Return urllib3's TLS, which can compare fingerprints, without the hashes until it is to do so."""
    return source.replace(
        "getattr(hashlib, algorithm, None)", "lambda data, name=algorithm: getattr(hashlib, name)(data)"
    )


def without_dataclass(source: str) -> str:
    """Return tenacity with a plain class for its one dataclass; it sets all the fields before it reads any."""
    source = re.sub(r"@dataclasses\.dataclass.*\n", "", source)
    return re.sub(r"dataclasses\.field\([^)]*\)", "()", source)


def without_paths(source: str) -> str:
    """Return Typer without pathlib, which it loads to see that no option is of type Path."""
    return source.replace("from pathlib import Path\n", "from os import PathLike as Path\n")


def with_resolver(source: str) -> str:
    """Return psycopg's look whether a host is an address, without all that the module ipaddress knows of networks."""
    source = source.replace("from ipaddress import ip_address\n", "from socket import AF_INET, AF_INET6, inet_pton\n")
    source = source.replace("ip_address(s)\n", 'inet_pton(AF_INET6 if ":" in s else AF_INET, s)\n')
    return source.replace("except ValueError:", "except (OSError, ValueError):")


def with_plain_addresses(source: str) -> str:
    """Return urllib3's URLs with a plain pattern for IPv6: the whole grammar takes 6 ms to compile.

    Whether an address is one is for getaddrinfo(3) to say.
    """
    return re.sub("^_IPV6_PAT = .*", '_IPV6_PAT = "[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"', source, flags=re.MULTILINE)


LEAN = {
    "kubernetes/client/__init__.py": without_missing,
    "kubernetes/client/configuration.py": with_typing,
    "urllib3/util/ssl_.py": with_late_hashes,
    "urllib3/util/url.py": with_plain_addresses,
    "tenacity/__init__.py": without_dataclass,
    "typer/main.py": without_paths,
    "inspect.py": with_flags,
    "annotationlib.py": with_late_syntax,
    "ssl.py": without_alerts,
    "typing.py": without_check,
    "requests/__init__.py": without_guess,
    "psycopg/_acompat.py": without_asyncio,
    "psycopg/raw_cursor.py": without_asyncio,
    "psycopg/errors.py": with_named_errors,
    "psycopg/postgres.py": with_plain_types,
    "psycopg/types/array.py": with_text_arrays,
    "psycopg/_conninfo_utils.py": with_resolver,
    "psycopg/pq/__init__.py": without_ssl,
    "psycopg_binary/version.py": with_version,
}
"""Modules that would load or compute what no gate needs, at each start: 7 MiB and 45 ms of looking at PostgreSQL."""


def files(distribution: Distribution) -> list[Path]:
    """Return the files of a package."""
    return [Path(str(distribution.locate_file(file))).resolve() for file in distribution.files or []]


def add_papers(root: Path, distribution: Distribution) -> None:
    """Copy a package's metadata and licences."""
    for path in files(distribution):
        if re.search(r"\.dist-info/(?:METADATA$|licenses/|LICEN|sboms/)", str(path)):
            copy(root, path)


def add_data(root: Path) -> None:
    """Copy what modules read beside themselves."""
    for pattern in (f"{WITH_SOURCE}/**/*.json", "psycopg_binary.libs/*", "tzdata/zoneinfo/**/*"):
        for path in PACKAGES.glob(pattern):
            if path.is_file() and path.suffix not in (".pyc", ".zi", ".tab"):
                copy(root, path)
    copy(root, STDLIB / "LICENSE.txt")


# -- shared libraries, and Debian's packages ----------------------------------------------------------------------


def add_libraries(root: Path) -> list[Path]:
    """Copy the shared libraries that the interpreter and the extensions need, and return them."""
    copied = [path for path in root.rglob("*.so*") if path.is_file()]
    needing: list[str | Path] = [sys.executable, *(Path("/", path.relative_to(root)) for path in copied)]
    listing = run("ldd", *needing)
    if "not found" in listing:
        raise SystemExit(listing)
    named = {Path(name) for name in re.findall(r"(/\S+) \(0x", listing)}
    system = sorted(path for path in named if not path.is_relative_to(PACKAGES.parent))
    for path in system:
        write(root, path, path.read_bytes()).chmod(0o755)
    share_libraries(root, {path.name: path for path in system})
    (root / "etc").mkdir(exist_ok=True)
    run("ldconfig", "-r", root, "/usr/local/lib")  # where the published image has libpython
    shutil.rmtree(root / "var/cache", ignore_errors=True)
    return system


def share_libraries(root: Path, system: dict[str, Path]) -> None:
    """Let psycopg use the system's OpenSSL instead of the copy in its wheel: 3 MB less, and one to keep up to date.

    OpenSSL keeps its ABI within a major version (https://openssl-library.org/policies/general/versioning-policy/).
    """
    for path in root.rglob("psycopg_binary.libs/*"):
        name = re.sub(r"-[0-9a-f]{8}\.so", ".so", path.name)
        if name in system:
            path.unlink()
            path.symlink_to(system[name])


def owner(library: Path) -> str:
    """Return the Debian package of a library; nothing for one that is built with the interpreter."""
    found = run("dpkg-query", "--search", library.resolve(), check=False)
    return found.partition(":")[0]


def add_package(root: Path, package: str) -> None:
    """Keep dpkg's entry of a package, where scanners look for it, and its copyright, where the base image has it."""
    write(root, f"var/lib/dpkg/status.d/{package}", run("dpkg-query", "--status", package))
    copyright_file = Path("/usr/share/doc", package, "copyright")
    if copyright_file.exists():
        copy(root, copyright_file)


# -- what is in it ------------------------------------------------------------------------------------------------


def sbom(found: Iterable[Distribution], packages: Iterable[str], root: Path) -> dict[str, Any]:
    """Return a CycloneDX bill of materials: Python's packages, the libraries in them, Debian's, the interpreter."""
    version = platform.python_version()
    components = [_component("python", version, f"pkg:generic/python@{version}", "PSF-2.0")]
    for each in found:
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        licence = (each.metadata.get_all("License-Expression") or [""])[0]
        components.append(_component(each.name, each.version, f"pkg:pypi/{name}@{each.version}", licence))
    for package in packages:
        version, kind = run("dpkg-query", "--show", "--showformat=${Version} ${Architecture}", package).split()
        components.append(_component(package, version, f"pkg:deb/debian/{package}@{version}?arch={kind}"))
    bundled = {path.name for path in root.rglob("psycopg_binary.libs/*") if not path.is_symlink()}
    components += [{"type": "file", "bom-ref": name, "name": name} for name in bundled]
    program = next(part for part in components if part["name"] == DISTRIBUTION)
    components.remove(program)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program | {"type": "application"}},
        "components": sorted(components, key=lambda component: component["bom-ref"]),
    }


def _component(name: str, version: str, purl: str, licence: str = "") -> dict[str, Any]:
    licences = {"licenses": [{"expression": licence}]} if licence else {}
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **licences}


# -- files --------------------------------------------------------------------------------------------------------


def copy(root: Path, path: Path) -> Path:
    """Copy a file or a link to the same place in the root, and return where."""
    target = root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target, follow_symlinks=False)
    return target


def write(root: Path, path: str | Path, content: str | bytes) -> Path:
    """Write a file of the root, and return where."""
    target = root / str(path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    return target


def link(root: Path, path: Path, target: str) -> None:
    """Make a link in the root to something else in it."""
    place = root / path.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def settle(root: Path) -> None:
    """Give every file the same date, and nobody the right to write."""
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for path in [*root.rglob("*"), root]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (date, date), follow_symlinks=False)


def run(*command: str | Path, check: bool = True) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - its own words


if __name__ == "__main__":
    main(Path(sys.argv[1]))
