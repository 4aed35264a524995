"""Folders of files for tests that read directories."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def written(root: Path, files: Mapping[str, str] | Iterable[str]) -> str:
    """Write files below a folder, from names or from a mapping of names to texts, and return the folder."""
    for path, text in files.items() if isinstance(files, Mapping) else ((path, "") for path in files):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return str(root)
