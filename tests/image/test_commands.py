"""Every command in the image, on real servers over TLS, and the modules that each way of holding loads."""

import base64
import shutil
from pathlib import Path

import pytest
import yaml

from gatekeeper.cli.options import EXAMPLES
from servers.gate import GateProcess

MODULES = Path(__file__).parent / "modules"
TOOLS = ["--tool", "alembic", "--revision"]
PATIENCE = 90
"""Seconds that a command may take: an emulated processor is twenty times slower."""
MIGRATIONS = {
    "V1__create.sql": "CREATE TABLE t (i int);",
    "changelog.yaml": "databaseChangeLog: [{changeSet: {id: 1, author: me, changes: []}}]",
    "changelog.xml": """<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog">
        <changeSet id="1" author="me"/></databaseChangeLog>""",
}
MANIFESTS = Path(__file__).parents[2] / "manifests" / "job"

# Runs the program, and prints at its end which modules it has loaded.
SPY = """
import atexit, sys
atexit.register(lambda: print("modules", *sys.modules))
from gatekeeper.__main__ import main
main()
"""


def loaded(gate: GateProcess) -> set[str]:
    """Return the modules that SPY printed."""
    [line] = [line for line in gate.log.splitlines() if line.startswith("modules ")]
    return set(line.split()[1:])


def budget(*modes: str) -> set[str]:
    """Return the modules that every command, and these ways of holding, may load."""
    return {name for mode in ("every", *modes) for name in (MODULES / f"{mode}.txt").read_text().split()}


