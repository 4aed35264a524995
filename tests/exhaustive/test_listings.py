"""A directory holds what its tool says that it holds: trees with an oddity each, and the tools' own answers.

`python -m recorder.listings` asked them.
"""

import json
from pathlib import Path

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories import directories
from known import TOOLS
from trees import written

LISTINGS = Path(__file__).parents[1] / "fixtures/listings"
REFUSED = "is a link to nothing", "Too many levels of symbolic links", "is a folder, and is called as a migration"
"""What a gate refuses where some tools list a migration that they then cannot read, and others pass over it."""
STRICTER = {
    "atlas-_": "a version without text",
    "atlas-two of a number": "of which one row tells nothing",
    "dbmate-two of a number": "of which one row tells nothing",
    "refinery-two of a number": "of which one row tells nothing",
    "rails-two of a number": "which Rails runs neither of",
    "sqlx-two of a number": "of which one row tells nothing",
    "sqlx-negative": "a number below 0",
    "diesel-two of a number": "of which one row tells nothing",
    "diesel-_": "a version that is no number",
    "diesel-~": "a version that is no number",
    "diesel-no number": "a version that is no number",
    "alembic-folder": "which of Alembic's settings decide",
    "alembic-folder in a folder": "which of Alembic's settings decide",
    "alembic-linked folder": "which of Alembic's settings decide",
    "alembic-two of a number": "of which Alembic takes any",
    "django-folder": "which of Django's settings decide",
    "django-folder in a folder": "which of Django's settings decide",
    "django-linked folder": "which of Django's settings decide",
    "tortoise-folder": "which of Tortoise's settings decide",
    "tortoise-folder in a folder": "which of Tortoise's settings decide",
    "tortoise-linked folder": "which of Tortoise's settings decide",
    "django-in another folder": "which of Django's settings decide",
    "drizzle-journal and folders": "of which either release reads one form",
    "ecto-negative": "a number with a sign",
    "ecto-with a plus": "a number with a sign",
    "typeorm-no name": "a class without a name, which TypeORM fails of",
    "supabase-two of a number": "of which one row tells nothing",
    "flyway-no digits of ASCII": "a version that is no number",
    "flyway-repeatable shell": "of which a row does not tell which form has run",
}
"""What a gate refuses, and a tool would run or pass over."""
MORE = {
    "doctrine-another namespace": "which the configuration may name too",
    "ecto-link to the folder": "which Ecto goes round in, and fails of",
    "doctrine-link to the folder": "which Doctrine goes round in, and fails of",
    "golang-migrate-too large": "a number that fits no column",
    "kysely-up is no function": "nothing is run to know it",
    "flyway-Java": "its class is where the programs are",
    "flyway-baseline": "what is applied below a baseline stays so, in a database that is not new",
    "flyway-link to the folder": "which Flyway goes round in, and fails of",
    "liquibase-link to the folder": "which Liquibase goes round in, and fails of",
    "django-folder of its name": "which Python takes for a module",
    "liquibase-dbms in XML: 'unknown'": "which an extension's database may be called",
    "node-pg-migrate-js.map": "which --ignore-pattern leaves out, or the tool fails of",
    "node-pg-migrate-linked folder": "which the tool fails of",
    "node-pg-migrate-link to the folder": "which the tool fails of",
    "knex-mjs": "which loadExtensions may name",
    "knex-declarations": "which knex loads and fails of, unless its loadExtensions leave them out",
}
"""Where a gate awaits what the tool does not list, or does not what the tool fails of."""


NORMAL = "django", "ecto", "tortoise"
"""The tools that list migrations as the gate calls them."""


@pytest.mark.parametrize("tool", sorted(path.stem for path in LISTINGS.iterdir()))
def test_listings(tool, tmp_path):
    """All that a tool lists is awaited and nothing else; where it fails nothing opens, as far as that can be told."""
    rows = json.loads((LISTINGS / f"{tool}.json").read_text(encoding="utf-8"))
    assert len(rows) > 25
    wrong = [
        case
        for count, (case, tree, answer) in enumerate(rows)
        if not is_right(tool, f"{tool}-{case}", written(tmp_path / str(count) / "db", tree), answer)
    ]
    assert not wrong


def is_right(tool: str, case: str, directory: str, answer: list[str] | str) -> bool:
    try:
        found = directories.wanted(TOOLS[tool], directory).on({"postgresql"})
    except Misconfigured as fault:
        return isinstance(answer, str) or case in STRICTER or any(reason in str(fault) for reason in REFUSED)
    awaited = found.known or {*found.revisions}
    if isinstance(answer, str):
        return case in MORE or len(awaited) > 1
    return (awaited == {revision(tool, each) for each in answer}) != (case in MORE)


def revision(tool: str, listed: str) -> str:
    """Return what the tool lists as the gate calls it."""
    if listed.startswith("R__"):
        file, checksum = listed.split()
        return f"{TOOLS[tool].revision(file)} with checksum {checksum}"
    return listed if tool in NORMAL else TOOLS[tool].revision(listed)
