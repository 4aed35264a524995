"""What manifests/ ships, in a real cluster: which of it runs on a bare one, built as it stands, and its databases.

The Secrets and hosts of the examples are real there too: Services of these names lead to a PostgreSQL whose users have
the passwords that the Secrets hold.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from recorder.fixture import HISTORIES, read
from servers.cluster import MANIFESTS, Namespace, Object
from servers.postgres import Postgres

HOSTS = ("postgres", "db", "db-rw", "db-blue", "db-green")
DATABASES = ("app", "shop", "web")
"""Each with a user of the same name."""
WHOLE = ("job", "schema")
ASKED = re.compile(r"schema --tool[= ](\S+) --revision[= ](\S+)")


def runnable() -> list[str]:
    """Return the directories whose kustomization says of nothing that a bare cluster does not have."""
    found = []
    for path in sorted((MANIFESTS / "examples").glob("*/kustomization.yaml")):
        kustomization = yaml.safe_load(path.read_text())
        needs = kustomization.get("metadata", {}).get("annotations", {}).get("needs")
        found += [] if needs else [f"examples/{path.parent.name}"]
    return found


def services(host: str, port: int) -> Iterator[Object]:
    """Give the Services by whose names the examples know their databases; all lead to this port."""
    for name in HOSTS:
        metadata = {"name": name, "labels": {"kubernetes.io/service-name": name}}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 5432}]}}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host]}],
            "ports": [{"port": port}],
        }


def built(namespace: Namespace, directory: str, root: Path = MANIFESTS) -> list[Object]:
    """Return the objects that `kubectl apply` makes of a directory, with -f or with -k."""
    path = root / directory
    if directory in WHOLE:
        return [found for file in sorted(path.glob("*.yaml")) for found in yaml.safe_load_all(file.read_text())]
    return list(yaml.safe_load_all(namespace.kubectl("kustomize", path)))


def migrate(server: Postgres, tool: str, revision: str) -> None:
    """Give every database the history that the tool's own run left, in which the last revision has this name."""
    recorded = read(HISTORIES / tool / "postgresql-done.sql")
    (last,) = re.findall(r"--revision (\S+)", recorded.gates[0].args)
    for name in DATABASES:
        with server.connect(name) as connection:
            connection.execute(recorded.sql.replace(f"'{last}'", f"'{revision}'"))
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
