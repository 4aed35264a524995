"""The built image, unpacked: out of the archive that `docker save` writes. Its programs are run by chroot, as root."""

import gzip
import json
import shutil
import subprocess
import tarfile
from pathlib import Path


class Image:
    """An image's root folder, what a container runtime is told of it, and what a registry stores of it."""

    def __init__(self, archive: Path, root: Path) -> None:
        self.root = root
        self.stored = 0
        """Bytes of the compressed layers."""
        with tarfile.open(archive) as image:
            [manifest] = json.load(image.extractfile("manifest.json"))
            self.id = f"sha256:{Path(manifest['Config']).stem}"
            self.config = json.load(image.extractfile(manifest["Config"]))["config"]
            for name in manifest["Layers"]:
                with tarfile.open(fileobj=image.extractfile(name)) as layer:
                    layer.extractall(root, filter="fully_trusted")
                self.stored += len(gzip.compress(image.extractfile(name).read(), 9))
        self.paths = sorted(root.rglob("*"))
        """All that is in the root, before anybody adds to it."""
        self.environment = dict(variable.split("=", 1) for variable in self.config["Env"])

    def program(self, *command: str) -> tuple[str, ...]:
        """Return a command that runs the entry point, or this command, as the image's user sees the root."""
        return (shutil.which("chroot"), f"--userspec={self.config['User']}", str(self.root), *command)

    def run(self, *command: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the root, with this standard input."""
        return subprocess.run(
            self.program(*command),
            env=self.environment | environment,
            check=False,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )

    def python(self, program: str, **environment: str) -> str:
        """Return what a program in Python prints."""
        done = self.run("python3.15", "-c", program, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout
