"""Read Jobs from the Kubernetes API: list, then watch. The only module that imports kubernetes and its HTTP library.

Raw JSON, one request per name, so that a Role with `resourceNames: [NAME], verbs: [list, watch]` suffices: RBAC allows
a list or watch of one name when the request carries `fieldSelector=metadata.name=NAME`
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources).

Errors: whatever may pass (refused, reset, silent, 429, 5xx, nonsense) is Unreachable; 401, 403 and a missing token are
Denied. Nothing of the client library leaves this module, and a body is quoted only where it is a Kubernetes Status.
"""

import json
import logging
import math
import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import incluster_config, kube_config
from kubernetes.config.config_exception import ConfigException
from kubernetes.utils.keepalive import tcp_keepalive_socket_options
from urllib3.util.ssl_ import create_urllib3_context

from gatekeeper import __version__
from gatekeeper.gate.clock import NEWS, Clock
from gatekeeper.gate.settings import SERVICE_ACCOUNT, Misconfigured
from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.manifests import rbac

CONNECT_LIMIT = 5.0
"""Seconds for a connection and its TLS handshake."""
CONNECTIONS = 100
"""Connections that are kept for the next request. The client would count processors, and warn of one more."""
KEEPALIVE = 15, 5, 3
"""Seconds of silence before the kernel asks whether the other side is there, seconds between, and how often."""
MOST_RETRY_AFTER = 30.0
"""Seconds that a server can keep the gate from asking again: an hour would be as good as never."""
WATCH_SECONDS = 38
"""Seconds after which the server is asked to end a watch, which is then renewed from where it ended."""
WATCH_LIMIT = WATCH_SECONDS + 6
"""Seconds after which a watch counts as dead, whatever it says: the server would have ended it before."""
MEMORY = "/dev/shm"  # noqa: S108 - each file there has a name of its own, and its owner alone reads it
"""Where a kubeconfig's embedded certificates and keys become files, for TLS: in no disk, and in every container."""
BRIEF = 5.0
"""Seconds. What ends sooner is opened anew only after them, so that a server that ends every watch is not hammered."""

Jobs = dict[str, Any]
"""Jobs as JSON objects, by uid."""


class Cluster:
    """A Kubernetes API server, reached when it is first asked, and the namespace of whoever asks."""

    def __init__(self, connect: Callable[[], RESTClientObject], namespace: str | None) -> None:
        self.namespace = namespace
        self._connect = connect
        self._client: RESTClientObject | None = None

    @property
    def client(self) -> RESTClientObject:
        """Return the client. Raises Denied where there is no token."""
        if self._client is None:
            self._client = self._connect()
        return self._client


