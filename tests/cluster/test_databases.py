"""A gate that looks at the database, of which the pod knows nothing but the URL."""

import pytest

from servers.cluster import JOB, Object, eventually, gate_of, migration, rights, web
from servers.migrations import ALEMBIC_REVISIONS, alembic

FIRST, _, LAST = ALEMBIC_REVISIONS
SCHEMA = ("schema", "--tool", "alembic", "--revision", LAST)


@pytest.fixture
def secret(database: str) -> Object:
    """Return the Secret that manifests/schema names, with the database's URL."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"url": database}}


def with_database(deployment: Object) -> Object:
    """Return a Deployment whose gate has the database's URL too."""
    gate_of(deployment)["env"] = gate_of(web(path="schema/deployment.yaml"))["env"]
    return deployment


def migrate(database: str, revision: str) -> None:
    """Let Alembic migrate."""
    with alembic(database, "upgrade", revision) as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output


def test_the_app_starts_once_the_database_has_the_revision(namespace, database, secret):
    """Without a token or any right in the cluster, the gate holds until Alembic itself has made the last revision."""
    namespace.apply(secret, web(*SCHEMA, path="schema/deployment.yaml"))

    held = namespace.held(f"nothing is applied yet, there is no history table; awaiting {LAST}")
    assert held.seen.spec.automount_service_account_token is False
    migrate(database, FIRST)
    namespace.held(f"is at {FIRST}; awaiting {LAST}")
    migrate(database, "head")

    opened = namespace.opened()
    assert (opened.uid, opened.restarts) == (held.uid, 0)
    assert opened.message.startswith("opened: ")
    assert opened.message.endswith(f": has {LAST} applied")


def test_the_schema_is_the_proof_beside_a_complete_job(namespace, database, secret):
    """With --job too, a Complete Job does not open the gate while the database is behind."""
    deployment = with_database(web(*SCHEMA, "--job", JOB))
    namespace.apply(*rights(), secret, migration(suspend=True), deployment)
    held = namespace.held("nothing is applied yet")

    migrate(database, FIRST)
    namespace.resume()
    namespace.held("open: Job")
    eventually(lambda: namespace.log(held), lambda log: f"is at {FIRST}; awaiting {LAST}" in log)
    assert namespace.held("is Complete since").uid == held.uid

    migrate(database, "head")
    opened = namespace.opened()
    assert (opened.uid, opened.restarts) == (held.uid, 0)
    assert f"has {LAST} applied" in opened.message


def test_a_failed_job_refuses_a_gate_of_the_schema(namespace, database, secret):
    """With --job too, a Job that fails refuses the gate at once, long before its deadline."""
    deployment = with_database(web(*SCHEMA, "--job", JOB))
    namespace.apply(*rights(), secret, migration("exit 1", suspend=True), deployment)
    namespace.held("nothing is applied yet")

    namespace.resume()
    refused = namespace.pod(lambda pod: pod.ended)
    assert refused.ended.exit_code == 3
    assert refused.message.startswith(f"refused: Job {namespace.name}/{JOB}: ")


def test_a_job_that_was_removed_since_holds_only_gates_of_the_job(namespace, database, secret):
    """After ttlSecondsAfterFinished, the schema lets a scaled-up pod start; a gate of the Job waits, and tells why."""
    by_schema = web(*SCHEMA, path="schema/deployment.yaml", name="by-schema")
    by_job = web("job", JOB, "--timeout", "20s", name="by-job")
    namespace.apply(*rights(), secret, migration(suspend=True, ttlSecondsAfterFinished=3), by_schema, by_job)
    namespace.held("is suspended", "by-job")
    migrate(database, "head")
    namespace.resume()
    namespace.opened("by-schema")
    first = namespace.opened("by-job")
    eventually(namespace.job, lambda job: job is None)

    namespace.kubectl("scale", "deployment", "by-schema", "by-job", "--replicas=2")
    eventually(lambda: namespace.pods("by-schema"), lambda pods: sum(pod.ready for pod in pods) == 2)
    namespace.held("does not exist; awaiting its creation", "by-job")
    late = namespace.pod(lambda pod: pod.ended and pod.uid != first.uid, "by-job")
    assert late.ended.exit_code == 124
    assert "ttlSecondsAfterFinished or a hook-delete-policy removed it" in late.message
    assert "then use schema mode" in late.message
