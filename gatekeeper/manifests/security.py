"""A container's security context: what Pod Security restricted wants of it, and whether the kubelet starts it at all.

Pure. What a container does not say is the pod's word, as the API has it.
"""

from gatekeeper.manifests.objects import Object, part, texts

USER = 65532
"""The image's own."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What every gate has."""
_PROFILES = ("seccompProfile", "appArmorProfile")
_WHOSE = ("runAsUser", "runAsGroup", "seLinuxOptions")


def of_gate(pod: Object, replaced: Object) -> Object:
    """Return the security context of a new gate, with what the container that it replaces says beside that.

    Whose process it is and what confines it stays; what would make it weaker, such as user 0, does not.
    """
    said = part(replaced, "securityContext")
    kept = {key: said[key] for key in _WHOSE if said.get(key) and (key != "runAsUser" or said[key] != 0)}
    kept |= {key: said[key] for key in _PROFILES if part(said, key).get("type") in {"Localhost", "RuntimeDefault"}}
    return started(RESTRICTED | kept, pod)


def started(context: Object, pod: Object) -> Object:
    """Return a container's security context, with a user of its own where it would never start without."""
    return context | {"runAsUser": USER} if never_starts({"securityContext": context}, pod) else context


def is_windows(pod: Object) -> bool:
    """Return whether a pod runs on Windows alone, where an image for Linux does not."""
    return part(pod, "os").get("name") == "windows" or part(pod, "nodeSelector").get("kubernetes.io/os") == "windows"


def never_starts(container: Object, pod: Object) -> bool:
    """Return whether the kubelet refuses a container: it must not be root, and is to run as user 0.

    See verifyRunAsNonRoot in https://github.com/kubernetes/kubernetes/tree/master/pkg/kubelet/kuberuntime
    """
    both = _effective(container, pod)
    return both.get("runAsNonRoot") is True and both.get("runAsUser") == 0


def unrestricted(container: Object, pod: Object) -> list[str]:
    """Return what a container's security context lacks for Pod Security restricted, as it is to be written.

    See https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    own, both = part(container, "securityContext"), _effective(container, pod)
    lacks = {
        "privileged: false": own.get("privileged") is not True,
        "allowPrivilegeEscalation: false": own.get("allowPrivilegeEscalation") is False,
        "capabilities: {drop: [ALL]}": "ALL" in texts(own, "capabilities", "drop"),
        "no capabilities.add": {*texts(own, "capabilities", "add")} <= {"NET_BIND_SERVICE"},
        "runAsNonRoot: true": both.get("runAsNonRoot") is True,
        f"runAsUser: {USER}": both.get("runAsUser") != 0,
        "seccompProfile: {type: RuntimeDefault}": str(part(both, "seccompProfile").get("type"))
        in {"RuntimeDefault", "Localhost"},
    }
    return [wanted for wanted, there in lacks.items() if not there]


def _effective(container: Object, pod: Object) -> Object:
    own = {key: value for key, value in part(container, "securityContext").items() if value is not None}
    return part(pod, "securityContext") | own
