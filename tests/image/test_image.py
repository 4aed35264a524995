"""What is in the image, and what is not."""

import hashlib
import json
import os
import re
import stat

import pytest

import gatekeeper
from image.root import SBOM, UNREACHED

STORED = 13_580_000
"""Bytes as gzip stores them. Builders compress with Go's own, which takes 3 % more: a registry stores no more than 14
million, and kubectl alone takes 17."""
OPTIONAL = ("tornado", "h2")
"""What a library would use if it were installed."""

# Imports every module of the image and resolves each lazy import in it. Prints how many, what is missing where, how
# many regular expressions there are, and which of them are not what `re` makes of their text.
WALK = """
import importlib, json, os, re, sys
from pathlib import Path

missing, imported, patterns = {}, 0, []

def attempt(place, action):
    global imported
    try:
        imported += 1
        return action()
    except ImportError as fault:
        missing[place] = f"{fault.name}.{fault.name_from}" if fault.name_from else re.search("'(.+?)'", str(fault))[1]

names = {name for finder in sys.meta_path for name in getattr(finder, "index", ())}
for base in map(Path, dict.fromkeys(map(os.path.realpath, sys.path[1:]))):
    for path in [*base.rglob("*.pyc"), *base.rglob("*.so")]:
        parts = [*path.relative_to(base).parts[:-1], path.name.split(".")[0]]
        if all(map(str.isidentifier, parts)):
            names.add(".".join(parts).removesuffix(".__init__"))
for name in sorted(names):
    module = attempt(name, lambda: importlib.import_module(name))
    for attribute in [*vars(module)] if module else ():
        value = attempt(f"{name}.{attribute}", lambda: getattr(module, attribute))
        patterns += [each for each in (value, *(vars(value).values() if type(value) is type else ()))
                     if isinstance(each, re.Pattern)]
odd = [str(pattern) for pattern in patterns if re.compile(pattern.pattern, pattern.flags) != pattern]
print(json.dumps([imported, missing, len(patterns), odd]))
"""


@pytest.fixture(scope="module")
def walked(image):
    """Return what WALK prints."""
    return json.loads(image.python(WALK).splitlines()[-1])


def test_size(image):
    """A registry stores no more than is budgeted."""
    assert image.stored <= STORED


def test_configuration(image):
    """It runs as a user without a name of consequence, and its imports are lazy."""
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == ["gatekeeper"]
    assert image.environment["PYTHON_LAZY_IMPORTS"] == "all"
    assert image.config["Labels"]["org.opencontainers.image.version"] == gatekeeper.__version__


def test_programs(image):
    """The interpreter and the gate are all that can be run: no shell, no package manager, nothing set-user-id."""
    executable = {
        path.name
        for path in image.paths
        if path.is_file() and not path.is_symlink() and os.access(path, os.X_OK) and ".so" not in path.name
    }
    assert executable == {"python3.15", "gatekeeper"}
    assert not [path for path in image.paths if path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)]


def test_owners(image):
    """All of it is root's, and nobody else may write."""
    odd = [
        path
        for path in image.paths
        if path.lstat().st_uid or path.lstat().st_gid or (not path.is_symlink() and path.stat().st_mode & 0o022)
    ]
    assert odd == []


def test_dates(image):
    """No file tells when it was built."""
    assert len({path.lstat().st_mtime for path in image.paths if path.is_file() and not path.is_symlink()}) == 1


def test_links(image):
    """Every link leads to something in the image."""
    for path in image.paths:
        if path.is_symlink():
            target = path.readlink()
            assert (image.root / target.relative_to("/") if target.is_absolute() else path.parent / target).exists()


def test_modules(walked):
    """Every module can be imported with all that it imports, but for what is left out on purpose."""
    imported, missing, *_ = walked
    assert imported > 10_000
    known = (*UNREACHED, *OPTIONAL)
    unknown = {
        place: name for place, name in missing.items() if not f"{name}.".startswith(tuple(f"{each}." for each in known))
    }
    assert unknown == {}