def in_cluster(directory: str = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Cluster:
    """Return the cluster that this pod runs in, asked as its ServiceAccount. Raises Misconfigured outside of a pod."""
    if not (environ.get("KUBERNETES_SERVICE_HOST") and environ.get("KUBERNETES_SERVICE_PORT")):
        raise Misconfigured("no cluster to ask: this is not a pod; write for example --kubeconfig ~/.kube/config")
    settings = _settings()
    loader = incluster_config.InClusterConfigLoader(
        f"{directory}/token", f"{directory}/ca.crt", try_refresh_token=False, environ=environ
    )

    def load(_: object = None) -> None:
        try:
            loader.load_and_set(settings)
        except (ConfigException, OSError, UnicodeDecodeError) as fault:
            lacking = "no ServiceAccount token", "a projected serviceAccountToken volume"
            if _has_text(f"{directory}/token"):
                lacking = "no ca.crt", "the ConfigMap kube-root-ca.crt too, in the projected volume of the token,"
            raise Denied(f"{lacking[0]} ({fault}); mount {lacking[1]} at {directory}") from fault

    def connect() -> RESTClientObject:
        load()
        # The kubelet renews the token: read it again for every request.
        settings.refresh_api_key_hook = load  # type: ignore[assignment]
        return _client(settings)

    try:
        with open(f"{directory}/namespace") as file:  # noqa: PTH123 - pathlib would cost every gate 2 ms
            namespace = file.read().strip()
    except (OSError, UnicodeDecodeError):
        namespace = ""
    return Cluster(connect, namespace or None)


def _has_text(path: str) -> bool:
    try:
        with open(path) as file:  # noqa: PTH123 - as above
            return bool(file.read())
    except (OSError, UnicodeDecodeError):
        return False


def from_kubeconfig(path: str | None, context: str | None) -> Cluster:
    """Return the cluster of a kubeconfig's context, for people at a desk. Raises Misconfigured."""
    from gatekeeper.jobs import kubeconfig  # noqa: PLC0415 - no pod has one; the client then loads YAML too

    settings = _settings()
    files = (path or kube_config.KUBE_CONFIG_DEFAULT_LOCATION).split(os.pathsep)
    heard = _Heard()
    logging.getLogger().addHandler(heard)  # it logs why a plugin gives no credentials, and goes on without them
    try:
        config = kubeconfig.read([os.path.expanduser(file) for file in files], context)  # noqa: PTH111 - costs 2 ms
        kube_config.load_kube_config_from_dict(
            config, client_configuration=settings, temp_file_path=MEMORY if os.access(MEMORY, os.W_OK) else None
        )
    except Misconfigured:
        raise
    except Exception as fault:  # a broken kubeconfig raises whatever its parser raises
        said = " ".join(str(fault).split())[:200]
        cure = "write for example --kubeconfig ~/.kube/config"
        if "temporary directory" in said:
            cure = "what is embedded in it needs a file to be read from: mount an empty writable folder at /tmp"
        raise Misconfigured(f"--kubeconfig cannot be used: {said}; {cure}") from fault
    finally:
        logging.getLogger().removeHandler(heard)
    if settings.host.startswith("https") and not (settings.api_key or settings.cert_file):
        said = " ".join("; ".join(["the context's user has no credentials", *heard.said]).split())[:200]
        raise Misconfigured(f"--kubeconfig cannot be used: {said}; log in again, as kubectl would ask for")
    for each in config.get("users", ()):
        if file := each["user"].get("tokenFile"):
            settings.refresh_api_key_hook = partial(_renew, file)  # type: ignore[assignment]
    [chosen] = config["contexts"]
    return Cluster(lambda: _client(settings), chosen["context"].get("namespace", "default"))


class _Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _renew(file: str, settings: Configuration) -> None:
    """Take the token that the file has now: it outdoes one beside it, which counts only while there is none."""
    with suppress(OSError, UnicodeDecodeError), open(file) as text:  # noqa: PTH123 - as above
        if token := text.read().strip():
            settings.api_key["BearerToken"] = f"Bearer {token}"


def _settings() -> Configuration:
    # Given as empty, a proxy is not looked for: a pod's HTTPS_PROXY is for its app. A kubeconfig's proxy-url counts.
    settings = Configuration(proxy="", no_proxy="", connection_pool_maxsize=CONNECTIONS)
    settings.retries = False  # The gate's loop is the only one that tries again.
    settings.socket_options = tcp_keepalive_socket_options(*KEEPALIVE)
    return settings


def _client(settings: Configuration) -> RESTClientObject:
    """Return a client that accepts the certificates of older clusters.

    Python 3.13's VERIFY_X509_STRICT refuses a CA without Authority Key Identifier, which clusters still have; the chain
    and the host name are verified all the same (https://github.com/kubernetes-client/python/issues/2394).
    """
    if not settings.verify_ssl:
        urllib3.disable_warnings()  # of each request, in the log: the kubeconfig says so
    client = RESTClientObject(settings)
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if settings.verify_ssl else ssl.CERT_NONE)
    context.sslsocket_class = _Socket
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.ssl_ca_cert is None:
        context.load_default_certs()
    client.pool_manager.connection_pool_kw["ssl_context"] = context
    return client


class _Answer(threading.local):
    """The answer that a thread reads."""

    deadline = math.inf


_answer = _Answer()


