"""kube-router, built from its Go module: what enforces NetworkPolicies on a node that is this machine.

Only its firewall runs, as root, with Debian's iptables and ipset. It leaves its rules behind when it ends; they are
removed here.
"""

import re
import subprocess
from pathlib import Path
from typing import Self

from recorder.golang import published

MODULE = "github.com/cloudnativelabs/kube-router/v2@v2.1.0"
ONLY_FIREWALL = ("--run-firewall=true", "--run-router=false", "--run-service-proxy=false")
SILENT = ("--metrics-port=0", "--health-port=0")
BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
"""Whether iptables sees what pods on one bridge send each other."""
CHAIN = r"KUBE-(?:ROUTER|NWPLCY|POD-FW)-\S+"
SET = r"KUBE-(?:SRC|DST)-\S+"


class KubeRouter:
    """The enforcer for the node of this name, with an administrator's rights."""

    def __init__(self, folder: Path, kubeconfig: str, node: str) -> None:
        self._log = folder / "kube-router.log"
        program = published(folder, "cmd/kube-router", MODULE)
        self._command = [program, f"--kubeconfig={kubeconfig}", f"--hostname-override={node}", *ONLY_FIREWALL, *SILENT]

    def __enter__(self) -> Self:
        self._bridged = BRIDGED.read_text()
        BRIDGED.write_text("1")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        BRIDGED.write_text(self._bridged)
        _remove_chains()
        for name in _sets():
            _run("ipset", "destroy", name)


def left() -> list[str]:
    """Return the names of kube-router's chains and sets that are there."""
    return [*_chains(_rules()), *_sets()]


def _remove_chains() -> None:
    """Remove them in one change, which leaves alone what others write meanwhile."""
    rules = _rules()
    chains = _chains(rules)
    jumps = re.findall(rf"^-A((?! {CHAIN}) .* -j {CHAIN})$", rules, re.MULTILINE)
    emptied, removed = [f":{chain} - [0:0]" for chain in chains], [f"-X {chain}" for chain in chains]
    change = ["*filter", *emptied, *(f"-D{jump}" for jump in jumps), *removed, "COMMIT", ""]
    _run("iptables-restore", "--noflush", "--wait", given="\n".join(change))


def _rules() -> str:
    return _run("iptables-save", "--table", "filter")


def _chains(rules: str) -> list[str]:
    return re.findall(rf"^:({CHAIN}) ", rules, re.MULTILINE)


def _sets() -> list[str]:
    return re.findall(rf"^{SET}$", _run("ipset", "list", "-name"), re.MULTILINE)


def _run(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout
