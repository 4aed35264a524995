"""Kubeconfigs of every form: what kubectl can do with one, the gate can, and what it cannot is wrong."""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from servers.apiserver import ApiServer
from servers.kubebuilder import assets

Config = dict[str, Any]


class Parts:
    """The administrator's kubeconfig in parts, to be changed, and the folder in which it will be."""

    def __init__(self, apiserver: ApiServer, namespace: str, folder: Path) -> None:
        self.folder = folder
        self.config: Config = yaml.safe_load(apiserver.kubeconfig.read_text())
        [cluster], [user], [context] = (self.config[kind] for kind in ("clusters", "users", "contexts"))
        self.cluster, self.user, self.context = cluster["cluster"], user["user"], context["context"]
        self.context["namespace"] = namespace
        self.token = self.user["token"]
        self.authority = apiserver.ca_file.read_text()

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        """Write a file beside it, and return its name."""
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(mode)
        return name

    def plugin(self, *lines: str, **options: Any) -> None:
        """Have the credentials from a program beside it."""
        self.user.clear()
        command = "./" + self.file("plugin", "\n".join(["#!/bin/sh", *lines]), 0o700)
        version = "client.authentication.k8s.io/v1"
        self.user["exec"] = {"apiVersion": version, "command": command, "interactiveMode": "Never", **options}

    def credentials(self) -> str:
        """Return a line of a plugin that gives the administrator's token."""
        status = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
        return f"echo '{json.dumps({**status, 'status': {'token': self.token}})}'"

    def data(self, text: str) -> None:
        """Have the authority as data, if there is some."""
        self.cluster["certificate-authority-data"] = text
        if text:
            del self.cluster["certificate-authority"]


def without_authority(parts: Parts) -> None:
    """Verify nothing."""
    del parts.cluster["certificate-authority"]
    parts.cluster["insecure-skip-tls-verify"] = True


GOOD: dict[str, Callable[[Parts], Any]] = {
    "plain": lambda parts: None,
    "no verification": without_authority,
    "authority as data": lambda parts: parts.data(base64.b64encode(parts.authority.encode()).decode()),
    "authority in lines of data": lambda parts: parts.data(base64.encodebytes(parts.authority.encode()).decode()),
    "empty data beside a file": lambda parts: parts.data(""),
    "relative paths": lambda parts: parts.cluster.update(
        {"certificate-authority": parts.file("ca.crt", parts.authority)}
    ),
    "name in the certificate": lambda parts: parts.cluster.update({"tls-server-name": "kubernetes.default.svc"}),
    "no proxy": lambda parts: parts.cluster.update({"proxy-url": ""}),
    "slash after the server": lambda parts: parts.cluster.update(server=f"{parts.cluster['server']}/"),
    "token in a file": lambda parts: parts.user.update(token="", tokenFile=parts.file("token", parts.token + "\n")),
    "token of a file beside a bad one": lambda parts: parts.user.update(
        token="bad", tokenFile=parts.file("token", parts.token)
    ),
    "token beside no file": lambda parts: parts.user.update(tokenFile="/no/file"),
    "plugin": lambda parts: parts.plugin(parts.credentials(), args=None, env=None),
}
"""What kubectl takes."""
BAD: dict[str, tuple[Callable[[Parts], Any], int, str]] = {
    "another user": (lambda parts: parts.user.update({"as": "jane"}), 2, "whose user has no as"),
    "no context": (lambda parts: parts.config.pop("current-context"), 2, "no current-context, so add --context"),
    "unknown context": (lambda parts: parts.config.update({"current-context": "b"}), 2, "it has no context b"),
    "unknown user": (lambda parts: parts.context.update(user="b"), 2, "user has no credentials"),
    "unknown cluster": (lambda parts: parts.context.update(cluster="b"), 2, "cluster has no server"),
    "context of two names": (lambda parts: parts.config["contexts"].append({"name": "test"}), 2, "a name of its own"),
    "namespace of no name": (
        lambda parts: parts.context.update(namespace="A b"),
        2,
        "'A b' is not the name of a names",
    ),
    "token that is a number": (lambda parts: parts.user.update(token=7), 2, "token of user admin is no text"),
    "no token": (lambda parts: parts.user.update(token=""), 2, "user has no credentials"),
    "bad token of a file": (lambda parts: parts.user.update(tokenFile=parts.file("token", "bad")), 4, "answers 401"),
    "plugin that fails": (lambda parts: parts.plugin("echo log in >&2", "exit 1"), 2, "process returned 1. log in"),
    "no plugin": (lambda parts: parts.plugin() or parts.user["exec"].update(command="no"), 2, "directory: 'no'"),
    "plugin of old": (lambda parts: parts.user.update({"auth-provider": {"name": "gcp"}}), 2, "auth-provider gcp"),
    "no Base64": (lambda parts: parts.data("%%%"), 2, "certificate-authority-data of cluster test is not Base64"),
    "no verification with an authority": (
        lambda parts: parts.cluster.update({"insecure-skip-tls-verify": True}),
        *(2, "insecure-skip-tls-verify leaves no use"),
    ),
    "no authority": (lambda parts: parts.cluster.pop("certificate-authority"), 124, "certificate verify failed"),
    "another name": (lambda parts: parts.cluster.update({"tls-server-name": "b"}), 124, "not valid for 'b'"),
    "proxy of no kind": (lambda parts: parts.cluster.update({"proxy-url": "ht!tp"}), 2, "proxy-url is none of http"),
}
"""What kubectl does not take, the exit code of the gate, and what it says."""


