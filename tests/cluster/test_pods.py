"""What the kubelet does with a gate: hold the pod, start the app, or show why not."""

import time
from datetime import timedelta

from servers.cluster import JOB, eventually, migration, rights, web

VERSION = "app.kubernetes.io/version"


def test_the_app_starts_once_the_migration_is_complete(namespace):
    """The gate holds the pod in Init while the Job runs, and the app starts once the Job is Complete."""
    namespace.apply(*rights(), migration("sleep 3"), web())

    held = namespace.held("is running (pods: 1 active); awaiting condition Complete")
    assert held.seen.status.phase == "Pending"

    opened = namespace.opened()
    complete = namespace.job().status.completion_time
    assert held.gate.state.running.started_at < complete <= opened.ended.finished_at
    assert opened.ended.finished_at <= opened.app.state.running.started_at
    assert opened.ended.exit_code == 0
    assert opened.message.startswith("opened:")
    assert opened.restarts == 0


def test_the_app_never_starts_when_the_migration_failed(namespace):
    """A failed Job refuses the gate with 3, `kubectl describe` shows which and why, and the app does not start."""
    namespace.apply(*rights(), migration("exit 1"), web())

    refused = namespace.pod(lambda pod: pod.ended)
    assert refused.ended.exit_code == 3
    assert refused.message.startswith(f"refused: Job {namespace.name}/{JOB}: ")
    assert "BackoffLimitExceeded (Job has reached the specified backoff limit)" in refused.message
    described = namespace.kubectl("describe", "pod", refused.name)
    assert refused.message in described
    assert "Exit Code:    3" in described

    again = namespace.pod(lambda pod: pod.restarts > 0)
    assert again.app.state.waiting.reason == "PodInitializing"
    assert again.ended.exit_code == 3


def test_the_same_pod_goes_on_once_the_migration_is_run_again(namespace):
    """A refused gate is started again by the kubelet, so a Job that is mended and run again releases the same pod."""
    namespace.apply(*rights(), migration("exit 1"), web())
    refused = namespace.pod(lambda pod: pod.ended)
    assert refused.ended.exit_code == 3

    namespace.replace(migration("true"))
    opened = namespace.opened()
    assert opened.uid == refused.uid
    assert opened.restarts > 0
    assert opened.ended.exit_code == 0


def test_the_last_release_does_not_open_the_gate_of_this_one(namespace):
    """With --require, the Complete Job of an earlier release holds the pod and is named, until this release's is."""
    namespace.apply(*rights(), migration(version="0.9.0"))
    eventually(namespace.job, lambda job: job.status.completion_time)
    namespace.apply(web("job", JOB, "--require", f"{VERSION}=1.0.0"))

    reason = f"is a Job of another release: {VERSION} is 0.9.0; awaiting {VERSION}=1.0.0"
    held = namespace.held(reason)
    namespace.replace(migration(version="1.0.0"))
    opened = namespace.opened()
    assert (opened.uid, opened.restarts) == (held.uid, 0)


def test_a_held_pod_is_deleted_within_two_seconds(namespace):
    """SIGTERM ends the gate at once, so `kubectl delete pod` does not wait for the grace period of a held pod.

    The two seconds begin when the kubelet says that it stops the gate. That it begins to is up to the kubelet, which
    looks at containers and pods once a second; a whole deletion takes 1.8 to 3 s.
    """
    namespace.apply(*rights(), migration(suspend=True), web())
    held = namespace.held("is suspended; see kubectl describe")

    began = time.monotonic()
    namespace.core.delete_namespaced_pod(held.name, namespace.name)
    *_, deleted = namespace.changes(held)
    assert time.monotonic() - began < 5, "the pod's end; the kubelet looks at containers and pods once a second"
    [stopping] = eventually(lambda: namespace.events(held, "Killing"))
    ended = deleted.ended
    assert ended.finished_at - stopping.first_timestamp < timedelta(seconds=2)
    assert ended.exit_code == 143
    assert ended.message.startswith("interrupted: SIGTERM while waiting for Job")
    assert "is suspended; see kubectl describe" in ended.message


def test_the_gate_needs_no_privilege(namespace):
    """A namespace that enforces Pod Security `restricted` admits the pod, and the gate runs on a read-only root."""
    namespace.apply(*rights(), migration(), web())

    opened = namespace.opened()
    (gate,) = opened.seen.spec.init_containers
    assert gate.security_context.read_only_root_filesystem
    assert gate.security_context.run_as_user is None  # the image's own, which runAsNonRoot makes the kubelet check
    assert gate.security_context.run_as_non_root


def test_the_app_has_no_token(namespace):
    """The ServiceAccount's token is in the gate only: the app has no volume mounted and no /var/run/secrets."""
    namespace.apply(*rights(), migration(), web())

    opened = namespace.opened()
    assert [mount.name for mount in opened.seen.spec.init_containers[0].volume_mounts] == ["gate-token"]
    assert opened.seen.spec.containers[0].volume_mounts is None
    assert "No such file or directory" in namespace.run(opened, "ls", "/var/run/secrets")
    assert "serviceaccount" not in namespace.run(opened, "cat", "/proc/mounts")
