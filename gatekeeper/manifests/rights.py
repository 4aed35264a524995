"""What a stream lacks for its gates to read their Jobs, and what adds it.

Pure. Nothing is granted twice: a Role that is there and of the same shape gets one name more.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import edits, rbac, waits
from gatekeeper.manifests.grants import Grants, Need, missing
from gatekeeper.manifests.objects import Manifest, Object, Workload, part, parts, texts


class Rights:
    """The rights that the gates of a stream have, and those that are added to it."""

    def __init__(self, found: Sequence[Manifest]) -> None:
        found = [each for each in found if each.group == rbac.GROUP or each.kind == "ServiceAccount"]
        self.grants = Grants(found)
        """What is granted, with what is added."""
        self._named = {(each.kind, each.name, each.namespace): each for each in reversed(found)}
        self._added: list[Object] = []
        self.changes: list[tuple[edits.Where, object]] = []
        """Of objects that are there: where, and what is to be there."""

    def lacking(self, workload: Workload, gate: waits.Gate | None, account: str) -> "Lacking | None":
        """Return what a workload's gate lacks to run as an account, None where that is nothing."""
        place = workload.manifest.namespace
        creates = account not in ("default", workload.account) and not self.there("ServiceAccount", account, place)
        need = missing(gate.need, self.grants.to(place, account)) if gate and gate.need else None
        return Lacking(workload, gate if need else None, need, account, creates=creates) if need or creates else None

    def add(self, lack: "Lacking") -> None:
        """Add what is lacking. Raises Misconfigured."""
        for each in rbac.objects(lack.grant()):
            kind, name = each["kind"], each["metadata"]["name"]
            place = str(each["metadata"].get("namespace") or lack.place)
            there = self.there(kind, name, place)
            if kind == "ServiceAccount":
                left = self.there(kind, lack.workload.account, lack.place)
                if left and left.content.get("imagePullSecrets"):
                    # Without them, the pod's own images could not be pulled any more.
                    each["imagePullSecrets"] = left.content["imagePullSecrets"]
            if there and kind == "Role" and self._extends(there, lack):
                return
            if there:
                raise Misconfigured(
                    f"--rbac: {kind} {name} is there already, and grants something else; "
                    f"write into the rules of a Role {rbac.flow(rbac.rule(lack.gate.jobs if lack.gate else ()))}"
                )
            self._added.append(each)
            group = "" if kind == "ServiceAccount" else rbac.GROUP
            self._keep(Manifest(group, kind, name, place, each))

    def _extends(self, role: Manifest, lack: "Lacking") -> bool:
        """Return whether a Role of one rule on names that the account is bound to could have the missing names, too."""
        bound = [each.role for each in self.grants.to(lack.place, lack.account)]
        rules, wanted = parts(role.content, "rules"), lack.gate.jobs if lack.gate else ()
        names = texts(rules[0], "resourceNames") if len(rules) == 1 else []
        if not (names and wanted and rules == [rbac.rule(names)] and str(role) in bound):
            return False
        rule = rbac.rule(list(dict.fromkeys([*names, *wanted])))
        if role.where:
            self.changes = [each for each in self.changes if each[0] != (*role.where, "rules")]
            self.changes.append(((*role.where, "rules"), [rule]))
            role = replace(role, content=role.content | {"rules": [rule]})
        else:
            role.content["rules"] = [rule]
        self._keep(role)
        return True

    def render(self, text: str, command: str) -> str:
        """Return what is added as YAML that can follow a text, nothing if that is nothing. Raises Misconfigured."""
        if self._added and edits.is_json(text):
            raise Misconfigured(f"--rbac: nothing can follow a document of JSON; write instead {command}")
        return rbac.render(self._added)

    def there(self, kind: str, name: str, namespace: str) -> Manifest | None:
        """Return an object that is there, or is added."""
        return self._named.get((kind, name, namespace))

    def _keep(self, manifest: Manifest) -> None:
        self.grants.add(manifest)
        self._named[manifest.kind, manifest.name, manifest.namespace] = manifest


class Lacking:
    """What one gate lacks."""

    def __init__(
        self, workload: Workload, gate: waits.Gate | None, need: Need | None, account: str, *, creates: bool
    ) -> None:
        self.workload, self.gate, self.account = workload, gate, account
        self.place = workload.manifest.namespace
        self._need, self._creates = need, creates

    def __str__(self) -> str:
        account = f"ServiceAccount {self.account}"
        return f"{self._need} for {account}" if self._need else account

    @property
    def _elsewhere(self) -> str:
        """The Jobs' namespace, if it is not the pod's."""
        return self.gate.namespace if self.gate and self.gate.namespace != self.place else ""

    @property
    def command(self) -> str:
        """Return the command that prints it."""
        gate, argv = self.gate, ["gatekeeper", "rbac"]
        if gate:
            argv += ["--selector", gate.labels] if gate.labels else [f"--job={job}" for job in gate.jobs]
        place = self.place or ("NAMESPACE" if self._elsewhere else "")
        argv += ["--service-account", self.account, *(["-n", place] if place else [])]
        argv += ["--job-namespace", self._elsewhere] if self._elsewhere else []
        argv += ["--create-service-account"] if self._creates else []
        argv += ["--allow-default"] if self.account == "default" else []
        return shlex.join(argv)

    def grant(self) -> rbac.Grant:
        """Return it as what `gatekeeper rbac` grants. Raises Misconfigured."""
        if self._elsewhere and not self.place:
            raise Misconfigured(
                f"{self.workload.manifest} names no namespace, and its gate reads Jobs of {self._elsewhere}; "
                "write where it is applied, for example -n shop"
            )
        # Where the workload's namespace is left to whoever applies it, so are these.
        written = str(part(self.workload.manifest.content, "metadata").get("namespace") or "")
        gate = self.gate
        return rbac.grant(
            gate.jobs if gate else (),
            selector=gate.labels or None if gate else None,
            service_account=self.account,
            namespace=self.place if self._elsewhere else written,
            job_namespace=self._elsewhere,
            create_service_account=self._creates,
            allow_default=True,
        )
