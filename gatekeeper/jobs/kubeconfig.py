"""Read kubeconfigs as kubectl reads them, down to the one context that counts.

The client library takes the last file's current-context where kubectl takes the first's, and passes over what it does
not know: a gate would ask another cluster, or as another user, than kubectl does in its place. So it is given one
context, one cluster and one user, without what is empty and with absolute paths; what it would pass over is refused.
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files
"""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gatekeeper.gate.settings import file_text
from gatekeeper.manifests import documents

Part = dict[str, Any]

_TEXTS = {
    "context": ("cluster", "user", "namespace"),
    "cluster": ("server", "certificate-authority", "certificate-authority-data", "tls-server-name", "proxy-url"),
    "user": (
        *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        *("token", "tokenFile", "username", "password"),
    ),
}
"""What a kubeconfig lists, and of each what has to be text."""
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_SOMEBODY_ELSE = ("as", "as-uid", "as-groups", "as-user-extra")
_URL = re.compile("https?://")


def read(files: Sequence[str], context: str | None) -> Part:
    """Return a kubeconfig of the named context alone, else of the current one; of files, those that are there.

    Raises Misconfigured for a file that cannot be read, ValueError for what it says.
    """
    current = ""
    listed: dict[str, dict[str, Part]] = {kind: {} for kind in _TEXTS}
    there = list(filter(os.path.exists, files))
    if not there:
        raise ValueError(f"there is no {' and no '.join(files)}")
    for file in there:
        config = documents.load(file_text("--kubeconfig", file))
        if not isinstance(config, dict):
            raise ValueError(f"{file} is no kubeconfig")
        current = current or config.get("current-context") or ""
        for kind, known in listed.items():
            listed[kind] = _named(config, kind, os.path.dirname(os.path.abspath(file))) | known  # noqa: PTH100, PTH120
    name = context or current
    if name not in listed["context"]:
        raise ValueError(f"it has no context {name}" if name else "it has no current-context, so add --context NAME")
    chosen = listed["context"][name]
    cluster, user = (listed[kind].get(chosen.get(kind, ""), {}) for kind in ("cluster", "user"))
    _judge(cluster, user)
    names = {"context": name, "cluster": chosen.get("cluster", ""), "user": chosen.get("user", "")}
    parts = {"context": chosen, "cluster": cluster, "user": user}
    return {"current-context": name} | {
        f"{kind}s": [{"name": names[kind], kind: part}] for kind, part in parts.items() if part
    }


def _named(config: Mapping[str, Any], kind: str, folder: str) -> dict[str, Part]:
    """Return what a file lists of a kind, by name."""
    found: dict[str, Part] = {}
    entries = config.get(f"{kind}s") or []
    for entry in entries if isinstance(entries, list) else [entries]:
        match entry:
            case {"name": str(name)} if name not in found and isinstance(entry.get(kind) or {}, dict):
                found[name] = _part(entry.get(kind) or {}, kind, name, folder)
            case _:
                raise ValueError(f"its {kind}s have to be a list, each with a name of its own")
    return found


def _part(given: Part, kind: str, name: str, folder: str) -> Part:
    """Return a context, cluster or user, without what is empty and with absolute paths."""
    part = {key: value for key, value in given.items() if value not in (None, "")}
    for key in part.keys() & {*_TEXTS[kind]}:
        if not isinstance(part[key], str):
            raise ValueError(f"{key} of {kind} {name} is no text")
        if key in _PATHS:
            part[key] = os.path.join(folder, part[key])  # noqa: PTH118 - as the client has paths, as text
        if key.endswith("-data"):
            try:
                base64.b64decode("".join(part[key].split()), validate=True)
            except ValueError as fault:
                raise ValueError(f"{key} of {kind} {name} is not Base64") from fault
    match part.get("exec"):
        case {"command": str(command)} if os.path.basename(command) != command:  # noqa: PTH119 - as above
            part["exec"] = {**part["exec"], "command": os.path.join(folder, command)}  # noqa: PTH118 - as above
    return part


def _judge(cluster: Part, user: Part) -> None:
    """Raise ValueError for what the client would take otherwise than kubectl does."""
    insecure = cluster.get("insecure-skip-tls-verify", False)
    if not _URL.match(cluster.get("server", "")):
        raise ValueError("the context's cluster has no server such as https://10.0.0.1:6443")
    if not _URL.match(cluster.get("proxy-url", "http://")):
        raise ValueError("its proxy-url is none of http:// or https://, and of other proxies a gate makes no use")
    if not isinstance(insecure, bool):
        raise ValueError("insecure-skip-tls-verify is neither true nor false")
    if insecure and cluster.keys() & {"certificate-authority", "certificate-authority-data"}:
        raise ValueError("insecure-skip-tls-verify leaves no use for a certificate-authority, so remove one of both")
    match user.get("auth-provider"):
        case {"name": str(name)} if name != "oidc":
            raise ValueError(
                f"its auth-provider {name} is gone from kubectl too, so use the plugin that took its place"
            )
    if somebody := next((key for key in _SOMEBODY_ELSE if user.get(key)), ""):
        raise ValueError(f"a gate asks as nobody but the user itself, so choose a context whose user has no {somebody}")
