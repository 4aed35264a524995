"""The gates of charts, as `gatekeeper inject` replaces them, in real pods: all at once, in one namespace."""

import os
from datetime import datetime

import pytest
import yaml

from charts import SHAPES, chart
from gatekeeper.manifests import objects, waits
from gatekeeper.manifests.inject import Wanted, inject
from gatekeeper.manifests.pod import IMAGE
from servers.cluster import Namespace, Object, Pod, eventually, migration, web

CHOSEN = (
    "openfga", "reportportal", "elixier", "neutree", "cluedin", "flightctl", "openstack",
    "variables of a script", "a list of Jobs", "a case", "a request in a loop", "pods of a Job", "words of a function",
    "eoapi, for two labels", "by a name and by a label",
)  # fmt: skip


class Chart:
    """One of the shapes as a workload that can run: its app, and what else it waits for, are stood in for."""

    def __init__(self, number: int, namespace: str) -> None:
        self.app = f"chart-{number}"
        shape = SHAPES[CHOSEN[number]]
        (deployment,) = yaml.safe_load_all(chart(shape).partition("---\n")[0])
        (busybox,) = web()["spec"]["template"]["spec"]["containers"]
        labels = {"app.kubernetes.io/name": self.app}
        pod = deployment["spec"]["template"]["spec"]
        self.kept = [{**busybox, "name": name, "command": ["true"]} for name in shape.kept]
        by_name = {each["name"]: each for each in self.kept}
        pod["initContainers"] = [by_name.get(each["name"], each) for each in pod["initContainers"]]
        pod |= {"serviceAccountName": self.app, "containers": [busybox]}
        deployment["metadata"]["name"] = self.app
        deployment["spec"]["selector"]["matchLabels"] = deployment["spec"]["template"]["metadata"]["labels"] = labels
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": self.app}}
        image = os.environ.get("GATEKEEPER_TEST_IMAGE", IMAGE)
        # Some of them wait for 30 seconds, in which a busy machine does not start all of these pods.
        wanted = Wanted({"timeout": ["8m"]}, every=True, namespace=namespace, rights=True, force=True, image=image)
        self.objects: list[Object] = [
            *yaml.safe_load_all(inject(yaml.safe_dump_all([deployment, account]), wanted).text)
        ]
        (workload,) = objects.workloads(objects.parse(yaml.safe_dump_all(self.objects)))
        self.gates = [gate for each in workload.inits for gate in waits.gates(each, namespace, wanted.images)]

    @property
    def jobs(self) -> dict[str, Object]:
        """Return the Jobs that its gates wait for, by their names."""
        found = {name: migration(suspend=True) for number in range(len(self.gates)) for name in self.jobs_of(number)}
        for name, job in found.items():
            job["metadata"] = {"name": name}
        for number, gate in enumerate(self.gates):
            if gate.labels:
                found[f"{self.app}-{number}"]["metadata"]["labels"] = dict(
                    pair.split("=") for pair in gate.labels.split(",")
                )
        return found

    def jobs_of(self, number: int) -> tuple[str, ...]:
        """Return the names of the Jobs that a gate waits for."""
        return self.gates[number].jobs or (f"{self.app}-{number}",)

    def is_held(self, pod: Pod) -> bool:
        """Tell whether the first gate of a pod runs, and neither what comes after it nor the app does."""
        states = {each.name: each.state for each in pod.seen.status.init_container_statuses or ()}
        first, *after = (states.get(gate.name) for gate in self.gates)  # none before the kubelet has told of them
        is_first = bool(first and first.running and pod.app and pod.app.state.waiting)
        return is_first and not any(each.running or each.terminated for each in after if each)


def ended(pod: Pod, name: str) -> datetime:
    (state,) = (each.state for each in pod.seen.status.init_container_statuses if each.name == name)
    assert state.terminated.exit_code == 0
    return state.terminated.finished_at


@pytest.fixture
def charts(namespace: Namespace) -> list[Chart]:
    return [Chart(number, namespace.name) for number in range(len(CHOSEN))]


def test_charts_are_held_until_their_jobs_are_complete(namespace, charts):
    """Each pod is held by its first gate while the Jobs have not run, starts when they are Complete, and is whole."""
    jobs = {name: job for chart in charts for name, job in chart.jobs.items()}
    namespace.apply(*jobs.values(), *(each for chart in charts for each in chart.objects))

    def held() -> list[str]:
        return [each.app for each in charts if any(map(each.is_held, namespace.pods(each.app)))]

    eventually(held, lambda found: len(found) == len(charts))
    for name in jobs:
        namespace.resume(name)
    for each in charts:
        opened = namespace.opened(each.app)
        for number, gate in enumerate(each.gates):
            complete = [namespace.job(name).status.completion_time for name in each.jobs_of(number)]
            assert ended(opened, gate.name) >= max(complete), CHOSEN[charts.index(each)]
        spec = opened.seen.spec
        assert [(init.name, init.image, init.command) for init in spec.init_containers if init.command] == [
            (kept["name"], kept["image"], kept["command"]) for kept in each.kept
        ]
        assert all(status.restart_count == 0 for status in opened.seen.status.init_container_statuses)
