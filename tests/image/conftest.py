"""The built image, unpacked: the archive that GATEKEEPER_TEST_ARCHIVE names, as `docker save` writes it.

Needs root, for chroot. Without an archive or without root every test here fails, rather than being skipped.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from servers.apiserver import ApiServer
from servers.certificate import certificate
from servers.gate import GateProcess
from servers.image import Image
from servers.mariadb import MariaDB
from servers.postgres import NOBODY, Postgres
from servers.tls import TlsFront

RULE = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]}
ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    archive = os.environ.get("GATEKEEPER_TEST_ARCHIVE")
    if not archive:
        pytest.fail("tests/image needs GATEKEEPER_TEST_ARCHIVE, the path of the image's archive; see `make test-image`")
    if os.getuid() != 0:
        pytest.fail("tests/image needs root, for chroot")
    root = tmp_path_factory.mktemp("image")
    root.chmod(0o755)  # the image's user is not root
    return Image(Path(archive), root)


@pytest.fixture
def gate(image: Image) -> Iterator[Callable[..., GateProcess]]:
    """Start the image's program, or another of the image's, with these arguments and this environment."""
    with ExitStack() as running:

        def start(*args: str, program: tuple[str, ...] = (), **environment: str) -> GateProcess:
            command = image.program(*(program or image.config["Entrypoint"]))
            options: Any = {"program": command, "environment": image.environment | environment}
            return running.enter_context(GateProcess(*args, **options))

        yield start


@pytest.fixture
def pod(image: Image, apiserver: ApiServer, namespace: str) -> Iterator[dict[str, str]]:
    """Give the image a ServiceAccount that may read Jobs, and return a pod's variables."""
    apiserver.apply(
        [
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "gate"},
                "rules": [RULE],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "gate"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gate"},
                "subjects": [{"kind": "ServiceAccount", "name": "gate", "namespace": namespace}],
            },
        ],
        namespace,
    )
    shutil.copytree(apiserver.account(namespace, "gate"), image.root / ACCOUNT)
    host, port = apiserver.url.removeprefix("https://").split(":")
    yield {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    shutil.rmtree(image.root / ACCOUNT)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of a PostgreSQL database behind TLS, at revision c94a02be7d13 of Alembic."""
    with Postgres() as server, TlsFront(server.host, server.port) as front:
        url = server.create_database("shop")
        with server.connect("shop") as connection:
            connection.execute("CREATE TABLE alembic_version (version_num text)")
            connection.execute("INSERT INTO alembic_version VALUES ('c94a02be7d13')")
        yield url.replace(f":{server.port}/", f":{front.port}/") + "?sslmode=require"


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """Return the URL of a MariaDB database with TLS, at revision c94a02be7d13 of Alembic."""
    with tempfile.TemporaryDirectory() as folder:
        crt, key = certificate(Path(folder))
        for path in (folder, crt, key):
            os.chown(path, NOBODY, NOBODY)
        with MariaDB(**{"ssl-cert": crt, "ssl-key": key}) as server:
            url = server.create_database("shop")
            server.execute("CREATE TABLE alembic_version (version_num varchar(32))", database="shop")
            server.execute("INSERT INTO alembic_version VALUES ('c94a02be7d13')", database="shop")
            yield f"{url}?ssl-mode=REQUIRED"