# -- commands that wait for nothing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*EXAMPLES])
def test_help(image, command):
    """Every command describes itself."""
    done = image.run("gatekeeper", command, "--help")
    assert (done.returncode, "Usage: gatekeeper" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_tools(image, form):
    """The tools that are known can be listed."""
    done = image.run("gatekeeper", "tools", "--format", form)
    assert (done.returncode, "golang-migrate" in done.stdout) == (0, True), done.stdout


def test_rbac(image):
    """The least rights are printed."""
    done = image.run("gatekeeper", "rbac", "--job", "db-migrate", "--service-account", "web")
    assert (done.returncode, "resourceNames" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize("form", ["table", "json", "sarif"])
def test_audit(image, form):
    """Manifests are audited, in every form."""
    manifests = "---\n".join(path.read_text() for path in sorted(MANIFESTS.glob("*.yaml")))
    done = image.run("gatekeeper", "audit", "-", "--format", form, given=manifests)
    assert done.returncode == 0, done.stdout


def test_inject(image):
    """A gate is added to a workload."""
    deployment = (MANIFESTS / "deployment.yaml").read_text()
    done = image.run("gatekeeper", "inject", "-", "--job", "db-migrate", given=deployment)
    assert (done.returncode, "initContainers" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(
    ("file", "tool", "newest"),
    [
        ("V1__create.sql", "flyway", "1"),
        ("changelog.yaml", "liquibase", "changelog.yaml::1::me"),
        ("changelog.xml", "liquibase", "changelog.xml::1::me"),
    ],
)
def test_revision(image, file, tool, newest):
    """Migrations are read, whatever their language."""
    folder = image.root / "mnt" / file
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(MIGRATIONS[file])
    done = image.run("gatekeeper", "revision", f"/mnt/{file}", "--tool", tool)
    assert (done.returncode, done.stdout.strip().endswith(newest)) == (0, True), done.stdout


def test_misconfigured(image):
    """What cannot be understood is told in a sentence."""
    done = image.run("gatekeeper", "job")
    assert (done.returncode, done.stdout[:14]) == (2, "misconfigured:")


def test_traceback(image):
    """A bug's traceback shows the gate's own source."""
    program = (
        "from gatekeeper.gate.exits import edge\nwith edge():\n"
        "    from gatekeeper.gate.settings import choice; choice(1, 2, 3)"
    )
    done = image.run("python3.15", "-c", program)
    assert (done.returncode, "if text not in allowed:" in done.stdout) == (1, True), done.stdout


# -- holding: opened over TLS, and what a gate that waits has loaded ------------------------------------------------


def test_job(gate, pod, apiserver, namespace):
    """A Job gate opens, and one that waits loads the modules of its budget."""
    apiserver.create_job(namespace, "migrate")
    waiting = gate("-c", SPY, "job", "migrate", "--timeout", "3s", program=("python3.15",), **pod)
    assert waiting.end(PATIENCE) == 124, waiting.log
    apiserver.complete(namespace, "migrate")
    opened = gate("job", "migrate", **pod)
    assert opened.end(PATIENCE) == 0, opened.log
    assert loaded(waiting) - budget("job") == set()


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_schema(gate, request, database):
    """A schema gate opens, and one that waits loads the modules of its budget."""
    environment = {"DATABASE_URL": request.getfixturevalue(f"{database}_url")}
    waiting = gate(
        "-c", SPY, "schema", *TOOLS, "aaaaaaaaaaaa", "--timeout", "3s", program=("python3.15",), **environment
    )
    assert waiting.end(PATIENCE) == 124, waiting.log
    opened = gate("schema", *TOOLS, "c94a02be7d13", **environment)
    assert opened.end(PATIENCE) == 0, opened.log
    assert loaded(waiting) - budget(database) == set()


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_any_user(gate, image, monkeypatch, request, pod, apiserver, namespace, database):
    """Gates of both kinds open as a user whom nothing knows, in root's group, as OpenShift runs them."""
    monkeypatch.setitem(image.config, "User", "1000680000:0")
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    environment = {"DATABASE_URL": request.getfixturevalue(f"{database}_url"), **pod}
    for command in (["job", "migrate"], ["schema", *TOOLS, "c94a02be7d13", "--job", "migrate"]):
        opened = gate(*command, **environment)
        assert opened.end(PATIENCE) == 0, opened.log


@pytest.mark.parametrize(
    ("query", "said"),
    [
        # Of these SQLSTATEs the image's psycopg has no class, where the whole one has.
        ("SELECT a FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y", 'column reference "a" is ambiguous'),
        ("SELECT 1 / 0", "division by zero"),
        ("SELEC", "misconfigured: --query: syntax error"),
        ("SELECT 'x' FROM nowhere", "has nothing applied"),
        # Of these types it has no objects, but their text.
        ("SELECT '[1,3)'::int4range", "[1,3)"),
        ("SELECT ARRAY['a', 'b']", "neither text"),
    ],
)
def test_query(gate, postgres_url, query, said):
    """A query of one's own is judged in the image as anywhere."""
    options = ["--tool", "query", "--query", query, "--revision", "b"]
    gate("schema", *options, DATABASE_URL=postgres_url).until(said, PATIENCE)


def test_schema_with_messenger(gate, pod, postgres_url):
    """A schema gate with a Job loads what both need, and no more."""
    options = ["schema", *TOOLS, "aaaaaaaaaaaa", "--job", "migrate", "--timeout", "3s"]
    waiting = gate("-c", SPY, *options, program=("python3.15",), DATABASE_URL=postgres_url, **pod)
    assert waiting.end(PATIENCE) == 124, waiting.log
    assert loaded(waiting) - budget("job", "postgres") == set()


def test_kubeconfig(gate, image, apiserver, namespace, pod):
    """A mounted kubeconfig is understood."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    folder = image.root / "mnt"
    folder.mkdir(exist_ok=True)
    (folder / "ca.crt").write_text(apiserver.ca_file.read_text())
    kubeconfig = apiserver.kubeconfig_for(namespace, "gate").read_text()
    (folder / "config").write_text(kubeconfig.replace(str(apiserver.ca_file), "/mnt/ca.crt"))
    opened = gate("job", "migrate", "--kubeconfig", "/mnt/config")
    assert opened.end(PATIENCE) == 0, opened.log


def test_kubeconfig_with_certificates(gate, image, apiserver, namespace, pod):
    """What a kubeconfig embeds is kept in memory, where there is no disk to write to; else the way out is named."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    folder = image.root / "mnt"
    folder.mkdir(exist_ok=True)
    kubeconfig = yaml.safe_load(apiserver.kubeconfig_for(namespace, "gate").read_text())
    [cluster] = kubeconfig["clusters"]
    del cluster["cluster"]["certificate-authority"]
    cluster["cluster"]["certificate-authority-data"] = base64.b64encode(apiserver.ca_file.read_bytes()).decode()
    (folder / "config").write_text(yaml.safe_dump(kubeconfig))
    refused = gate("job", "migrate", "--kubeconfig", "/mnt/config")
    assert (refused.end(PATIENCE), "mount an empty writable folder at /tmp" in refused.log) == (2, True), refused.log
    memory = image.root / "dev/shm"
    memory.mkdir(parents=True)
    try:
        memory.chmod(0o1777)
        opened = gate("job", "migrate", "--kubeconfig", "/mnt/config")
        assert opened.end(PATIENCE) == 0, opened.log
        assert list(memory.iterdir()) == []
    finally:
        shutil.rmtree(image.root / "dev")
