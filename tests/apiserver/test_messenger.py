"""A schema gate with a Job as messenger: the Job brings the news, the schema is the proof."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from servers.apiserver import ApiServer
from servers.gate import GateProcess
from servers.postgres import Postgres

MIGRATED = (
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('b2')"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """A connection to an empty database of its own."""
    postgres.create_database("shop")
    with postgres.connect("shop") as connection:
        yield connection
    postgres.drop_database("shop")


@pytest.fixture
def hold(apiserver: ApiServer, namespace: str, postgres: Postgres, database, gate) -> Callable[..., GateProcess]:
    """Start a gate for revision b2 with the Job `migrate` as messenger, and more arguments."""
    environment = {"DATABASE_URL": postgres.url("shop"), "GATEKEEPER_KUBECONFIG": str(apiserver.kubeconfig)}
    args = ("schema", "--tool", "alembic", "--revision", "b2", "--job", "migrate", "-n", namespace)
    return lambda *more: gate(*args, *more, environment=environment, secrets=[postgres.password])


def test_failed_job_refuses_at_once(apiserver, namespace, hold):
    """A Job that fails ends the gate at once, while the schema is not there."""
    apiserver.create_job(namespace, "migrate")
    gate = hold()
    gate.until("has no condition yet")
    gate.until("nothing is applied yet")
    failed = time.monotonic()
    apiserver.fail(namespace, "migrate")
    assert gate.end() == 3
    assert time.monotonic() - failed < 2
    assert gate.message.startswith(f"refused: Job {namespace}/migrate: ")


def test_complete_job_makes_it_look_at_once(apiserver, namespace, database, hold):
    """A Job that completes makes the gate look at the database at once, however slow its pace has become."""
    apiserver.create_job(namespace, "migrate")
    gate = hold()
    gate.until("has no condition yet")
    gate.until("nothing is applied yet")
    time.sleep(4)  # the pace is then 2 to 5 s
    database.execute(MIGRATED)
    complete = time.monotonic()
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    assert time.monotonic() - complete < 1


def test_complete_job_is_no_proof(apiserver, namespace, hold):
    """A Complete Job does not open the gate while the schema is not there."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    gate = hold("--timeout", "3s")
    assert gate.end() == 124
    assert "nothing is applied yet" in gate.message


@pytest.mark.parametrize("job", ["absent", "failed"])
def test_schema_is_the_proof(apiserver, namespace, database, hold, job):
    """A schema that is there opens the gate, whether the Job is gone or has failed after all."""
    database.execute(MIGRATED)
    if job == "failed":
        apiserver.create_job(namespace, "migrate")
        apiserver.fail(namespace, "migrate")
    assert hold().end() == 0


def test_failed_job_of_another_release(apiserver, namespace, database, hold):
    """A failed Job of another release does not end the gate."""
    apiserver.create_job(namespace, "migrate", labels={"release": "6"})
    apiserver.fail(namespace, "migrate")
    gate = hold("--require", "release=7")
    gate.until("is a Job of another release")
    database.execute(MIGRATED)
    assert gate.end() == 0
