"""Scan all that the project's manifests apply with checkov, each thing by itself, as `kubectl apply -n` makes it.

What it finds must be what `manifests/.checkov.yaml` accepts: no more, and no less. No network is used. It has no check
for admission policies.
"""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from shipped import APPLIED, MANIFESTS, POLICIES, build

CONFIG = MANIFESTS / ".checkov.yaml"
SCANNED = [name for name in APPLIED if name not in POLICIES]


def scan(checkov: str, name: str) -> dict[str, str]:
    """Return what is found in the objects of one application: the checks' ids, and what they are about."""
    objects = build(MANIFESTS / name)
    for each in objects:
        each["metadata"].setdefault("namespace", "shop")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "built.yaml").write_text(yaml.safe_dump_all(objects))
        command = [checkov, "--config-file", CONFIG, "--directory", folder, "--output", "json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 0, report
    assert report["summary"]["parsing_errors"] == 0, report
    failed = report["results"]["failed_checks"]
    return {each["check_id"]: f"{each['check_name']}: {name}, {each['resource']}" for each in failed}


def main() -> None:
    """Scan, and exit with what differs."""
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda name: scan(sys.argv[1], name), SCANNED))
    found = {check: about for result in results for check, about in result.items()}
    accepted = yaml.safe_load(CONFIG.read_text())["soft-fail-on"]
    wrong = [f"{check} {about}" for check, about in found.items() if check not in accepted]
    wrong += [
        f"{check} is accepted in {CONFIG.name}, and is found no longer" for check in accepted if check not in found
    ]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"checkov: nothing but the {len(accepted)} accepted findings in {len(SCANNED)} applications")


if __name__ == "__main__":
    main()
