"""The readers of text that others write, each as a target: it takes a text, and raises if the reader does wrong.

A reader returns, or raises the one fault that is documented: Misconfigured, which is exit code 2, or a ValueError of
which its caller makes one. Any other exception is exit code 1, a bug. Nothing that is said of a URL holds its password.
"""

import re
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.gate import settings
from gatekeeper.gate.durations import format_duration, parse_duration
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories import directories, mysql, postgres, urls
from gatekeeper.manifests import containers, documents, peers
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.objects import parse
from gatekeeper.tools import liquibase
from gatekeeper.tools.shared.home_grown import home_grown
from known import TOOLS

SECRET = "hunter2-s3cr3t"
SPLIT = "\x1f"
"""Stands between the parts of a text where a target takes several."""


@dataclass(frozen=True)
class Target:
    """A reader, and texts to begin with, which reach all of it."""

    run: Callable[[str], None]
    seeds: tuple[str, ...]


def database_url(text: str) -> None:
    """Any URL; and one whose password has anything around the secret, as those have that nobody has escaped."""
    _database(text)
    scheme, before, after, rest = (text.split(SPLIT) + [""] * 4)[:4]
    told = _database(f"{scheme}://app:{before}{SECRET}{after}@db.shop.svc:5432/app{rest}")
    # `?password=` after an unescaped slash makes a right URL of it, with another password.
    assert SECRET not in told or re.search("(user|password)=", after), told


def _database(url: str) -> str:
    """Return what is told of a database, or of its URL."""
    try:
        is_mysql = urls.is_mysql(url)
        edge, kind = (mysql, mysql.MySQLDatabase) if is_mysql else (postgres, postgres.PostgresDatabase)
        parameters = edge.connection_parameters(url)
        assert all(isinstance(value, str) for pair in parameters.items() for value in pair)
        return str(kind(lambda: {"user": "app", **parameters}).name)
    except Misconfigured as fault:
        return str(fault)


def duration(text: str) -> None:
    """What is parsed is shown, and read as what it was."""
    try:
        seconds = parse_duration(text)
    except ValueError as fault:
        assert "is not a duration" in str(fault)  # noqa: PT017 - not in a test
        return
    assert seconds >= 0
    if seconds not in (0, float("inf")) and seconds < 1e9:
        assert parse_duration(format_duration(seconds)) == round(seconds)


def options(text: str) -> None:
    """Parsers of flags."""
    parsers = (
        settings.duration,
        settings.job_name,
        settings.requirement,
        settings.selector,
        settings.table_name,
        lambda given: settings.choice("--if-ahead", given, ("open", "wait")),
    )
    for parser in parsers:
        try:
            parser(text)
        except Misconfigured as fault:
            assert "; write" in str(fault)  # noqa: PT017


def revision(text: str) -> None:
    """A text is a revision, with a place beside any other, or is said not to be one."""
    for tool in (*TOOLS.values(), home_grown("query")):
        try:
            normal = tool.revision(text)
        except ValueError as fault:
            assert str(fault).startswith("a revision is "), (tool.name, fault)  # noqa: PT017
            continue
        assert normal.strip(), (tool.name, normal)
        if tool.order and (place := tool.order(normal)) is not None:
            assert tool.order(tool.example) <= place or place <= tool.order(tool.example)


def manifests(text: str) -> None:
    """A stream of Kubernetes objects, and the audit of it."""
    try:
        audit(parse(text))
    except Misconfigured as fault:
        assert "; " in str(fault)  # noqa: PT017


def document(text: str) -> None:
    """YAML."""
    for load in (documents.load, documents.load_all):
        try:
            load(text)
        except ValueError as fault:
            assert "\n" not in str(fault)  # noqa: PT017


def changelog(text: str) -> None:
    """Liquibase's changelogs, of each format, one of which another includes."""
    one, two = (*text.split(SPLIT), "")[:2]
    for ending in (".xml", ".yaml", ".json", ".sql"):
        try:
            liquibase.changesets({f"db.changelog-root{ending}": one, "two.yaml": two, "three.sql": two})
        except ValueError as fault:
            assert str(fault)  # noqa: PT017


def directory(text: str) -> None:
    """The migrations of every tool, a file of which has any text, and what tool's they are."""
    name, content, other = (*text.split(SPLIT), "", "")[:3]
    with tempfile.TemporaryDirectory() as root:
        paths = {tool.directory.example for tool in TOOLS.values() if tool.directory and name in ("", tool.name)}
        for place, path in enumerate(sorted(paths)):
            _write(Path(root, path), content)
            _write(Path(root, path).with_name(f"{place}_{Path(path).name}"), other)
        for tool in TOOLS.values():
            if name in ("", tool.name):
                _misconfigured(lambda tool=tool: directories.wanted(tool, root))
        _misconfigured(lambda: directories.recognise(root))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")


def _misconfigured(read: Callable[[], object]) -> None:
    try:
        read()
    except Misconfigured as fault:
        assert ": " in str(fault)  # noqa: PT017


