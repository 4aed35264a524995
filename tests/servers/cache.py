"""Keep what servers are made of from run to run, where the unprivileged user that runs them may read it."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(name: str, make: Callable[[Path], Path], base: Path | None = None) -> Path:
    """Return a folder that an earlier run has made, or that `make` makes now in the empty folder that it is given.

    It appears only when it is complete, in a base folder that the unprivileged user reaches, or in another.
    """
    base = base or _reached()
    base.mkdir(parents=True, exist_ok=True)
    folder = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second test run waits for the first one's download
        if not folder.exists():
            with tempfile.TemporaryDirectory(prefix="making-", dir=base) as scratch:
                made = make(Path(scratch))
                made.chmod(0o755)
                made.rename(folder)
    return folder


def _reached() -> Path:
    base = Path(f"/var/tmp/gatekeeper-{os.getuid()}")
    base.mkdir(mode=0o755, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.getuid():
        raise RuntimeError(f"{base} is another user's")
    return base
