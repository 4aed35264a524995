"""What a container of a manifest runs, as far as its text alone tells.

Pure. Text is read and never run.
"""

import re
from collections.abc import Mapping

_CLIENTS = (
    "argocd", "flux", "helm", "k8s-sidecar", "k8s-wait-for", "k8s_wait_for.sh", "kubectl", "kubernetes-entrypoint",
    "oc", "wait_for.sh",
)  # fmt: skip
"""Programs that ask the Kubernetes API with the pod's token."""
_CLIENT = re.compile(
    rf"(?<![\w.])(?:{'|'.join(map(re.escape, _CLIENTS))})(?![\w-]|\.\w)|/var/run/secrets/kubernetes\.io/serviceaccount"
)


def asks_api(container: Mapping[str, object]) -> bool:
    """Return whether a container asks the Kubernetes API with the pod's token, as its image or command line tells."""
    return bool(
        _CLIENT.search("\n".join([image_name(container), *texts(container, "command"), *texts(container, "args")]))
    )


def texts(container: Mapping[str, object], key: str) -> list[str]:
    """Return a list of texts of a container, an empty one for what is no list."""
    value = container.get(key)
    return [str(each) for each in value] if isinstance(value, list) else []


def image_name(container: Mapping[str, object]) -> str:
    """Return the last part of the image's path, without tag and digest."""
    return str(container.get("image") or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
