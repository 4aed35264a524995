"""Folders of files for tests that read directories."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def written(root: Path, files: Mapping[str, str | list[str]] | Iterable[str]) -> str:
    """Write files below a folder, or beside it, and return the folder.

    They are names, or names with texts, of which a list of one is what a link leads to.
    """
    for path, text in files.items() if isinstance(files, Mapping) else ((path, "") for path in files):
        place = Path(os.path.normpath(root / path))
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, list):
            place.symlink_to(text[0])
        else:
            place.write_text(text, encoding="utf-8")
    return str(root)