class _Socket(ssl.SSLSocket):
    """Keeps an answer's deadline: the library's limit is for each read, and an answer may trickle without an end."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        left = _answer.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self.settimeout(min(left, threading.TIMEOUT_MAX))
        return super().recv_into(*args, **options)


class JobReader:
    """Reads the Job of one name, or the Jobs that a label selector matches. Implements job.JobReader."""

    def __init__(
        self, cluster: Cluster, namespace: str | None, clock: Clock, *, name: str = "", labels: str = ""
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._clock = clock
        self._name = name
        self._selector = ("fieldSelector", f"metadata.name={name}") if name else ("labelSelector", labels)
        self._listed: tuple[Jobs, str] = ({}, "")
        self.watch: _Watch | None = None

    def read(self, limit: float, *, fresh: bool) -> list[Any]:
        """Return the Jobs as the open watch tells them, else list them."""
        told = self.watch.jobs if self.watch else None
        if told is not None and not fresh:
            return list(told.values())
        self._listed = jobs, _ = self._list(limit)
        if self.watch and told not in (None, jobs):
            self.watch.give_up()  # it is dead, or at least behind
        return list(jobs.values())

    def take_told(self) -> list[Any]:
        """Return each state of a Job that the watch told of since this was last asked, oldest first."""
        return self.watch.take_told() if self.watch else []

    def follow(self, limit: float) -> None:
        """Open a watch from where the last list left off, unless one is open."""
        if self.watch is None or self.watch.ended:
            watch = _Watch(self, *self._listed, self._clock)
            self._clock.start(watch.run)
            self.watch = watch
        if not self.watch.answered.wait(limit):
            raise Unreachable("the API server does not answer a watch")
        if self.watch.fault:
            raise self.watch.fault

    @property
    def followed(self) -> bool:
        """Whether a watch is open and current."""
        return self.watch is not None and self.watch.jobs is not None

    def keep(self, jobs: Iterable[Any]) -> Jobs:
        """Return those that are this reader's, by uid, with no more of each than is judged."""
        kept: Jobs = {}
        for index, job in enumerate(jobs):
            match job:
                case {"metadata": {"name": str(name)}} if self._name and name != self._name:
                    continue
                case {"metadata": {"namespace": str(namespace)}} if namespace != self._namespace:
                    continue
                case {"metadata": {"uid": str(uid)}}:
                    kept[uid] = {key: job[key] for key in ("kind", "metadata", "status") if key in job}
                    kept[uid]["spec"] = _without_pods(job.get("spec"))
                case _:
                    kept[f"item {index}"] = job
        return kept

    def _list(self, limit: float) -> tuple[Jobs, str]:
        with _translated(), self.get(limit) as response:
            listing = json.loads(response.read())
        match listing:
            case {"metadata": {"continue": str(more)}} if more:
                raise Unreachable("the API server's answer is a part of the list, though the whole was asked for")
            case {
                "kind": "JobList",
                "items": [*items] | (None as items),
                "metadata": {"resourceVersion": str(version)},
            }:
                items = items or []  # Go writes an empty list as null
                # The items of a list carry no kind of their own.
                return self.keep({"kind": "Job", **item} if isinstance(item, dict) else item for item in items), version
            case _:
                raise Unreachable("the API server's answer is not a JobList")

    def get(self, limit: float, *query: tuple[str, str]) -> urllib3.BaseHTTPResponse:
        """Send the request, `limit` seconds for the whole answer. Raises Unreachable or Denied."""
        client = self._cluster.client
        if self._namespace is None:
            raise Denied(
                f"the pod's namespace is unknown: {SERVICE_ACCOUNT}/namespace is missing; or write -n NAMESPACE"
            )
        # ApiClient would do this too, and load pydantic to tell a str from a SecretStr: 7 MiB in every gate.
        settings = client.configuration
        path = f"/apis/batch/v1/namespaces/{quote(self._namespace, safe='')}/jobs"
        url = f"{settings.host}{path}?{urlencode([self._selector, *query], quote_via=quote)}"
        headers = {"Accept": "application/json", "User-Agent": f"gatekeeper/{__version__}"}
        headers |= {auth["key"]: _credentials(auth["value"]) for auth in settings.auth_settings().values()}
        with _translated():
            timeout = (min(CONNECT_LIMIT, limit), limit)
            _answer.deadline = time.monotonic() + limit
            response: urllib3.BaseHTTPResponse = client.request("GET", url, headers, _request_timeout=timeout).response
            if response.status == HTTPStatus.OK:
                return response
            with response:
                raise self._fault(response, response.read())

    def _fault(self, response: urllib3.BaseHTTPResponse, body: bytes) -> Unreachable | Denied:
        """Return what an answer other than 200 means."""
        said = f"the API server answers {response.status}{_status_message(body)}"
        match response.status:
            case HTTPStatus.UNAUTHORIZED:
                return Denied(
                    f"{said}: it does not accept the token; one of this cluster is needed that has not expired and "
                    "whose audience is the API server, as where serviceAccountToken names none"
                )
            case HTTPStatus.FORBIDDEN:
                rule = f"- {rbac.flow(rbac.rule([self._name] if self._name else []))}"
                return Denied(
                    f"{said}; a Role in namespace {self._namespace}, bound to that account, needs the rule {rule}"
                )
            case _:
                seconds = response.headers.get("Retry-After", "")
                return Unreachable(said, min(float(seconds), MOST_RETRY_AFTER) if seconds.isdecimal() else 0.0)


