"""What flags and environment become, and what is said of the bad ones."""

import math
import os
from functools import partial

import pytest

from gatekeeper.gate import settings
from gatekeeper.gate.settings import Misconfigured

choice = partial(settings.choice, "--on-failure", allowed=("exit", "wait"))
namespace = partial(settings.namespace, "--namespace")


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (settings.duration, "8m", 480.0),
        (settings.duration, "-1s", math.inf),
        (settings.job_name, "db-migrate", "db-migrate"),
        (settings.job_name, "db.migrate-7", "db.migrate-7"),
        (settings.job_name, "a" * 253, "a" * 253),
        (settings.requirement, "release=7", ("release", "7")),
        (settings.requirement, "app.kubernetes.io/version=1.4.0", ("app.kubernetes.io/version", "1.4.0")),
        (settings.requirement, "example.com/query=a=b", ("example.com/query", "a=b")),
        (settings.requirement, "example.com/note=größer, als=b ", ("example.com/note", "größer, als=b ")),
        (settings.requirement, "release=7\r\n", ("release", "7")),
        (namespace, "shop-7", "shop-7"),
        (namespace, "7" * 63, "7" * 63),
        (settings.selector, "app=web", "app=web"),
        (settings.selector, "app==web,tier!=cache", "app==web,tier!=cache"),
        (settings.selector, "app in (web, api),!legacy,live", "app in (web, api),!legacy,live"),
        (settings.selector, "stage notin (dev)", "stage notin (dev)"),
        (settings.selector, "app=", "app="),
        (settings.selector, "example.com/App_1.x=Web_1.x", "example.com/App_1.x=Web_1.x"),
        (choice, "wait", "wait"),
        (settings.table_name, "migrations", ("", "migrations")),
        (settings.table_name, "app.migrations", ("app", "migrations")),
        (settings.table_name, "App.__EFMigrationsHistory", ("App", "__EFMigrationsHistory")),
        (settings.table_name, '"my.app"."a table"', ("my.app", "a table")),
        (settings.table_name, 'app."a.b"', ("app", "a.b")),
        (settings.table_name, "X.X", ("X", "X")),
    ],
)
def test_good(parse, text, value):
    """Text that is right becomes its value."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (settings.duration, "soon", "--timeout: 'soon' is not a duration"),
        (settings.duration, "", "--timeout: '' is not a duration"),
        (settings.job_name, "", "is not the name of a Job"),
        (settings.job_name, "Migrate", "is not the name of a Job"),
        (settings.job_name, "job/migrate", "is not the name of a Job"),
        (settings.job_name, "-migrate", "is not the name of a Job"),
        (settings.job_name, "migrate.", "is not the name of a Job"),
        (settings.job_name, "db..migrate", "is not the name of a Job"),
        (settings.job_name, "db_migrate", "is not the name of a Job"),
        (settings.job_name, "migrate\n", "is not the name of a Job"),
        (settings.job_name, "a" * 254, "is not the name of a Job"),
        (settings.requirement, "release", "--require: 'release' is not KEY=VALUE"),
        (settings.requirement, "release=", "has no value: is the pod's label missing that gives it?"),
        (settings.requirement, "=7", "is not KEY=VALUE"),
        (settings.requirement, "app.kubernetes.io/version = 1.4.0", "'app.kubernetes.io/version ' can be no label"),
        (settings.requirement, "Example.com/version=7", "'Example.com/version' can be no label or annotation"),
        (settings.requirement, "a/b/c=7", "'a/b/c' can be no label or annotation"),
        (settings.requirement, "größe=7", "'größe' can be no label or annotation"),
        (settings.requirement, f"{'a' * 64}=7", "can be no label or annotation"),
        (namespace, "$(POD_NAMESPACE)", "--namespace: '$(POD_NAMESPACE)' is not the name of a namespace"),
        (namespace, "shop/jobs", "is not the name of a namespace"),
        (namespace, "..", "is not the name of a namespace"),
        (namespace, "Shop", "is not the name of a namespace"),
        (namespace, "shop\n", "is not the name of a namespace"),
        (namespace, "a" * 64, "is not the name of a namespace"),
        (namespace, "\udce4", "is not the name of a namespace"),
        (settings.selector, "", "--selector: '' is not a label selector"),
        (settings.selector, "a b", "is not a label selector"),
        (settings.selector, "app=web,", "is not a label selector"),
        (settings.selector, "app in web", "is not a label selector"),
        (settings.selector, "app in (web", "is not a label selector"),
        (settings.selector, "app in ()", "is not a label selector"),
        (settings.selector, "app=-web", "is not a label selector"),
        (settings.selector, "app in (web,api.)", "is not a label selector"),
        (settings.selector, "a/b/c", "is not a label selector"),
        (settings.selector, f"app={'a' * 64}", "is not a label selector"),
        (choice, "Wait", "--on-failure: 'Wait' is none of exit, wait"),
        (choice, "", "--on-failure: '' is none of exit, wait"),
        (settings.table_name, "", "--table: '' is not"),
        (settings.table_name, "app.", "is not [SCHEMA.]TABLE"),
        (settings.table_name, ".migrations", "is not [SCHEMA.]TABLE"),
        (settings.table_name, "db.app.migrations", "is not [SCHEMA.]TABLE"),
        (settings.table_name, 'app."migrations', "is not [SCHEMA.]TABLE"),
    ],
)
def test_bad(parse, text, words):
    """Text that is wrong is answered by one sentence, which shows what would be right."""
    with pytest.raises(Misconfigured) as caught:
        parse(text)
    message = str(caught.value)
    assert words in message
    assert "for example" in message
    assert "\n" not in message


def test_requirements_of_one_key():
    """A mark that is demanded twice is demanded once; no Job has two values of it."""
    assert settings.requirements(["a=1", "b=1", "a=1"], {}) == (("a", "1"), ("b", "1"))
    with pytest.raises(Misconfigured, match="one value of a key"):
        settings.requirements(["a=1", "b=1", "a=2"], {})


def test_requirement_of_other_bytes():
    """What is not UTF-8 can be no mark."""
    with pytest.raises(Misconfigured, match="--require is not UTF-8 text"):
        settings.requirement("release=\udce4")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(b"secret", "secret", id="as it is"),
        pytest.param(b"secret\n", "secret", id="without a line end"),
        pytest.param(b"secret\r\n", "secret", id="without Windows' line end"),
        pytest.param(b" se cret \n", " se cret ", id="with its spaces"),
        pytest.param(b"secretX\n", "secretX", id="with its last letter"),
        pytest.param("geheim\N{LATIN SMALL LETTER U WITH DIAERESIS}".encode(), "geheim\xfc", id="in UTF-8"),
        pytest.param("geheim\xfc\r\n".encode("utf-8-sig"), "geheim\xfc", id="with Windows' mark"),
        pytest.param(b"\xff\xfe" + "geheim\xfc\r\n".encode("utf-16-le"), "geheim\xfc", id="as PowerShell writes it"),
        pytest.param(b"\xfe\xff" + "geheim\xfc".encode("utf-16-be"), "geheim\xfc", id="in UTF-16 of the other order"),
    ],
)
def test_file_text(tmp_path, content, text):
    """A file's text is its content without the line end."""
    (tmp_path / "password").write_bytes(content)
    assert settings.file_text("--password-file", str(tmp_path / "password")) == text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read (No such file or directory)", id="missing"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n", "is empty", id="blank"),
        pytest.param(b"hunter2\xff", "cannot be read (it is not UTF-8 text)", id="not text"),
        pytest.param(b"\xff\xfehunter2", "cannot be read (it is not UTF-8 text)", id="half a letter"),
        pytest.param(b"\xef\xbb\xbf\n", "is empty", id="a mark alone"),
        pytest.param(b"hunter2" * 2**18, "cannot be read (it is larger than 1 MiB)", id="large"),
    ],
)
def test_bad_file(tmp_path, content, words):
    """A file that has no text is named with what is wrong, and nothing of its content is quoted."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        settings.file_text("--password-file", str(path))
    message = str(caught.value)
    assert f"--password-file: {path} {words}" in message
    assert "; write " in message
    assert "hunter" not in message


def test_no_plain_file(tmp_path):
    """What may have no end, or never begin, is not read: a pipe, a device, a folder; a link to a file is."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(
            Misconfigured, match=r"cannot be read \((it is no plain file|Is a directory)\); write the path"
        ):
            settings.file_text("--password-file", str(path))
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/password").write_text("secret\n")
    (tmp_path / "password").symlink_to("..data/password")
    assert settings.file_text("--password-file", str(tmp_path / "password")) == "secret"


@pytest.mark.parametrize("value", ["", " "])
def test_empty_requirement(value):
    """A variable that is there and empty is no way to demand nothing; a flag outdoes it."""
    with pytest.raises(
        Misconfigured, match=r"GATEKEEPER_REQUIRE is empty; write for example app.kubernetes.io/version"
    ):
        settings.requirements([], {"GATEKEEPER_REQUIRE": value})
    assert settings.requirements([], {}) == ()
    assert settings.requirements(["a=1"], {"GATEKEEPER_REQUIRE": value}) == (("a", "1"),)


@pytest.mark.parametrize("value", ["$(VERSION)", "v$(VERSION)-1"])
def test_a_variable_that_the_kubelet_does_not_know(value):
    """It is left as it stands, and nobody marks a Job so."""
    with pytest.raises(
        Misconfigured, match=r"--require: \$\(VERSION\) is no value, for the env of this container has no VERSION"
    ):
        settings.requirements(["a=1", f"b={value}"], {})
    assert settings.requirements(["b=$VERSION"], {}) == (("b", "$VERSION"),)