def peer(text: str) -> None:
    """Command lines of `kubectl wait` and `k8s-wait-for`, and the scripts in which they stand."""
    try:
        argv = shlex.split(text)
    except ValueError:
        argv = text.split()
    for read in (peers.kubectl_wait, peers.job_wr, peers.wait_for):
        try:
            read(argv)
        except Misconfigured as fault:
            assert "; write" in str(fault)  # noqa: PT017
    containers.recognise({"image": "bitnami/kubectl", "command": ["sh", "-c", text]})
    containers.recognise({"image": "groundnuty/k8s-wait-for", "args": argv})
    containers.recognise({"args": argv, "command": None})


_GATE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      serviceAccountName: web
      initContainers:
        - {name: gate, image: gatekeeper, args: [job, db-migrate, --require, v=1, --timeout, 8m]}
      containers: [{name: app, image: app}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web, namespace: shop}
rules: [{apiGroups: [batch], resources: [jobs], resourceNames: [db-migrate], verbs: [list, watch]}]
"""
_YAML_CHANGELOG = """
databaseChangeLog:
  - property: {name: p, value: v}
  - changeSet: {id: 1, author: me, changes: [{tagDatabase: {tag: "${p}"}}]}
  - include: {file: two.yaml, relativeToChangelogFile: true}
"""

TARGETS = {
    "database-url": Target(
        database_url,
        (
            "postgresql://app:pw@db.shop.svc:5432/app?sslmode=require&schema=x",
            "jdbc:mysql://app:pw@[::1]:3306/app?useSSL=true&sslMode=VERIFY_CA",
            "mysql://app:pw@tcp(db:3306)/app?tls=skip-verify",
            "host=db user=app password='x y' dbname=app",
            SPLIT.join(("postgresql", "a@", "/b?application_name=x", "?sslmode=disable")),
            SPLIT.join(("mysql", "a%40", ":/?#", "?ssl={}")),
            SPLIT.join(("jdbc:postgresql", "7/", "?sslmode=", "")),
        ),
    ),
    "duration": Target(duration, ("90", "1h30m", "-1s", ".5m", "250ms", "1e3", "0")),
    "options": Target(
        options,
        ("app=web,tier!=cache,env in (a, b),!x", "app.kubernetes.io/version=1.4.0", '"a.b"."c"', "db-migrate", "10m"),
    ),
    "revision": Target(revision, tuple(dict.fromkeys(tool.example for tool in TOOLS.values()))),
    "manifests": Target(manifests, (_GATE, _GATE.replace("job, db-migrate", "wait, job/db-migrate, --for=delete"))),
    "document": Target(document, (_GATE, "a: &x [1, 2]\nb: *x\n", "2024-01-01: =\n---\n<<: {a: 1}\n", "!!int 0b1_0",
                                  "!!int", "!!float ''", "!!bool x", "!!timestamp x", "0001-01-01 00:00:00 +23:59")),
    "changelog": Target(
        changelog,
        (
            _YAML_CHANGELOG + SPLIT + _YAML_CHANGELOG.replace("two", "three"),
            '<databaseChangeLog><changeSet id="1" author="me"/><includeAll path="." minDepth="1"/></databaseChangeLog>',
            '{"databaseChangeLog": [{"changeSet": {"id": 1, "author": "me", "preConditions": [{"onFail": "HALT"}]}}]}',
            "-- liquibase formatted sql\n-- changeset me:1 context:a\n-- preconditions onFail:MARK_RAN\nSELECT 1;",
        ),
    ),
    "directory": Target(
        directory,
        (
            SPLIT.join(("alembic", 'revision = "a"\ndown_revision = None', 'revision = "b"\ndown_revision = ("a",)')),
            SPLIT.join(("django", "class Migration(migrations.Migration):\n    replaces = [('shop', '0001_a')]")),
            SPLIT.join(("sqitch", "%project=shop\n\na [b !c] 2024-01-01T00:00:00Z A <a@b.c> # x")),
            SPLIT.join(("drizzle", '{"entries": [{"when": 1}, {"when": 2}]}', "")),
            SPLIT.join(("yoyo", '__depends__ = {"0001.a"}', "-- depends: 0001.a")),
            SPLIT.join(("atlas", "-- atlas:checkpoint\n\nSELECT 1", "")),
            SPLIT.join(("flyway", "SELECT ${a}", "")),
            SPLIT.join(("typeorm", "export class A1700000000000 implements MigrationInterface { name = 'B' }", "")),
            SPLIT.join(("doctrine", "<?php namespace A; final class B extends AbstractMigration {}", "")),
            SPLIT.join(("ef-core", '[Migration("20240102030405_A")]', "")),
            SPLIT.join(("", "--liquibase formatted sql", "")),
        ),
    ),
    "peer": Target(
        peer,
        (
            "kubectl wait --for=condition=complete --timeout=600s job/db-migrate -n shop",
            "wait --for condition=complete job -l app=shop --request-timeout 5s",
            "until kubectl get job/db -o jsonpath='{.status.succeeded}' | grep -q 1; do sleep 2; done",
            "job-wr db-migrate -n shop --timeout=1h",
            "while ! $(kubectl wait job/a --for=create && echo `date`); do sleep $((1+1)); done # x",
        ),
    ),
}  # fmt: skip
