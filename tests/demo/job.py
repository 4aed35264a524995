"""Show job mode: the gate holds until a Job of a real API server is Complete, with no more than its one Role."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.apiserver import ApiServer
from stage import ROOT, play, say, start_gate

OLD, NEW = "db-migrate-0-9-0", "db-migrate-1-0-0"


def demo(stack: ExitStack) -> int:
    say("starting etcd and kube-apiserver")
    server = stack.enter_context(ApiServer())
    server.create_namespace("shop")
    for manifest in ("serviceaccount", "role", "rolebinding"):
        server.apply(ROOT / "manifests" / "job" / f"{manifest}.yaml", "shop")
    say(f"the namespace has the Complete Job of the last release, {OLD}")
    server.create_job("shop", OLD)
    server.complete("shop", OLD)
    kubeconfig = str(server.kubeconfig_for("shop", "web"))
    gate = start_gate(stack, "job", NEW, "--timeout", "60s", GATEKEEPER_KUBECONFIG=kubeconfig)

    say(f"this release has its own, {NEW}, which runs for 4 s")
    server.create_job("shop", NEW)
    server.run("shop", NEW)
    time.sleep(4)
    server.complete("shop", NEW)
    say("the Job is Complete")

    gate.wait()
    say(f"the gate ended with exit code {gate.returncode}")
    return gate.returncode


play(demo)
