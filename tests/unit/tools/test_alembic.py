"""The graph of Alembic's revisions, read without importing them."""

import pytest

from gatekeeper.tools.alembic import graph_of


def revision(name: str, down: object = None, **more: object) -> str:
    """Return the text of an Alembic migration."""
    values = {"revision": name, "down_revision": down} | more
    return "from alembic import op\n" + "".join(f"{key} = {value!r}\n" for key, value in values.items())


def test_line():
    """In a line of revisions the last is the head, and stands on all others; other modules are passed over."""
    graph = graph_of(
        {
            "env.py": "raise RuntimeError('never run')",
            "script.py.mako": "down_revision = ${repr(down_revision)}",
            "versions/c.py": revision("c3", "b2"),
            "versions/a.py": revision("a1"),
            "versions/b.py": "revision: str = 'b2'\ndown_revision: Union[str, None] = \"a1\"\nbranch_labels = None\n",
        }
    )
    assert list(graph.parents) == ["a1", "b2", "c3"]
    assert graph.heads == ["c3"]
    assert graph.descendants("a1") == ["b2", "c3"]
    assert graph.descendants("c3") == []


def test_branches_and_merge():
    """Branches have a head each, until a revision follows them all."""
    branches = {"a": revision("a1"), "b": revision("b2", "a1"), "c": revision("c3", ("a1",))}
    files = {f"{name}.py": text for name, text in branches.items()}
    assert graph_of(files).heads == ["b2", "c3"]
    merged = graph_of(files | {"d.py": revision("d4", ["b2", "c3"])})
    assert merged.heads == ["d4"]
    assert merged.descendants("b2") == ["d4"]


@pytest.mark.parametrize("needed", ["unit1", "units", "uni"])
def test_depends_on(needed):
    """A head that another revision depends on, by id, label or beginning, has no row: it is no head, but proven."""
    graph = graph_of(
        {
            "a.py": revision("a1"),
            "b.py": revision("b2", "a1", depends_on=needed),
            "u.py": revision("unit1", branch_labels=("units",)),
        }
    )
    assert graph.heads == ["b2"]
    assert graph.descendants("unit1") == ["b2"]


def test_computed_labels():
    """A label that is computed matters where a revision depends on one."""
    files = {
        "a.py": revision("a1") + "branch_labels = (names.EXPAND,)\n",
        "b.py": revision("b2", "a1", depends_on="a1"),
    }
    assert graph_of(files).heads == ["b2"]
    with pytest.raises(ValueError, match=r"a\.py computes branch_labels"):
        graph_of(files | {"c.py": revision("c3", depends_on="expand")})


@pytest.mark.parametrize(
    ("text", "means"),
    [("heads", ["b2", "c3"]), ("b2", ["b2"]), ("a1", ["a1"]), ("a", ["a1"]), ("c", ["c3"])],
)
def test_resolves(text, means):
    """A revision is written as Alembic takes it."""
    graph = graph_of(
        {
            "a": "",
            ".#c.py": revision("d4", "c3"),
            "a.py": revision("a1"),
            "b.py": revision("b2", "a1"),
            "c.py": revision("c3", "a1"),
        }
    )
    assert graph.resolve(text) == means


def test_resolves_head():
    """`head` means the only one, and nothing where there are several."""
    line = {"a.py": revision("a1"), "b.py": revision("a2", "a1")}
    assert graph_of(line).resolve("head") == ["a2"]
    with pytest.raises(ValueError, match="has the heads a2, c3; write heads"):
        graph_of(line | {"c.py": revision("c3", "a1")}).resolve("head")
    with pytest.raises(ValueError, match="no file has it; write for example a2"):
        graph_of(line).resolve("zz")
    with pytest.raises(ValueError, match="it may be a1 or a2"):
        graph_of(line).resolve("a")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            [revision("a1"), revision("a1")],
            "0.py and 1.py are both revision a1; .* or name the folder of one environment",
        ),
        ([revision("b2", "a1")], "0.py follows a1, which no file has"),
        ([revision("a1", depends_on="zz")], "0.py follows zz, which no file has"),
        ([revision("a1", "b2"), revision("b2", "a1")], "in a circle"),
        (["revision = make()\ndown_revision = None"], "0.py computes revision"),
        (["revision = 'a'\ndown_revision = 'b' + x"], "0.py computes down_revision"),
        (["revision = 'a'\nif x:\n    down_revision = 'b'\nelse:\n    down_revision = 'c'"], "computes down_revision"),
        (["revision, down_revision = 'a', 'b'"], "0.py computes"),
        (["revision = 'a'\ndown_revision = None\ndown_revision += 'b'"], "computes down_revision"),
        (["down_revision = None"], "0.py has no revision"),
        (["revision = 5\ndown_revision = None"], "0.py has no revision"),
        (["revision = 'a'\ndown_revision = 5"], "0.py has 5 where names are to be"),
        (
            ["revision = 'a'\ndown_revision = (\n"],
            r"0.py is not Python as 3\.\d+ parses it .*; mend the file, or run gatekeeper with a newer",
        ),
    ],
)
def test_faults(files, says):
    """What Alembic would refuse, and what only running it would tell, is said and not guessed."""
    with pytest.raises(ValueError, match=says):
        graph_of({f"{index}.py": text for index, text in enumerate(files)})
