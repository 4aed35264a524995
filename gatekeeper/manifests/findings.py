"""What an audit found, and its forms: a table for people, JSON for programs, SARIF for code scanning.

Pure. The id of a rule never changes and is never given to another one. SARIF is
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, as far as code scanning reads it.
"""

import json
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from gatekeeper import __version__

WIDTH = 120


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a gate."""

    id: str
    slug: str
    level: str
    """SARIF's: an `error` keeps pods from starting or lets them start too early, a `warning` may, or is a right too
    many; a `note` could not be judged."""
    about: str


RULES = {
    rule.slug: rule
    for rule in (
        Rule("GK101", "no-gate", "error", "No workload has a gate."),
        Rule("GK102", "unreadable-gate", "error", "What a gate waits for cannot be told."),
        Rule("GK103", "not-blocking", "error", "A gate does not hold the containers after it."),
        Rule("GK104", "other-gate", "warning", "Another program's gate opens or hangs where it should not."),
        Rule("GK105", "tool-check", "warning", "A migration tool's own check is the gate."),
        Rule("GK106", "self-migrating", "warning", "Each pod migrates in an init container of its own."),
        Rule("GK107", "ungated-sibling", "warning", "A workload has no gate, and another one of the same image has."),
        Rule("GK201", "missing-right", "error", "A gate may not read its Job."),
        Rule("GK202", "excess-right", "warning", "A gate's ServiceAccount may do more than the gate needs."),
        Rule("GK203", "default-account", "warning", "A gate's rights are those of the ServiceAccount default."),
        Rule("GK204", "unknown-role", "note", "A binding gives a role that is not among the documents."),
        Rule("GK205", "unknown-namespace", "note", "What an account may do depends on a namespace that is not told."),
        Rule("GK301", "token-in-app", "warning", "The token that a gate needs is mounted elsewhere in its pod, too."),
        Rule("GK302", "needless-token", "warning", "A pod has a token that its gate does not need."),
        Rule("GK303", "no-token", "error", "A gate that reads a Job has no token."),
        Rule("GK401", "stale-job", "warning", "A Job of an earlier release can open a gate."),
        Rule(
            "GK402", "removed-job", "error", "A Job is removed when it has ended, and later pods wait for it in vain."
        ),
        Rule("GK403", "late-job", "error", "A Job is created only when the pods that wait for it are ready."),
        Rule("GK404", "renamed-job", "error", "A gate waits for a Job by a name that it no longer has."),
        Rule("GK405", "unmet-require", "error", "A Job does not carry what --require demands."),
        Rule("GK406", "unproven", "warning", "A gate opens although nothing proves the migration."),
        Rule("GK407", "deadline", "warning", "A gate waits longer than its rollout."),
        Rule("GK408", "waits-for-itself", "error", "A gate waits for the Job that it is a part of."),
        Rule("GK501", "pod-security", "warning", "A gate is not admitted by Pod Security restricted."),
        Rule("GK502", "never-starts", "error", "The kubelet never starts a gate."),
        Rule("GK503", "not-admitted", "error", "A quota or limit range of the namespace refuses a gate's pods."),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what cures it."""

    rule: Rule
    workload: str
    sentence: str
    cure: str
    container: str = ""
    source: str = "-"
    line: int = 1


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What an auditor wants to know of a gate at a glance, right or wrong."""

    workload: str
    container: str
    program: str
    waits_for: str
    needs: str
    granted: tuple[str, ...]
    token_in: tuple[str, ...]
    pod_security: str


@dataclass(frozen=True, slots=True)
class Audit:
    """All gates that were looked at, and all that is wrong with them."""

    gates: tuple[GateFacts, ...]
    findings: tuple[Finding, ...]
    ignored: int = 0
    """How many findings more there are, of rules that the reader has accepted."""

    def by_workload(self) -> dict[str, list[Finding]]:
        """Return the findings of each workload."""
        return _by_workload(self.findings)

    def without(self, ids: Collection[str]) -> "Audit":
        """Return the audit without the findings of these rules."""
        kept = tuple(finding for finding in self.findings if finding.rule.id not in ids)
        return replace(self, findings=kept, ignored=self.ignored + len(self.findings) - len(kept))


def render(audit: Audit, form: str) -> str:
    """Return an audit in one of `FORMS`."""
    return FORMS[form](audit)


def _text(audit: Audit) -> str:
    lines: list[str] = []
    workloads = dict.fromkeys([*(each.workload for each in audit.gates), *(each.workload for each in audit.findings)])
    gates, findings = _by_workload(audit.gates), _by_workload(audit.findings)
    for workload in workloads:
        lines += [_shown(workload)] if workload else []
        for gate in gates.get(workload, ()):
            lines += [line for name, value in _facts(gate) for line in _cells(name, value)]
        for finding in findings.get(workload, ()):
            lines += _cells(finding.rule.id, f"{finding.rule.slug}: {finding.sentence}")
            lines += _cells("", f"cure: {finding.cure}")
        lines += [""]
    count = len(audit.findings)
    told = f"{_count(count, 'finding')} in {_count(len(audit.gates), 'gate')}"
    ignored = f", {audit.ignored} ignored" if audit.ignored else ""
    return "".join(f"{line}\n" for line in [*lines, told + ignored])


_Told = TypeVar("_Told", GateFacts, Finding)


def _by_workload(told: Sequence[_Told]) -> dict[str, list[_Told]]:
    found: dict[str, list[_Told]] = {}
    for each in told:
        found.setdefault(each.workload, []).append(each)
    return found


def _shown(text: str) -> str:
    """Return text that is only seen: it moves no cursor, and is no command to what runs a pipeline.

    A line that begins with `::`, or has `##[` or `##vso[` in it, is one to runners of GitHub and of Azure, and what is
    audited there may be a stranger's pull request.
    """
    printable = "".join(each if each.isprintable() else " " for each in text)
    return re.sub(r"(?<!\S):(?=:)|#(?=#(?:vso)?\[)", lambda found: f"{found[0]} ", printable)


def _escaped(value: object) -> str:
    """Return JSON in which every character that cannot be printed is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else _escape(each) for each in text) + "\n"


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"


