"""Aerich, Tortoise ORM's tool: a row per migration and app, in the order of their ids."""

import re

from gatekeeper.tools.shared import rows, values
from gatekeeper.tools.shared.events import Applied
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import DRIVERS_SEARCH_PATH, Directory, Found, Table, Tool


def revision(text: str) -> str:
    """`models.3_20240102030405_add`, `models/3_20240102030405_add.py`; without an app, Aerich's default `models`."""
    found = re.fullmatch(r"(?:(\w+)[./])?(\d+_(?:[^/.]*[^/.\s])?)(?:\.py)?", text)
    if not found:
        raise ValueError("a revision is app.number_name")
    return f"{found[1] or 'models'}.{found[2]}"


_NAME = r"(?:(\w+)/)?((\d+)_[^/.]*)"
_MODULE = _NAME + r"\.(?:pyc?|(?:cpython-[^/.]*\.|abi3\.)?so)"
_PACKAGE = _NAME + r"/__init__\.pyc?"
"""What pkgutil takes for modules (get_all_version_modules of aerich/migrate.py)."""


def _read(tool: Tool, folder: Folder) -> Found:
    """Modules below the app's folder, in the order of the number. In the app's own folder, the app is its name."""
    folder.refuse_called(_MODULE)
    found: dict[str, list[tuple[int, str]]] = {}
    for path in folder:
        if file := re.fullmatch(_MODULE, path) or re.fullmatch(_PACKAGE, path):
            app = file[1] or folder.root.name
            found.setdefault(app, []).append((int(file[3]), tool.revision(f"{app}.{file[2]}")))
    apps = [[revision for _, revision in sorted(migrations)] for _, migrations in sorted(found.items())]
    return Found(tuple(revision for app in apps for revision in app), tuple(app[-1] for app in apps))


TOOL = Tool(
    name="aerich",
    table=Table(
        "aerich",
        ("app", "version", "id"),
        rows.each(lambda app, name, _: Applied(f"{values.text(app)}.{values.text(name).removesuffix('.py')}")),
        "id",
    ),
    also=("content",),
    search_path=(*DRIVERS_SEARCH_PATH, "schema"),
    revision=revision,
    example="models.3_20240102030405_add_stock",
    directory=Directory(
        "models/3_20240102030405_add_stock.py",
        _read,
        signs=((r"(.*/)?\d+_[^/.]*\.py", r"(?m)^async def upgrade\(db\b"),),
    ),
)