def test_patterns(walked):
    """A regular expression that was compiled when the image was built is what it says that it is."""
    *_, patterns, odd = walked
    assert (patterns > 150, odd) == (True, [])


def test_first_modules(image):
    """Only what an interpreter imports before the image's importer is a file of its own."""
    names = {path.stem for path in image.paths if path.suffix == ".pyc"}
    assert {"os", "utf_8", "sitecustomize"} <= names
    assert len(names) < 20


def test_bill_of_materials(image):
    """The bill of materials names each package of Python's and Debian's, and those are where scanners look for them."""
    bill = json.loads((image.root / SBOM).read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "migration-gatekeeper")
    named = {part["name"]: part["version"] for part in bill["components"] if part["type"] == "library"}
    for metadata in image.root.rglob("*.dist-info/METADATA"):
        fields = dict(re.findall(r"^(Name|Version): (.*)$", metadata.read_text(), re.MULTILINE))
        assert (named | {"migration-gatekeeper": gatekeeper.__version__})[fields["Name"]] == fields["Version"]
    for status in (image.root / "var/lib/dpkg/status.d").iterdir():
        fields = dict(re.findall(r"^(Package|Version): (.*)$", status.read_text(), re.MULTILINE))
        assert named[fields["Package"]] == fields["Version"]
    assert {"libc6", "ca-certificates", "python", "kubernetes", "psycopg-binary"} <= {*named}
    bundled = {part["name"] for part in bill["components"] if part["type"] == "file"}
    assert any(name.startswith("libpq") for name in bundled)
    assert "ID=debian" in (image.root / "etc/os-release").read_text()


def test_licences(image):
    """Every package of Python's, and the interpreter, has its licence with it."""
    for metadata in image.root.rglob("*.dist-info/METADATA"):
        papers = [path.name for path in metadata.parent.rglob("*") if re.match(r"LICEN[CS]E|COPYING", path.name)]
        assert papers, metadata.parent.name
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in (image.root / "usr/local/lib/python3.15/LICENSE.txt").read_text()


def test_authorities(image):
    """Public certificate authorities are known."""
    assert int(image.python("import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])")) > 100


def test_one_openssl(image):
    """Python and psycopg use the same OpenSSL."""
    [_] = [path for path in image.root.rglob("libcrypto*") if not path.is_symlink()]
    [_] = [path for path in image.root.rglob("libssl*") if not path.is_symlink() and ".so" in path.name]
    assert int(image.python("import psycopg; print(psycopg.pq.version())")) >= 180000


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Paris"])
def test_time_zones(image, zone):
    """A time of any zone can be read from a database."""
    assert image.python(f"import zoneinfo; print(zoneinfo.ZoneInfo('{zone}'))") == f"{zone}\n"


def test_annotations(image):
    """An annotation can be spelled out, though a start does not load what that takes."""
    told = image.python(
        "import annotationlib as a\n"
        "def f(x: up + [down, -left] < right.on[0], y: 'late'): ...\n"
        "print(a.get_annotations(f, format=a.Format.STRING))\n"
        "print(a.get_annotations(f, format=a.Format.FORWARDREF)['x'].evaluate(format=a.Format.STRING))\n"
    )
    assert told == "{'x': 'up + [down, -left] < right.on[0]', 'y': 'late'}\nup + [down, -left] < right.on[0]\n"


def test_fingerprints(image):
    """A certificate's fingerprint is compared, though a start does not load the hashes."""
    fingerprint = hashlib.sha256(b"certificate").hexdigest()
    compare = f"from urllib3.util.ssl_ import assert_fingerprint; assert_fingerprint(b'%s', '{fingerprint}')"
    image.python(compare % "certificate")
    assert "Fingerprints did not match" in image.run("python3.15", "-c", compare % "another").stdout