class _Watch:
    """Keeps a copy of Jobs current for as long as its requests succeed, in a thread of its own."""

    def __init__(self, reader: JobReader, jobs: Jobs, version: str, clock: Clock) -> None:
        self._reader = reader
        self._jobs = jobs
        self._is_current = False
        self._version = version
        self._clock = clock
        self._told: deque[Any] = deque()
        self.answered = threading.Event()
        self.ended = False
        """Whether another watch may be opened."""
        self.fault: Unreachable | Denied | None = None

    @property
    def jobs(self) -> Jobs | None:
        """The copy; None while it is not current."""
        return self._jobs if self._is_current else None

    def take_told(self) -> list[Any]:
        """Return each state that was told since this was last asked, oldest first."""
        return [self._told.popleft() for _ in range(len(self._told))]

    def give_up(self) -> None:
        """Let the copy count no more, and another watch be opened."""
        self._is_current, self.ended = False, True

    def run(self) -> None:
        lasted = BRIEF
        try:
            while lasted >= BRIEF and not self.ended:
                began = self._clock.now()
                try:
                    self._follow()
                finally:
                    lasted = self._clock.now() - began
        except (Unreachable, Denied) as fault:
            self.fault = fault
        finally:
            self._is_current = False
            self.answered.set()
            time.sleep(max(0.0, BRIEF - lasted))
            self.ended = True
            if self._reader.watch is self:
                self._clock.post(NEWS)

    def _follow(self) -> None:
        """Follow one watch until the server ends it."""
        query = (
            ("watch", "true"),
            ("resourceVersion", self._version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(WATCH_SECONDS)),
        )
        with _translated(), self._reader.get(WATCH_LIMIT, *query) as response:
            self._is_current = True
            self.answered.set()
            for line in response:
                self._apply(json.loads(line))

    def _apply(self, event: Any) -> None:
        match event:
            case {
                "type": "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" as kind,
                "object": {"metadata": {"resourceVersion": str(version)} as metadata} as job,
            }:
                self._version = version
            case {"type": "ERROR", "object": status}:
                # 410 Gone above all: the server has forgotten this resourceVersion, so list again.
                raise Unreachable(f"the API server ended the watch{_status_message(json.dumps(status).encode())}")
            case _:
                raise Unreachable("the API server's watch event cannot be understood")
        if kind == "BOOKMARK":
            return
        others = {uid: other for uid, other in self._jobs.items() if uid != metadata.get("uid")}
        kept = {} if kind == "DELETED" else self._reader.keep([job])
        self._told.extend(kept.values())
        self._jobs = {**others, **kept}
        self._clock.post(NEWS)


def _credentials(text: str) -> str:
    """Return a header's value, without the line end that `echo` writes after a token. Raises Denied for no token."""
    value = text.strip()
    if value.lower() == "bearer" or not (value.isascii() and value.isprintable()):
        raise Denied(
            "the token is empty, or it is other text than a token; put one that this cluster made in its place"
        )
    return value


def _without_pods(spec: Any) -> Any:
    """Return a Job's spec without that of its pods, which may be large and is not judged."""
    match spec:
        case {"template": {"metadata": metadata}}:
            return {**spec, "template": {"metadata": metadata}}
        case {}:
            return {**spec, "template": {}}
        case _:
            return None


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the HTTP library and a garbled body raise into Unreachable."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, ApiException, OSError) as fault:
        said = getattr(fault, "reason", None) or fault
        text = " ".join(str(said).split()).rpartition("): ")[2]
        raise Unreachable(f"the API server cannot be reached: {text[:300]}") from fault
    except (ValueError, RecursionError) as fault:
        raise Unreachable("the API server's answer is not JSON") from fault


def _status_message(body: bytes) -> str:
    """Return what a Kubernetes Status says, ready to be appended; nothing of any other body."""
    try:
        status = json.loads(body)
    except ValueError:
        return ""
    match status:
        case {"kind": "Status", "message": str(message)}:
            return f" ({' '.join(message.split())[:400]})"
        case _:
            return ""