def _facts(gate: GateFacts) -> list[tuple[str, str]]:
    return [
        ("gate", f"{gate.container}: {gate.program}, {gate.waits_for}"),
        ("needs", gate.needs),
        ("granted", "; ".join(gate.granted) or "nothing"),
        ("token in", ", ".join(gate.token_in) or "no container"),
        ("security", gate.pod_security),
    ]


def _cells(name: str, value: str) -> list[str]:
    """Return one row of the table, wrapped within its second column."""
    first, rest = f"  {name:<10}", " " * 12
    return textwrap.wrap(
        _shown(value),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.rule.id,
        "rule": finding.rule.slug,
        "level": finding.rule.level,
        "workload": finding.workload,
        "container": finding.container,
        "sentence": finding.sentence,
        "cure": finding.cure,
        "source": finding.source,
        "line": finding.line,
    }


def _json(audit: Audit) -> str:
    told = {
        "gates": list(map(asdict, audit.gates)),
        "findings": list(map(_finding, audit.findings)),
        "ignored": audit.ignored,
    }
    return _escaped(told)


def _sarif(audit: Audit) -> str:
    rules = list(dict.fromkeys(finding.rule for finding in audit.findings))
    driver = {
        "name": "gatekeeper",
        "version": __version__,
        "rules": [
            {
                "id": rule.id,
                "name": rule.slug,
                "shortDescription": {"text": rule.about},
                "defaultConfiguration": {"level": rule.level},
            }
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(audit.findings, rules)),
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return _escaped(log)


def _results(findings: Sequence[Finding], rules: Sequence[Rule]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        place = {"artifactLocation": {"uri": _uri(finding.source)}, "region": {"startLine": finding.line}}
        location: dict[str, Any] = {"physicalLocation": place}
        if finding.workload:
            name = "/".join(filter(None, [finding.workload, finding.container]))
            location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
        yield {
            "ruleId": finding.rule.id,
            "ruleIndex": rules.index(finding.rule),
            "level": finding.rule.level,
            "message": {"text": f"{finding.sentence} Cure: {finding.cure}"},
            "locations": [location],
        }


def _uri(source: str) -> str:
    if source == "-":
        return "stdin"
    path = Path(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


FORMS: dict[str, Callable[[Audit], str]] = {"table": _text, "json": _json, "sarif": _sarif}
