"""What the kubelet does with a gate: hold the pod, start the app, or show why not."""

import time
from collections.abc import Callable

import pytest
from kubernetes.client import V1ContainerState, V1ContainerStateTerminated, V1Pod


def eventually(look: Callable[[], V1Pod | None], holds: Callable[[V1Pod], object], seconds: float = 60) -> V1Pod:
    """Return the first pod seen of which the condition holds; fail after the given seconds, with the last one seen."""
    deadline = time.monotonic() + seconds
    while True:
        pod = look()
        if pod and pod.status.container_statuses and holds(pod):
            return pod
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s; last seen: {pod and pod.status}")
        time.sleep(0.2)


def gate(pod: V1Pod) -> V1ContainerState:
    return pod.status.init_container_statuses[0].state


def verdict(pod: V1Pod) -> V1ContainerStateTerminated | None:
    """Return how the gate ended, also where the kubelet has started it again since."""
    return gate(pod).terminated or pod.status.init_container_statuses[0].last_state.terminated


def app(pod: V1Pod) -> V1ContainerState:
    return pod.status.container_statuses[0].state


def ready(pod: V1Pod) -> bool:
    return pod.status.phase == "Running" and pod.status.container_statuses[0].ready


def test_the_app_starts_once_the_migration_is_complete(release):
    """The gate holds the pod in Init while the Job runs, and the app starts once the Job is Complete."""
    release.apply()

    held = eventually(release.pod, lambda pod: gate(pod).running)
    assert held.status.phase == "Pending"
    assert app(held).waiting.reason == "PodInitializing"

    opened = eventually(release.pod, ready)
    complete = release.job().status.completion_time
    assert gate(held).running.started_at < complete <= verdict(opened).finished_at <= app(opened).running.started_at
    assert verdict(opened).exit_code == 0
    assert verdict(opened).message.startswith("opened:")
    assert opened.status.init_container_statuses[0].restart_count == 0


def test_the_app_never_starts_when_the_migration_failed(release):
    """A failed Job refuses the gate with 3, the pod shows which Job failed and why, and the app does not start."""
    release.apply(migration="exit 1")

    refused = eventually(release.pod, verdict)
    assert verdict(refused).exit_code == 3
    assert verdict(refused).message.startswith("refused:")
    assert "db-migrate" in verdict(refused).message
    assert "BackoffLimitExceeded" in verdict(refused).message

    again = eventually(release.pod, lambda pod: pod.status.init_container_statuses[0].restart_count > 0)
    assert app(again).waiting.reason == "PodInitializing"
    assert verdict(again).exit_code == 3


def test_the_app_has_no_token(release):
    """The ServiceAccount's token is in the gate only: the app has no volume mounted and no /var/run/secrets."""
    release.apply(migration="exit 0")

    pod = eventually(release.pod, ready)
    assert [mount.name for mount in pod.spec.init_containers[0].volume_mounts] == ["gate-token"]
    assert pod.spec.containers[0].volume_mounts is None
    assert "No such file or directory" in release.run(pod, "ls", "/var/run/secrets")
