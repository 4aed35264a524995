"""YAML text as plain objects: maps, lists, text, numbers. Only importer of yaml.

Nothing is judged here, and no tag makes an object of another kind. What cannot be read is a ValueError, in one clause.
"""

from typing import Any

import yaml

_NOT_OF_JSON = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


class _Manifests(yaml.SafeLoader if not yaml.__with_libyaml__ else yaml.CSafeLoader):  # type: ignore[misc]
    """Reads as Kubernetes does, which makes JSON of its YAML: a date is text, and so is a lone equals sign."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - yaml's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_OF_JSON]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(text: str) -> Any:
    """Return the one document of a text. Raises ValueError."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as fault:
        raise ValueError(_clause(fault)) from fault


def load_all(text: str) -> list[tuple[int, Any]]:
    """Return each document of a Kubernetes stream, and the line at which it begins. Raises ValueError."""
    loader = _Manifests(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            found.append((node.start_mark.line + 1, loader.construct_document(node)))
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise ValueError(_clause(fault)) from fault
    finally:
        loader.dispose()
    return found


def _clause(fault: Exception) -> str:
    return "it is nested too deeply" if isinstance(fault, RecursionError) else " ".join(str(fault).split())
