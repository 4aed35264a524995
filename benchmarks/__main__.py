"""Run the benchmark and write RESULTS.md: `make bench`, as root, on Linux.

The image comes from an archive that `docker save` or `buildah push docker-archive:` wrote, or is built with docker.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from benchmarks import coldstart, image, long_waits, rollout, watches
from benchmarks.job import JobBench, Jobs
from benchmarks.plan import QUICK, Plan
from benchmarks.programs import Gates, Peers
from benchmarks.report import Row, table
from benchmarks.results import machine, results, versions
from benchmarks.schema import SchemaBench
from gatekeeper import __version__
from servers.apiserver import ApiServer
from servers.image import Image
from servers.postgres import Postgres

HERE = Path(__file__).parent
IMAGE = f"ghcr.io/gatekeeper/gatekeeper:{__version__}"
PARTS = ("image", "job", "schema", "long", "rollout", "watches", "coldstart")


def main() -> int:
    """Run what is asked for; 1 if a part of it failed."""
    options = _options()
    if os.getuid() != 0:
        sys.exit("the benchmark needs root: it runs the image's program in the image's root, as the image's user")
    os.umask(0o022)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left running
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        work.chmod(0o755)
        bench = Bench(options, work, stack)
        for part in options.parts:
            bench.run(part)
        text = bench.results()
    if options.output:
        options.output.write_text(text)
    else:
        sys.stdout.write(text)
    return int(bench.failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all, if none is named")
    parser.add_argument("--archive", type=Path, help="the image; else docker builds it")
    parser.add_argument("--output", type=Path, help="file to write; else standard output")
    parser.add_argument("--quick", action="store_true", help="few and short runs, to try the benchmark itself")
    parser.add_argument(
        "--kubectl-image", help="for coldstart: an image that the cluster of KUBECONFIG has beside ours"
    )
    parser.add_argument("--image", default=IMAGE, help="for coldstart: our image's name there; else %(default)s")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}")
    options.parts = options.parts or [part for part in PARTS if part != "coldstart" or options.kubectl_image]
    return options


class Bench:
    """Runs parts, on servers that start when the first part needs them and end with the stack."""

    def __init__(self, options: argparse.Namespace, work: Path, stack: ExitStack) -> None:
        self._options = options
        self._stack = stack
        self._plan = QUICK if options.quick else Plan()
        self._rows: list[Row] = []
        self.failed = False
        self._about = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
        root = work / "root"
        root.mkdir()
        self._image = Image(options.archive or _build(work), root)
        self._weight = image.measure(self._image)  # before the gates' token is there
        self._gates = Gates(self._image)
        self._peers = Peers(work)
        self._about |= versions(self._image)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(self._stack.enter_context(ApiServer()))

    @cached_property
    def _job(self) -> JobBench:
        return JobBench(self._jobs, self._gates, self._peers, self._plan)

    @cached_property
    def _schema(self) -> SchemaBench:
        postgres = self._stack.enter_context(Postgres())
        return SchemaBench(postgres, self._gates, self._peers, self._plan)

    def run(self, part: str) -> None:
        """Run a part. One that fails is told, and does not take the others with it."""
        began = time.monotonic()
        try:
            rows = getattr(self, f"_run_{part}")()
        except Exception:  # noqa: BLE001 - the other parts are worth having
            traceback.print_exc()
            self.failed = True
            rows = [Row(f"{part}: this part of the benchmark failed", "", "", met=False)]
        print(f"bench: {part} took {time.monotonic() - began:.0f} s\n{table(rows)}", file=sys.stderr, flush=True)
        self._rows += rows

    def results(self) -> str:
        """Return RESULTS.md."""
        return results(self._about, self._plan, self._rows)

    def _run_image(self) -> list[Row]:
        return self._weight

    def _run_job(self) -> list[Row]:
        return self._job.measure()

    def _run_schema(self) -> list[Row]:
        return [*self._schema.measure(self._jobs), self._schema.hold_one()]

    def _run_long(self) -> list[Row]:
        return long_waits.measure(self._jobs, self._job, self._schema, self._peers, self._plan)

    def _run_rollout(self) -> list[Row]:
        return rollout.measure(self._gates, self._plan)

    def _run_watches(self) -> list[Row]:
        return watches.measure(self._gates, self._peers, self._plan)

    def _run_coldstart(self) -> list[Row]:
        return coldstart.measure(self._options.image, self._options.kubectl_image, self._plan)


def _build(work: Path) -> Path:
    """Build the image with docker and return its archive."""
    archive = work / "image.tar"
    subprocess.run(["docker", "build", "--tag", "gatekeeper", HERE.parent], check=True)
    subprocess.run(["docker", "save", "--output", archive, "gatekeeper"], check=True)
    return archive


if __name__ == "__main__":
    sys.exit(main())
