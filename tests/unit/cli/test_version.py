"""One version, wherever it is named: `make release` writes it, and nothing else may."""

import re
import runpy
from pathlib import Path

import pytest

import gatekeeper

ROOT = Path(__file__).parents[3]
RELEASE = runpy.run_path(str(ROOT / ".ci/release"))
NOTES = runpy.run_path(str(ROOT / ".ci/notes"))["notes"]


def test_one_version():
    """Image tags, pages, the Dockerfile, the plugin and the action name the version of the package."""
    texts = RELEASE["texts"](ROOT)
    named = {path.relative_to(ROOT).as_posix(): {*RELEASE["NAMED"].findall(text)} for path, text in texts.items()}
    assert {"Dockerfile", "README.md", "gatekeeper/__init__.py", "manifests/helm-plugin/plugin.yaml"} < named.keys()
    assert named == {name: {gatekeeper.__version__} for name in named}


def test_every_tag_is_found():
    """No image of ours stands anywhere in what is shipped with a tag that a release would leave behind."""
    tag = re.compile(r"gatekeeper/gatekeeper:(?!9\.8\.7)\S+")
    for text in RELEASE["texts"](ROOT).values():
        assert tag.findall(RELEASE["NAMED"].sub("9.8.7", text)) == []


def test_release(tmp_path):
    """A release changes the version where it is named, and gives the CHANGELOG's newest section number and date."""
    for name, text in {
        "gatekeeper/__init__.py": '__version__ = "1.2.3"\n',
        "manifests/job/deployment.yaml": "image: ghcr.io/gatekeeper/gatekeeper:1.2.3\nother: 1.2.3\n",
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.2.3 - 2026-01-01\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    RELEASE["release"](tmp_path, "1.3.0", "2026-12-01")
    assert (tmp_path / "gatekeeper/__init__.py").read_text() == '__version__ = "1.3.0"\n'
    deployment = (tmp_path / "manifests/job/deployment.yaml").read_text()
    assert deployment == "image: ghcr.io/gatekeeper/gatekeeper:1.3.0\nother: 1.2.3\n"
    changelog = (tmp_path / "CHANGELOG.md").read_text()
    assert changelog == "# Changelog\n\n## 1.3.0 - 2026-12-01\n\n- new\n\n## 1.2.3 - 2026-01-01\n"


def test_notes(tmp_path):
    """A release's notes are its own section of the CHANGELOG, and a tag without one is refused."""
    (tmp_path / "gatekeeper").mkdir()
    (tmp_path / "gatekeeper/__init__.py").write_text('__version__ = "1.2.3"\n')
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "# Changelog\n\n## 1.2.3 - 2026-12-01\n\n- new\n\n### Also\n\n- more\n\n## 1.2.2 - 2026-01-01\n\n- old\n"
    )
    assert NOTES(tmp_path, "v1.2.3") == "- new\n\n### Also\n\n- more"
    with pytest.raises(SystemExit, match="is not that of gatekeeper"):
        NOTES(tmp_path, "v1.2.4")
    for text in ("## Unreleased\n\n- new\n", "## 1.2.3 - 2026-12-01\n\n## 1.2.2 - 2026-01-01\n\n- old\n"):
        changelog.write_text(text)
        with pytest.raises(SystemExit, match=r"CHANGELOG\.md has no section"):
            NOTES(tmp_path, "v1.2.3")
