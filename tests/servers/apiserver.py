"""A real Kubernetes API server, with its etcd, that leaves nothing behind.

No controller, scheduler or kubelet runs beside it: what a test writes stays as it was written. The API server makes its
own serving certificate, whose authority the clients are given, and signs the service accounts' tokens with its key.
"""

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.request import urlopen

import yaml
from kubernetes.client import ApiClient, Configuration

from servers.kubebuilder import assets

HOST = "127.0.0.1"
PATIENCE = 60.0
RBAC = "rbac.authorization.k8s.io"

# Leads the servers' process group and ends all of it when the other end of its standard input is closed, which happens
# however the test process ends.
KEEPER = 'read -r _; rm -rf "$0"; kill -KILL 0'

# A watch is told when it starts, as it may outlive the test, and anything else when it is answered.
AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


class Request(NamedTuple):
    """A request as the audit log has it."""

    verb: str
    uri: str
    user: str
    code: int


class ApiServer:
    """An API server with RBAC on a free loopback port; `api` is an administrator's client."""

    def __init__(self) -> None:
        self._port = _free_port()
        self._etcd_port = _free_port()
        self._token = secrets.token_hex()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = f"https://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._programs = assets()
        self.directory = Path(tempfile.mkdtemp(prefix="apiserver-"))
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, self.directory], stdin=subprocess.PIPE, process_group=0
        )
        try:
            self.ca_file = self.directory / "pki" / "apiserver.crt"
            self.kubeconfig = self._write_kubeconfig("admin", "default", self._token)
            (self.directory / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
            (self.directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
            self.start()
            self.api = ApiClient(
                Configuration(
                    host=self.url,
                    ssl_ca_cert=str(self.ca_file),
                    api_key={"BearerToken": self._token},
                    api_key_prefix={"BearerToken": "Bearer"},
                    proxy="",  # None would take one from the environment
                )
            )
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()
        self._remove()

    def start(self) -> None:
        """Start both servers on their ports, with the data they had, and wait until they are ready."""
        folder = self.directory
        etcd = f"http://{HOST}:{self._etcd_port}"
        key = folder / "pki" / "apiserver.key"
        self._spawn(
            "etcd",
            data_dir=folder / "etcd",
            listen_client_urls=etcd,
            advertise_client_urls=etcd,
            listen_peer_urls=f"http://{HOST}:0",
            unsafe_no_fsync="true",
            log_level="warn",
        )
        self._spawn(
            "kube-apiserver",
            etcd_servers=etcd,
            bind_address=HOST,
            advertise_address=HOST,
            endpoint_reconciler_type="none",  # Endpoints may not hold a loopback address
            secure_port=self._port,
            cert_dir=key.parent,
            service_cluster_ip_range="10.0.0.0/24",
            authorization_mode="RBAC",
            token_auth_file=folder / "tokens.csv",
            service_account_issuer="https://kubernetes.default.svc",
            service_account_key_file=key,
            service_account_signing_key_file=key,
            audit_policy_file=folder / "audit-policy.yaml",
            audit_log_path=folder / "audit.log",
            **_switched_on(self._programs / "kube-apiserver"),
        )
        deadline = time.monotonic() + PATIENCE
        while not self.ready():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self._processes):
                said = "\n".join(log.read_text()[-4000:] for log in sorted(folder.glob("*.stderr")))
                raise RuntimeError(f"the API server did not start:\n{said}")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Tell whether the API server serves, authorization included."""
        with contextlib.suppress(OSError):
            tls = ssl.create_default_context(cafile=self.ca_file)
            with contextlib.closing(HTTPSConnection(HOST, self._port, context=tls, timeout=5)) as connection:
                connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {self._token}"})
                return connection.getresponse().status == 200
        return False

    def stop(self) -> None:
        """Kill both servers: clients are cut off, the data is kept."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def compact(self) -> None:
        """Let etcd forget every revision but a new one."""
        newest = self._merge("/api/v1/namespaces/default", {"metadata": {"labels": {"fence": secrets.token_hex(8)}}})
        body = json.dumps({"revision": newest["metadata"]["resourceVersion"], "physical": True}).encode()
        with urlopen(f"http://{HOST}:{self._etcd_port}/v3/kv/compaction", body) as response:
            response.read()

    def requests(self) -> list[Request]:
        """Return every request so far, in the order of the answers."""
        return [
            Request(
                event["verb"], event["requestURI"], event["user"].get("username", ""), event["responseStatus"]["code"]
            )
            for event in self.events()
        ]

    def events(self) -> list[dict[str, Any]]:
        """Return the first audit event of every request so far: who asked what of which object, and who allowed it."""
        found: dict[str, dict[str, Any]] = {}
        whole, _, _ = (self.directory / "audit.log").read_text().rpartition("\n")  # the last line may be half written
        for line in whole.splitlines():
            event = json.loads(line)
            found.setdefault(event["auditID"], event)  # a watch that ended has two
        return list(found.values())

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Make a request as the administrator and return its JSON; raise ApiException unless it succeeds."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        call = self.api.param_serialize(method, path, header_params=headers, body=body, auth_settings=["BearerToken"])
        response = self.api.call_api(*call)
        response.read()
        return self.api.response_deserialize(response, {"default": "object"}).data

    def apply(self, manifests: Path | Iterable[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
        """Apply the manifests, in this namespace unless they name one, and return the objects; RBAC is in force."""
        if isinstance(manifests, Path):
            manifests = filter(None, yaml.safe_load_all(manifests.read_text()))
        objects = [self._apply(manifest, namespace) for manifest in manifests]
        if any(applied["apiVersion"].startswith(RBAC) for applied in objects):
            self._await_rights()
        return objects

    def create_namespace(self, name: str) -> None:
        """Create a namespace."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def create_job(
        self,
        namespace: str,
        name: str,
        *,
        managed: bool = False,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        **spec: Any,
    ) -> dict[str, Any]:
        """Create a Job that the built-in controller leaves alone, unless it is to be managed, and return it."""
        pod = {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": "example.com/migrate"}]}
        unmanaged = {} if managed else {"managedBy": "example.com/test"}
        job = {
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
            "spec": {"template": {"spec": pod}, **unmanaged, **spec},
        }
        return self.request("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", job)

    def set_status(self, namespace: str, name: str, status: dict[str, Any]) -> dict[str, Any]:
        """Merge these fields into a Job's status, where None removes one, and return the Job."""
        return self._merge(f"{_job(namespace, name)}/status", {"status": status})

    def run(self, namespace: str, name: str, at: datetime | None = None) -> dict[str, Any]:
        """Let a Job have one pod that runs since then, or since now."""
        return self.set_status(namespace, name, {"startTime": _timestamp(at), "active": 1, "ready": 1})

    def complete(self, namespace: str, name: str, at: datetime | None = None) -> dict[str, Any]:
        """Let a Job be Complete since then, or since now."""
        at = at or datetime.now(UTC)
        conditions = _conditions(
            "SuccessCriteriaMet",
            "Complete",
            reason="CompletionsReached",
            message="Reached expected number of pods",
            at=at,
        )
        return self._finish(namespace, name, at, conditions=conditions, succeeded=1, completionTime=_timestamp(at))

    def fail(
        self,
        namespace: str,
        name: str,
        reason: str = "BackoffLimitExceeded",
        message: str = "Job has reached the specified backoff limit",
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """Let a Job be Failed since then, or since now."""
        conditions = _conditions("FailureTarget", "Failed", reason=reason, message=message, at=at)
        return self._finish(namespace, name, at, conditions=conditions, failed=1)

    def suspend(self, namespace: str, name: str) -> dict[str, Any]:
        """Suspend a Job: its pods are gone and it has not started."""
        self._merge(_job(namespace, name), {"spec": {"suspend": True}})
        conditions = _conditions("Suspended", reason="JobSuspended", message="Job suspended")
        stopped = {"startTime": None, "active": None, "ready": None}
        return self.set_status(namespace, name, {**stopped, "conditions": conditions})

    def delete_job(self, namespace: str, name: str, *, foreground: bool = False) -> None:
        """Delete a Job; in the foreground it stays, as being deleted, until it is deleted again without."""
        policy = "Foreground" if foreground else "Background"
        self.request("DELETE", _job(namespace, name), {"propagationPolicy": policy})

    def account(self, namespace: str, name: str) -> Path:
        """Return a folder such as a pod of this ServiceAccount would have, with a new token; create the account too."""
        folder = self.directory / "accounts" / namespace / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text(self._issue_token(namespace, name))
        (folder / "ca.crt").write_text(self.ca_file.read_text())
        (folder / "namespace").write_text(namespace)
        return folder

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """Return a kubeconfig with a new token of this ServiceAccount; create the account too."""
        token = self._issue_token(namespace, service_account)
        return self._write_kubeconfig(service_account, namespace, token)

    def _remove(self) -> None:
        """Stop the servers and remove the directory."""
        try:
            self.stop()
        finally:
            self._keeper.communicate()

    def _spawn(self, program: str, **flags: object) -> None:
        with (self.directory / f"{program}.stderr").open("ab") as log:
            process = subprocess.Popen(
                [self._programs / program, *(f"--{name.replace('_', '-')}={flag}" for name, flag in flags.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                process_group=self._keeper.pid,
            )
        self._processes.append(process)

    def _apply(self, manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        served = self.request("GET", root)["resources"]
        kinds = {resource["kind"]: resource for resource in served if "/" not in resource["name"]}  # no subresources
        resource = kinds[manifest["kind"]]
        scope = f"/namespaces/{metadata.get('namespace', namespace)}" if resource["namespaced"] else ""
        path = f"{root}{scope}/{resource['name']}/{metadata['name']}?fieldManager=test&force=true"
        return self.request("PATCH", path, manifest, "application/apply-patch+yaml")

    def _await_rights(self) -> None:
        """Wait until the authorizer has seen the newest Role and RoleBinding, hence all before them."""
        name = f"fence-{secrets.token_hex(8)}"
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
        reference = {"apiGroup": RBAC, "kind": "Role", "name": name}
        subject = {"apiGroup": RBAC, "kind": "User", "name": name}
        fence = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": name}}
        self._apply({**fence, "kind": "Role", "rules": [rule]}, "kube-system")
        self._apply({**fence, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}, "kube-system")
        right = {"namespace": "kube-system", "resource": "configmaps", "verb": "get"}
        review = {"spec": {"user": name, "resourceAttributes": right}}
        while not self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"][
            "allowed"
        ]:
            time.sleep(0.01)

    def _merge(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        return self.request("PATCH", path, fields, "application/merge-patch+json")

    def _finish(self, namespace: str, name: str, at: datetime | None, **status: Any) -> dict[str, Any]:
        """End a Job's pods; a Job that had not started did so as it ended."""
        started = self.request("GET", _job(namespace, name))["status"].get("startTime", _timestamp(at))
        return self.set_status(namespace, name, {"startTime": started, "active": None, "ready": 0, **status})

    def _issue_token(self, namespace: str, name: str) -> str:
        self._apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, namespace)
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.request("POST", path, {"spec": {}})["status"]["token"]

    def _write_kubeconfig(self, user: str, namespace: str, token: str) -> Path:
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        context = {"cluster": "test", "user": user, "namespace": namespace}
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
        }
        path = self.directory / f"{namespace}.{user}.kubeconfig"
        path.write_text(yaml.safe_dump(kubeconfig))
        return path


def _job(namespace: str, name: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"


def _conditions(*types: str, reason: str, message: str, at: datetime | None = None) -> list[dict[str, str]]:
    when = {"lastProbeTime": _timestamp(at), "lastTransitionTime": _timestamp(at)}
    return [{"type": type_, "status": "True", "reason": reason, "message": message, **when} for type_ in types]


def _timestamp(at: datetime | None) -> str:
    return (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _switched_on(program: Path) -> dict[str, str]:
    """Return what tests need of a server before 1.32: Jobs of another controller, and a status that is checked."""
    told = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {"feature_gates": "JobManagedBy=true"} if int(told.split(".")[1]) < 32 else {}


def _free_port() -> int:
    """Choose a port that no outgoing connection will take while the server is stopped."""
    while True:
        port = secrets.choice(range(20000, 30000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
