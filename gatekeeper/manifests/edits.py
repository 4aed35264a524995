"""Change what one document of a YAML text means, and leave every byte alone that need not change.

The difference of two meanings becomes edits at the places that `documents` tells: an entry that is new is written after
the last one, in the style around it, in a block with its indentation, between brackets on one line. No emitter writes
anything anew. What comes out is parsed and compared, so that an edit either means what was wanted or is refused.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gatekeeper.gate.output import one_line
from gatekeeper.manifests import documents, rbac
from gatekeeper.manifests.documents import Kind, Node

Where = tuple[int | str, ...]
"""The number of a document, then keys and numbers that lead to a part of it."""
MARK = "# gatekeeper: "


class Unchangeable(ValueError):
    """A part of a document cannot be changed in place; the text says why, in one clause."""

    def __init__(self, why: str, where: Where) -> None:
        super().__init__(why)
        self.where = where


def rewrite(text: str, changes: Sequence[tuple[Where, Any]]) -> str:
    """Return the text with other parts in its documents. Raises Unchangeable, and TooLarge."""
    before = [content for _, content in documents.load_all(text)]
    meant = before
    for where, part in changes:
        meant = _with(meant, where, part)
    touched = {int(where[0]): where for where, _ in changes}
    numbers = {each: where for each, where in touched.items() if not _same(meant[each], before[each], set())}
    if not numbers:
        return text
    nodes = documents.compose(text, numbers)
    lines = _Lines(text)
    wanted: list[tuple[int, int, str]] = []
    for number, where in sorted(numbers.items()):
        try:
            wanted += _Rewriting(text, lines, nodes[number]).edits(before[number], meant[number])
        except (ValueError, RecursionError) as fault:
            raise Unchangeable(documents.clause(fault), where) from fault
    changed = _edited(text, wanted)
    try:
        found = [content for _, content in documents.load_all(changed)]
    except documents.TooLarge:
        raise
    except ValueError as fault:
        raise Unchangeable(f"its anchors or its layout leave no place for the change: {fault}", where) from fault
    for number, each in numbers.items():
        if len(found) != len(meant) or not _same(found[number], meant[number], set()):
            raise Unchangeable("its anchors or its layout leave no place for the change", each)
    return changed


def _edited(text: str, wanted: Iterable[tuple[int, int, str]]) -> str:
    pieces, at = [], 0
    # Stable: of two insertions in one place, the inner one was made first, and comes first.
    for start, end, new in sorted(wanted, key=lambda edit: edit[0]):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


Told = tuple[Where, Sequence[str], bool]
"""An item of a list, what is to be said of it, and whether to say so where nothing is said yet."""


def comment(text: str, told: Sequence[Told]) -> tuple[str, list[str]]:
    """Return the text with comments above items of lists, and what found no place, as in JSON.

    They take the place of gatekeeper's comments that are there. What is in brackets is told of above these.
    """
    said = [line for _, lines, always in told if always for line in lines]
    if not said and MARK not in text:
        return text, []
    nodes, newline = documents.compose(text, {int(where[0]) for where, _, _ in told}), _newline(text)
    starts, wanted = _Lines(text), []
    untold: list[str] = []
    for where, lines, always in told:
        place = _place(text, starts, nodes[int(where[0])], where[1:])
        if place is None:
            untold += lines if always else []
            continue
        indent, start = place
        above = start
        while (line := starts.of(above - 1)) < above and text[line:above].strip().startswith(MARK):
            above = line
        if always or above < start:
            new = "".join(f"{indent}{MARK}{one_line(each)}{newline}" for each in lines)
            wanted.append((above, start, new))
    changed = _edited(text, wanted)
    before, after = ([content for _, content in documents.load_all(each)] for each in (text, changed))
    return (changed, untold) if _same(before, after, set()) else (text, said)


def _place(text: str, lines: "_Lines", node: Node, where: Where) -> tuple[str, int] | None:
    """Return indent and start of the line of an item's dash, or of the key before the brackets that it is in."""
    named: Node | None = None
    dash = r"( *)- +"
    for key in where:
        if node.flow:
            dash = r"( *)(?:- +)?"
            break
        if isinstance(key, int):
            below = [(item, item) for item in node.items[key : key + 1]]
        else:
            below = [entry for entry in node.entries if entry[0].text == key][:1]
        if not below:
            return None
        named, node = below[0]
    if named is None:
        return None
    start = lines.of(named.start)
    found = re.fullmatch(dash, text[start : named.start])
    return (found[1], start) if found else None


