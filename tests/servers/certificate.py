"""A certificate for servers that are tried over TLS, which is its own authority."""

import subprocess
from pathlib import Path

OPENSSL = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db")


def certificate(folder: Path, name: str = "server", host: str = "DNS:localhost") -> tuple[Path, Path]:
    """Make a self-signed certificate for a host, and its key."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [*OPENSSL, "-addext", f"subjectAltName={host}", "-out", files[0], "-keyout", files[1]],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return files
