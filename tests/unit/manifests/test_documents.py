"""YAML text that means more than it says."""

from itertools import pairwise

import pytest

from gatekeeper.manifests import documents

NAMES = "abcdefghi"


def nested(template: str, count: int) -> str:
    """Return lines of which each has ten aliases of the one before."""
    lines = ["a: &a {x: 1}"]
    for before, name in pairwise(NAMES[:count]):
        lines.append(template.format(name=name, aliases=", ".join([f"*{before}"] * 10)))
    return "\n".join(lines)


@pytest.mark.parametrize("read", [documents.load, documents.load_all])
@pytest.mark.parametrize(
    "text",
    [
        nested("{name}: &{name} [{aliases}]", 9),
        nested("{name}: &{name} {{<<: [{aliases}]}}", 9),
        "&a [*a]",
        "a: &a {b: {<<: *a}}",
        "a: &a\n  ? [*a]\n  : 1",
    ],
    ids=["lists", "merged", "in itself", "merged into itself", "a key"],
)
def test_aliases_of_aliases(read, text):
    """What a few lines make into billions of values is not made."""
    with pytest.raises(ValueError, match="its aliases make more than 1000000 values of it"):
        read(text)


@pytest.mark.parametrize("template", ["{name}: &{name} [{aliases}]", "{name}: &{name} {{<<: [{aliases}]}}"])
def test_few_aliases(template):
    """What people write with aliases is read."""
    text = nested(template, 4)
    [(_, found)] = documents.load_all(text)
    assert found == documents.load(text)
    assert list(found) == ["a", "b", "c", "d"]


def test_many_values_without_aliases(monkeypatch):
    """A document that is as large as it looks is none too large."""
    monkeypatch.setattr(documents, "MOST_VALUES", 10)
    assert documents.load(str(list(range(100)))) == list(range(100))


def test_text_that_is_no_number():
    """What kubectl reads as text is text, though YAML 1.1 has numbers to the base of 60, and dates."""
    [(_, found)] = documents.load_all("[1:30, 8080:80, 1:1.5, 2001-01-01, =, 010, 1_000, 0x1f, 1e3]")
    assert found[:5] == ["1:30", "8080:80", "1:1.5", "2001-01-01", "="]
    assert found[5:8] == [8, 1000, 31]


@pytest.mark.parametrize("text", ["[{}]", "a: [{}]\n---\nb: [{}]", "- [{}]"])
def test_values_of_a_stream(monkeypatch, text):
    """A stream of more values than are read is refused, and one of as many is read."""
    monkeypatch.setattr(documents, "MOST_WRITTEN", 100)
    with pytest.raises(ValueError, match="it has more than 100 values"):
        documents.load_all(text.format(", ".join("x" * 120), "y, z"))
    assert documents.load_all(text.format(", ".join("x" * 80), "y, z"))