class _Lines:
    """Where the lines of a text begin, which is looked up for each part of it."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]

    def of(self, at: int) -> int:
        """Return where the line begins that has this place in it."""
        return self._starts[max(bisect_right(self._starts, at) - 1, 0)]


def _with(content: Any, where: Where, part: Any) -> Any:
    """Return plain objects with another part in them, and leave these as they are."""
    if not where:
        return part
    changed = content.copy()
    changed[where[0]] = _with(content[where[0]], where[1:], part)
    return changed


def _same(one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
    """Return whether two plain objects mean the same, be it 1 and not true; what aliases share is compared once."""
    if one is other or (id(one), id(other)) in seen:
        return True
    if type(one) is not type(other):
        return False
    seen.add((id(one), id(other)))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key], seen) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(_same(*pair, seen) for pair in zip(one, other, strict=True))
    return repr(one) == repr(other)


def _same_until(before: Sequence[Any], after: Sequence[Any]) -> int:
    """Return how many items of a list stand before what is new in a longer one, at least one."""
    if len(before) == len(after) or before == after[: len(before)]:
        return len(before)
    at = len(before)
    while at > 1 and before[at - 1] == after[at - 1 - len(before)]:
        at -= 1
    return at


def append(text: str, addition: str) -> str:
    """Return the text with more documents after its last one."""
    if not addition:
        return text
    newline = _newline(text)
    separator = "" if text.endswith(("\n", "\r")) else newline
    return text + separator + f"---\n{addition}".replace("\n", newline)


def is_json(text: str) -> bool:
    """Return whether a text is JSON rather than YAML, as kubectl tells them apart."""
    return text.removeprefix("\ufeff").lstrip().startswith("{")


_LINE_END = re.compile(r"[^\r\n]*(\r\n|\r|\n|\Z)")
_COMMENT = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*( *)#[^\r\n]*(?:\r\n|\r|\n|\Z)")
_LINE_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_PROPERTIES = re.compile(r"(?:[&!][^\s]*|\s|#[^\r\n]*)*")
"""Before the first dash of a list: its anchor, its tag, comments."""


def _newline(text: str) -> str:
    found = _LINE_END.match(text)
    return (found[1] if found else "") or "\n"


class _Rewriting:
    """The edits of one document."""

    def __init__(self, text: str, lines: _Lines, root: Node) -> None:
        self._text = text
        self._lines = lines
        self._root = root
        self._newline = _newline(text)
        self._aliases = {node.anchor for node in root.walk() if node.kind is Kind.ALIAS}
        self._indent, self._dash = self._style()
        self._edits: list[tuple[int, int, str]] = []

    def edits(self, before: Any, after: Any) -> list[tuple[int, int, str]]:
        """Return what is to be where in the whole text."""
        self._change(self._root, before, after, self._column(self._root), within_flow=False)
        return self._edits

    def _change(self, node: Node, before: Any, after: Any, column: int, *, within_flow: bool) -> None:
        """Make the edits of a part; the column is that of its key, or of its dash."""
        if before == after:
            return
        if node.kind is Kind.ALIAS or node.anchor in self._aliases:
            raise ValueError(f"the anchor &{node.anchor} shares what is to be changed with other parts")
        within = within_flow or node.flow
        if isinstance(before, dict) and isinstance(after, dict) and before and before.keys() <= after.keys():
            for key in before:
                if before[key] != after[key]:
                    name, value = self._entry(node, key)
                    self._change(value, before[key], after[key], self._column(name), within_flow=within)
            new = {key: after[key] for key in after if key not in before}
            self._add_entries(node, new, within_flow=within)
        elif isinstance(before, list) and isinstance(after, list) and 0 < len(before) <= len(after):
            dash = 0 if node.flow else self._dash_column(node)
            # What is new stands before the items at the end that are the same.
            at = _same_until(before, after)
            for item, was, is_ in zip(node.items, before[:at], after, strict=False):
                self._change(item, was, is_, dash, within_flow=within)
            self._add_items(node, at, after[at : len(after) - (len(before) - at)], within_flow=within)
        else:
            self._replace(node, after, column, within_flow=within_flow)

    def _entry(self, node: Node, key: str) -> tuple[Node, Node]:
        found = [entry for entry in node.entries if entry[0].kind is Kind.SCALAR and entry[0].text == key]
        if len(found) != 1:
            raise ValueError(f"{key} is there twice" if found else f"{key} comes by a merge key (<<)")
        return found[0]

    # What is new.

    def _add_entries(self, node: Node, new: Mapping[str, Any], *, within_flow: bool) -> None:
        if not new:
            return
        if within_flow:
            name, value = node.entries[-1]
            self._add_in_flow(node, name.start, value.end, [self._inline({key: new[key]})[1:-1] for key in new])
        else:
            column = self._column(node.entries[0][0])
            self._add_lines(node.end, column, rbac.block(new, self._indent, self._dash))

    def _add_items(self, node: Node, at: int, new: list[Any], *, within_flow: bool) -> None:
        """Insert items before the one of a number, or after the last one."""
        if not new:
            return
        last = node.items[at - 1]
        if within_flow:
            self._add_in_flow(node, last.start, last.end, map(self._inline, new))
        else:
            lines = [line for item in new for line in rbac.item_lines(item, self._indent, self._dash)]
            self._add_lines(node.end if last is node.items[-1] else last.end, self._dash_column(node), lines)

    def _add_in_flow(self, node: Node, start: int, end: int, new: Iterable[str]) -> None:
        """Insert between brackets after the last entry, on a line for each if that one has its own."""
        line = self._line_start(start)
        lead = self._text[line:start]
        separator = f"{self._newline}{lead}" if not lead.strip() and line > node.start else " "
        self._edits.append((end, end, "".join(f",{separator}{each}" for each in new)))

    def _add_lines(self, end: int, column: int, lines: Iterable[str]) -> None:
        """Insert lines after the one in which something ends, and after the comments that belong to it."""
        at = end if end > 0 and self._text[end - 1] in "\r\n" else self._line_end(end)
        while (found := _COMMENT.match(self._text, at)) and len(found[1]) > column:
            at = found.end()
        new = self._newline.join(" " * column + line for line in lines)
        is_ended = at == 0 or self._text[at - 1] in "\r\n"
        self._edits.append((at, at, new + self._newline if is_ended else self._newline + new))

    # What is there, and changes.

    def _replace(self, node: Node, after: Any, column: int, *, within_flow: bool) -> None:
        parts = after if isinstance(after, list) else [after]
        holds_objects = any(isinstance(each, Mapping) for each in parts)
        # A block scalar ends where the next line begins.
        start, end = node.start, node.start + len(self._text[node.start : node.end].rstrip(" \r\n"))
        if within_flow or (node.entries and node.flow) or (node.items and node.flow):
            self._edits.append((start, end, self._inline(after)))
        elif node.kind is Kind.MAP and not node.flow and isinstance(after, Mapping):
            comment = _LINE_COMMENT.match(self._text, end)
            lines = list(rbac.block(after, self._indent, self._dash))
            self._edits.append((start, comment.end() if comment else end, self._joined(lines, self._column(node))))
        elif node.kind is Kind.LIST and not node.flow and isinstance(after, list):
            lines = [line for item in after for line in rbac.item_lines(item, self._indent, self._dash)]
            self._edits.append((self._dash_start(node), end, self._joined(lines, self._dash_column(node))))
        elif holds_objects:
            lines = list(rbac.block({"": after}, self._indent, self._dash))[1:]
            if not self._text[end : self._line_end(end)].strip():
                start = len(self._text[:start].rstrip(" "))
            self._edits.append((start, end, ""))
            self._add_lines(end, column, lines)
        else:
            space = "" if self._text[start - 1 : start].isspace() else " "
            self._edits.append((start, end, space + rbac.flow(after)))

    def _joined(self, lines: Iterable[str], column: int) -> str:
        return f"{self._newline}{' ' * column}".join(lines)

    def _inline(self, value: Any) -> str:
        """Return a value as it stands between brackets: in a document that is JSON, as JSON."""
        return json.dumps(value, ensure_ascii=False) if self._root.flow else rbac.flow(value)

    # Where things are.

    def _line_start(self, at: int) -> int:
        return self._lines.of(at)

    def _line_end(self, at: int) -> int:
        found = _LINE_END.match(self._text, at)
        return found.end() if found else at

    def _column(self, node: Node) -> int:
        line = self._text[self._line_start(node.start) : node.start]
        return len(line.removeprefix("\ufeff"))

    def _dash_start(self, node: Node) -> int:
        found = _PROPERTIES.match(self._text, node.start)
        return found.end() if found else node.start

    def _dash_column(self, node: Node) -> int:
        at = self._dash_start(node)
        return at - self._line_start(at)

    def _style(self) -> tuple[str, str]:
        """Return the indents of the first map in a map, and of the first list in a map, as far as the document has."""
        indent = dash = "  "
        entries = [entry for node in self._root.walk() if not node.flow for entry in node.entries]
        blocks = [(key, value) for key, value in entries if not value.flow]
        for key, value in reversed(blocks):
            if value.kind is Kind.MAP:
                indent = " " * (self._column(value.entries[0][0]) - self._column(key))
            elif value.kind is Kind.LIST:
                dash = " " * (self._dash_column(value) - self._column(key))
        return indent, dash