@pytest.fixture
def tried(apiserver, namespace, gate, tmp_path):
    """Return kubectl's exit code and an ended gate, which were both given the kubeconfig as it was changed."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")

    def try_both(change):
        parts = Parts(apiserver, namespace, tmp_path)
        change(parts)
        path = parts.folder / "config"
        path.write_text(yaml.safe_dump(parts.config))
        command = [assets() / "kubectl", "--kubeconfig", path, "get", "job", "migrate"]
        kubectl = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
        process = gate("job", "migrate", "--kubeconfig", str(path), "--timeout", "0", secrets=[parts.token])
        process.end()
        return kubectl.returncode, process

    return try_both


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_good(tried, change):
    """What kubectl takes opens the gate, and its log has nothing of the libraries' own."""
    kubectl, process = tried(change)
    assert (kubectl, process.end()) == (0, 0), process.log
    assert all(line.startswith("20") for line in process.log.splitlines()), process.log


@pytest.mark.parametrize(("change", "code", "said"), BAD.values(), ids=BAD)
def test_bad(tried, change, code, said):
    """What kubectl does not take opens no gate, which says why."""
    kubectl, process = tried(change)
    assert kubectl != 0
    assert process.end() == code, process.log
    assert said in process.message


def test_socks(tried):
    """A proxy that kubectl can use and the gate cannot is wrong, and no bug."""
    _, process = tried(lambda parts: parts.cluster.update({"proxy-url": "socks5://127.0.0.1:1"}))
    assert process.end() == 2, process.log


@pytest.mark.parametrize("order", ["ab", "ba", "cb", "bc", "nca"])
@pytest.mark.parametrize("option", [(), ("--context", "b")], ids=["current", "named"])
def test_several(apiserver, gate, tmp_path, order, option):
    """Of several files the first that says something counts, and one that is missing says nothing."""
    config = yaml.safe_load(apiserver.kubeconfig.read_text())
    [cluster], [user] = config["clusters"], config["users"]
    for name in "abc":
        contexts = [{"name": each, "context": {"cluster": "test", "user": "admin", "namespace": name}} for each in "ab"]
        current = {} if name == "c" else {"current-context": name}
        text = yaml.safe_dump({"clusters": [cluster], "users": [user], "contexts": contexts, **current})
        (tmp_path / name).write_text(text)
    files = os.pathsep.join(str(tmp_path / name) for name in order)
    kubectl = subprocess.run(
        [assets() / "kubectl", *option, "config", "view", "--minify", "-o", "jsonpath={..namespace}"],
        env={"KUBECONFIG": files},
        capture_output=True,
        text=True,
        check=True,
    )
    assert kubectl.stdout == order.replace("n", "")[0]
    process = gate("job", "migrate", "--kubeconfig", files, "--timeout", "0", *option)
    assert process.end() == 124, process.log
    assert f"Job {kubectl.stdout}/migrate: does not exist" in process.message


def test_token_of_a_file_renewed(apiserver, namespace, gate, tmp_path):
    """A token's file is read again for each request, as the kubelet renews it."""
    parts = Parts(apiserver, namespace, tmp_path)
    parts.user.update(token="", tokenFile=parts.file("token", "old"))
    (tmp_path / "config").write_text(yaml.safe_dump(parts.config))
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    process = gate("job", "migrate", "--kubeconfig", str(tmp_path / "config"), secrets=[parts.token])
    process.until("answers 401")
    parts.file("token", parts.token)
    assert process.end(40) == 0, process.log
