"""What the README and the pages of `docs` say of the program is what it says of itself, and their links lead on."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from gatekeeper.cli.catalogue import FORMS
from gatekeeper.cli.main import program
from gatekeeper.gate.exits import BUG, ENDINGS, MISUSE
from gatekeeper.gate.verdict import Interrupted
from gatekeeper.manifests.findings import RULES

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = ["manifests/README.md", "benchmarks/README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]
LINKED = [*PAGES, *(ROOT / name for name in OTHERS)]
README_LINES = 180
REPEATED = 80
"""Characters from which on a paragraph or a row of a table is to be a link in all pages but one."""
VALUE = "..."
"""What stands in a quoted message where the program puts a value."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def docs(name: str) -> str:
    return text_of(ROOT / "docs" / name)


# -- what the program says of itself ------------------------------------------------------------------------------


def option_rows(command: str) -> list[str]:
    """Return a row per option: flags, environment variable if any option has one, default, help."""
    group = program()
    options = [option for option in group.commands[command].params if option.param_type_name == "option"]
    has_variables = any(option.envvar for option in options)
    rows = []
    for option in options:
        flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
        metavar = "" if option.is_flag else option.metavar
        value = metavar.replace("|", "\\|")
        default = f"`{option.default}`" if option.default else ""
        variable = f"`{option.envvar}` | " if has_variables else ""
        rows.append(f"| {flags} {value} | {variable}{default} | {option.help} |")
    return rows


@pytest.mark.parametrize("command", ["job", "schema", "revision", "inject", "audit", "rbac", "tools"])
def test_options(command: str):
    """The page of options has a row for every option, as the program describes it, in its order."""
    assert "\n".join(option_rows(command)) + "\n" in docs("options.md")


def test_tools():
    """The table of tools is what the program prints."""
    assert f"<!-- tools -->\n{FORMS['markdown']()}<!-- /tools -->" in docs("tools.md")


def test_exit_codes():
    """The README has a row for every exit code, with the word that the termination message begins with."""
    codes = {code: word for ending, (code, word) in ENDINGS.items() if ending is not Interrupted}
    codes |= {MISUSE: "misconfigured", BUG: "bug in gatekeeper", 143: "interrupted", 130: "interrupted"}
    for code, word in codes.items():
        assert f"\n| {code} | `{word}:" in text_of(README)


def test_rules():
    """The page of the audit has a row for every rule, and says what it means under its id."""
    rows = [f"| `{rule.id}` | {rule.slug} | {rule.level} | {rule.about} |" for rule in RULES.values()]
    page = docs("audit-and-inject.md")
    assert "\n".join(rows) + "\n" in page
    assert re.findall("### (GK.+)\n\n[A-Z`]", page) == [rule.id for rule in RULES.values()]


def wording(node: ast.AST) -> str:
    """Return the text of a literal, with VALUE for what is put into it."""
    match node:
        case ast.JoinedStr(values=parts):
            return "".join(map(wording, parts))
        case ast.FormattedValue():
            return VALUE
        case ast.Constant(value=str(text)):
            return text
        case _:
            return ""


@cache
def messages() -> str:
    """Return every text of the program but its docstrings, a line each."""
    nodes = [node for module in (ROOT / "gatekeeper").rglob("*.py") for node in ast.walk(ast.parse(text_of(module)))]
    described = {node.value for node in nodes if isinstance(node, ast.Expr)}
    texts = {re.sub(r"(\.\.\.)+", VALUE, wording(node)) for node in nodes if node not in described}
    return "\n".join(" ".join(text.split()) for text in texts)


def symptoms() -> list[str]:
    """Return every message of the gate's that is quoted as a symptom."""
    tables = re.findall(r"^\| the gate says \|.*\n((?:\|.*\n)+)", docs("troubleshooting.md"), re.MULTILINE)
    cells = [row.split(" | ")[0] for table in tables for row in table.splitlines()]
    return [quoted for cell in cells for quoted in re.findall(r"`(.+?)`", cell)]


@pytest.mark.parametrize("symptom", symptoms())
def test_symptoms(symptom: str):
    """Each clause of a message that is quoted as a symptom is one that the program can say."""
    clauses = [clause.strip() for part in symptom.split(VALUE) for clause in part.split(";")]
    assert [clause for clause in clauses if clause not in messages()] == []


# -- the pages among themselves -----------------------------------------------------------------------------------


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls each heading: https://docs.github.com, "Basic formatting syntax", section links."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures that are in this repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if "://" not in target]


def pieces(page: Path) -> set[str]:
    """Return the paragraphs, rows of tables and blocks of code of a page that are long enough to be a repetition."""
    rows = re.sub(r"^(\|.*)$", r"\n\1\n", text_of(page), flags=re.MULTILINE)
    return {piece for part in re.split(r"\n\s*\n", rows) if len(piece := " ".join(part.split())) >= REPEATED}


def test_readme_is_short():
    """The README can be read in one breath."""
    assert len(text_of(README).splitlines()) <= README_LINES


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path):
    """Every link leads to a file or folder of the repository, and to a heading where it names one."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_one_click_away():
    """The README links every file of `docs`."""
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in links(README)}
    assert {*(ROOT / "docs").iterdir()} <= linked


def test_nothing_is_said_twice():
    """No paragraph and no row of a table stands in two pages."""
    said = Counter(piece for page in LINKED for piece in pieces(page))
    assert [piece for piece, times in said.items() if times > 1] == []


# -- the map ------------------------------------------------------------------------------------------------------


def test_map():
    """CONTRIBUTING's map has every folder of code and no other, and names every module that is no tool's."""
    rows = re.findall(r"^\| `([\w/]+)/` \| (.*) \|", text_of(ROOT / "CONTRIBUTING.md"), re.MULTILINE)
    told = dict(rows)
    top = {"image", "manifests", "docs", "benchmarks", "tests"}
    folders = {path.parent for path in (ROOT / "gatekeeper").rglob("*.py")} - {ROOT / "gatekeeper"}
    assert told.keys() == top | {folder.relative_to(ROOT).as_posix() for folder in folders}
    assert all((ROOT / folder).is_dir() for folder in told)
    for folder in folders - {ROOT / "gatekeeper" / "tools"}:
        named = set(re.findall(r"`(\w+)`", told[folder.relative_to(ROOT).as_posix()]))
        assert {path.stem for path in folder.glob("*.py")} - {"__init__"} <= named, folder
