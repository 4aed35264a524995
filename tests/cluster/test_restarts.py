"""What a gate outlives while it holds. These tests restart the cluster's API server, and with it every watch."""

import copy
import time

from kubernetes.client import AuthenticationV1Api

from servers.cluster import Namespace, Object, Pod, eventually, gate_of, migration, rights, web

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_a_gate_holds_while_the_api_server_restarts(namespace, restart_apiserver):
    """A gate whose watch is cut off neither opens nor ends: it looks again, and opens with the Job."""
    namespace.apply(*rights(), migration(suspend=True), web())
    held = namespace.held("is suspended; see kubectl describe")

    restart_apiserver()
    assert [(pod.uid, pod.held) for pod in namespace.pods()] == [(held.uid, True)]
    namespace.resume()
    opened = namespace.opened()
    assert (opened.uid, opened.restarts) == (held.uid, 0)


def test_a_gate_uses_the_token_that_it_was_given_last(namespace, restart_apiserver):
    """A gate reads its token anew when it looks again, so one that expires while it holds does not matter.

    The kubelet would renew a token after eight minutes at the earliest. Here it renews the file from a Secret, in the
    same way, and the first token ends with the object that it is bound to.
    """
    first, second = bound_token(namespace, "first"), bound_token(namespace, "second")
    namespace.apply(*rights(), token_secret(first), migration(suspend=True), with_token_secret(web()))
    held = namespace.held("is suspended; see kubectl describe")

    namespace.apply(token_secret(second))
    eventually(lambda: token_in(namespace, held), lambda seen: seen == second)
    namespace.kubectl("delete", "secret", "first")
    restart_apiserver()  # which has the gate ask anew
    assert not is_accepted(namespace, first)

    namespace.resume()
    opened = namespace.opened()
    assert (opened.uid, opened.restarts) == (held.uid, 0)


def bound_token(namespace: Namespace, name: str) -> str:
    """Return a token of the app's account that is accepted for as long as a Secret of this name exists."""
    namespace.apply(rights()[0], {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
    bound = {"apiVersion": "v1", "kind": "Secret", "name": name}
    request = {"spec": {"audiences": [], "boundObjectRef": bound}}
    return namespace.core.create_namespaced_service_account_token("web", namespace.name, request).status.token


def token_in(namespace: Namespace, pod: Pod) -> str:
    """Return the token that a pod's containers have now, after the kubelet has looked at the pod.

    It looks at one that was changed at once, and by itself up to 90 s after its last look.
    """
    namespace.kubectl("annotate", "pod", pod.name, f"looked={time.time()}", "--overwrite")
    return namespace.run(pod, "cat", f"{MOUNT}/token", container="peek")


def token_secret(token: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": token}}


def with_token_secret(deployment: Object) -> Object:
    """Return a Deployment whose gate has its token from the Secret, beside a native sidecar that can look at it."""
    spec = deployment["spec"]["template"]["spec"]
    peek = copy.deepcopy(spec["containers"][0])
    peek |= {"name": "peek", "restartPolicy": "Always", "volumeMounts": gate_of(deployment)["volumeMounts"]}
    spec["initContainers"].insert(0, peek)
    sources = spec["volumes"][0]["projected"]["sources"]
    sources[0] = {"secret": {"name": "token", "items": [{"key": "token", "path": "token"}]}}
    return deployment


def is_accepted(namespace: Namespace, token: str) -> bool:
    """Tell whether the API server still takes a token."""
    review = AuthenticationV1Api(namespace.core.api_client).create_token_review({"spec": {"token": token}})
    return bool(review.status.authenticated)
