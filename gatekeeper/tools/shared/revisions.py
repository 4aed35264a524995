"""The normal form of a revision, from what a user writes or a file is called, in the forms that several tools have.

Each function raises ValueError with a clause that follows "with TOOL": what a revision is, in one example.
"""

import re
from collections.abc import Callable

_EXTENSION = re.compile(
    r"(\.Designer)?\.(cs|c?js|mjs|c?ts|mts|coffee|ls|litcoffee|iced|co|eg|py|php|sql|rs|json|ya?ml)\Z", re.ASCII
)
MOST_DIGITS = 255
"""Of a number: the widest column that a tool keeps one in. Python refuses to count 4301."""
DIGITS = rf"\d{{1,{MOST_DIGITS}}}"


def word(text: str) -> str:
    """Text that stands for itself."""
    if not text or text != text.strip():
        raise ValueError("a revision is text without space around it")
    return text


def stem(text: str) -> str:
    """`2024_add_users.js` -> `2024_add_users`: tools and their releases differ in whether they record the extension."""
    return word(_EXTENSION.sub("", word(text)) or text)


def number(text: str) -> str:
    """`000003`, `3`, `000003_add_users.up.sql` -> `3`."""
    digits = re.fullmatch(rf"({DIGITS})(_.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a number")
    return str(int(digits[1]))


def digits(text: str) -> str:
    """`20240102030405_add_users.sql` -> `20240102030405`, as text: leading zeros count."""
    found = re.fullmatch(rf"({DIGITS})(\D.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is digits")
    return found[1]


def in_app(text: str) -> str:
    """`shop.0002_stock`, `shop/migrations/0002_stock.py` -> `shop.0002_stock` (Django, Tortoise)."""
    label = re.fullmatch(r"(?:.*/)?(\w+)/migrations/(\w+)(?:\.py)?|(\w+)\.(\w+)", text)
    if not label or label[4] == "py":
        raise ValueError("a revision is app_label.migration_name")
    return ".".join(filter(None, label.groups()))


# -- orders -------------------------------------------------------------------------------------------------------


def by_text(revision: str) -> str:
    """Order of names that begin with a date or a padded number, byte by byte."""
    return revision


def by_leading_number(pattern: str) -> Callable[[str], int | None]:
    """Order by the number that the pattern finds; what has none has no place."""

    def place(revision: str) -> int | None:
        found = re.search(pattern, revision, re.ASCII)
        return int(found[1]) if found and len(found[1]) <= MOST_DIGITS else None

    return place
