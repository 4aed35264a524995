"""What the image weighs, and what it does not hold."""

import stat

from benchmarks.report import Row
from servers.image import Image

SHELLS = {"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "toybox", "zsh"}
LIMIT = 14.0
"""MB, compressed."""


def measure(image: Image) -> list[Row]:
    """Return the rows; before anything ran in its root."""
    size = image.stored / 1e6
    found = list(image.root.rglob("*"))
    files = [path.lstat() for path in found if path.is_file() and not path.is_symlink()]
    shells = [path for path in found if path.name in SHELLS]
    privileged = [status for status in files if status.st_mode & (stat.S_ISUID | stat.S_ISGID)]
    unpacked = sum(status.st_size for status in files) / 1e6
    return [
        Row("image: compressed size", f"<= {LIMIT:.0f} MB", f"{size:.1f} MB", met=size <= LIMIT),
        Row("image: files", "reported", f"{len(files)}, {unpacked:.1f} MB"),
        Row("image: shells", "none", str(len(shells)), met=not shells),
        Row("image: setuid and setgid files", "none", str(len(privileged)), met=not privileged),
    ]
