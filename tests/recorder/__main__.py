"""Run the recipes of the tools that are named, or of all, and note what has been run for `gatekeeper tools`."""

import argparse
import importlib
import json
import pkgutil
from pathlib import Path

from recorder import recipes
from recorder.fixture import proven, read_all
from recorder.packages import NoCloneError
from recorder.recording import Recording, cache_folder, servers

PROVEN = Path(__file__).parents[2] / "gatekeeper/tools/proven.json"
"""What `gatekeeper tools` tells of what was run."""
NAMES = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(recipes.__path__))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m recorder", description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(NAMES))
    parser.add_argument("--database", choices=("postgresql", "mariadb", "mysql"), help="only on this one")
    parser.add_argument("--unwatched", action="store_true", help="hold no gate while the tools migrate")
    options = parser.parse_args()
    chosen = {
        name: importlib.import_module(f"recorder.recipes.{name.replace('-', '_')}") for name in options.tools or NAMES
    }
    for name, recipe in chosen.items():
        kinds = [kind for kind in recipe.DATABASES if options.database in (None, kind)]
        for server in servers(kinds):
            recording = Recording(name, recipe.TABLES, server, cache_folder(name), watched=not options.unwatched)
            try:
                recipe.record(recording)
            except NoCloneError as error:
                print(f"{name}: passed over: {error}", flush=True)
    PROVEN.write_text(json.dumps(proven(read_all()), indent=2) + "\n", encoding="utf-8")


main()
