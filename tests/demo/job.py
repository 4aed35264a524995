"""Show job mode: the gate holds until a Job of a real API server is Complete, with no more than its one Role."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.apiserver import ApiServer
from stage import ROOT, play, say, start_gate

VERSION = "app.kubernetes.io/version"


def demo(stack: ExitStack) -> int:
    say("starting etcd and kube-apiserver")
    server = stack.enter_context(ApiServer())
    server.create_namespace("shop")
    for manifest in ("serviceaccount", "role", "rolebinding"):
        server.apply(ROOT / "manifests" / "job" / f"{manifest}.yaml", "shop")
    say("the namespace still has the Complete Job of the last release, 0.9.0")
    server.create_job("shop", "db-migrate", labels={VERSION: "0.9.0"})
    server.complete("shop", "db-migrate")
    args = ["job", "db-migrate", "--require", f"{VERSION}=1.0.0", "--timeout", "60s"]
    gate = start_gate(stack, *args, GATEKEEPER_KUBECONFIG=str(server.kubeconfig_for("shop", "web")))

    say("the release replaces it by its own Job, 1.0.0, which runs for 4 s")
    server.delete_job("shop", "db-migrate")
    server.create_job("shop", "db-migrate", labels={VERSION: "1.0.0"})
    server.run("shop", "db-migrate")
    time.sleep(4)
    server.complete("shop", "db-migrate")
    say("the Job is Complete")

    gate.wait()
    say(f"the gate ended with exit code {gate.returncode}")
    return gate.returncode


play(demo)
