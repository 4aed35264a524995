"""Programs in a mount namespace of their own: files of the machine replaced for them alone. Needs root and Linux."""

from pathlib import Path

SERVICE_ACCOUNT = """
mount -t tmpfs tmpfs /var/run
mkdir -p /var/run/secrets/kubernetes.io
ln -s "$0" /var/run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""


def replacing(files: dict[str, Path]) -> tuple[str, ...]:
    """Return a launcher that runs a program with these files of the machine, by path, replaced by others."""
    mounts = "".join(f"mount --bind '{other}' '{path}' && " for path, other in files.items())
    return ("unshare", "--mount", "/bin/sh", "-c", f'{mounts}exec "$@"', "sh")


def resolving(hosts: Path) -> tuple[str, ...]:
    """Return a launcher of a program for which this is /etc/hosts, and no name server answers."""
    nameless = hosts.with_name("resolv.conf")
    nameless.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    return replacing({"/etc/hosts": hosts, "/etc/resolv.conf": nameless})


def in_pod(service_account: Path) -> tuple[str, ...]:
    """Return a launcher of a program that finds this folder where a pod has its ServiceAccount's token."""
    return ("unshare", "--mount", "/bin/sh", "-ec", SERVICE_ACCOUNT, str(service_account))
