"""A volume that hangs, as NFS does whose server is gone. Needs root, Linux and /dev/fuse."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DETACH = 2
"""MNT_DETACH of umount2(2)."""


@contextmanager
def hanging(folder: Path) -> Iterator[Path]:
    """Mount a file system whose server never answers, not even its kernel's first word (fuse(4)), and yield it."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = str(folder).encode()
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError as fault:
        pytest.skip(f"no volume can hang here: {fault.strerror}")
    try:
        options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"hanging", place, b"fuse", 0, options):
            pytest.skip(f"no volume can hang here: {os.strerror(ctypes.get_errno())}")
        try:
            yield folder
        finally:
            libc.umount2(place, DETACH)
    finally:
        os.close(server)
