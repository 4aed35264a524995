"""YAML text as plain objects: maps, lists, text, numbers; and where in the text each of them is. Only importer of yaml.

Nothing is judged here, and no tag makes an object of another kind. What cannot be read is a ValueError, in one clause,
and so are aliases that make more of a document than any reader of it could hold.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import accumulate, islice, pairwise
from typing import Any

import yaml

_FAULTS = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML raises, also where it stumbles over what a tag says of a text: `!!int` of nothing, `!!timestamp x`."""
MOST_VALUES = 1_000_000
"""Of one document, each alias counted as what it stands for."""
MOST_WRITTEN = 2_000_000
"""Of one stream, as they are written: 10 MB of what people and programs print have half as many."""
_NOT_OF_JSON = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


def _without_sixties(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern of numbers that does not take 1:30 for ninety."""
    return re.compile(f"(?![^:]*:){pattern.pattern}", pattern.flags)


class _DeepManifests(yaml.SafeLoader):
    """Reads as Kubernetes does, which makes JSON of its YAML: text is also a date, 1:30, and a lone equals sign."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - yaml's own way
        first: [
            (tag, _without_sixties(pattern) if tag.endswith((":int", ":float")) else pattern)
            for tag, pattern in resolvers
            if tag not in _NOT_OF_JSON
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_DEEP = 100
"""Levels of lists and maps in each other that libyaml is given: it sees no end of its stack."""
_DEEPEST = 300
"""Levels that Python's own reader is given, which takes long for more, and then stops at them."""
_INDENTED = re.compile(rf"(?m)^[ \-?:]{{{_DEEP // 2}}}")
"""Where blocks may be as deep: a list may stand as far to the right as the map that it is in."""
_Plain = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _unknown(loader: Any, _: str, node: Any) -> Any:
    """Return what a tag of one's own stands before, as kubectl does: a scalar is text."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value


_DeepManifests.add_multi_constructor("!", _unknown)


class _Manifests(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """The same, faster."""

    yaml_implicit_resolvers = _DeepManifests.yaml_implicit_resolvers
    yaml_multi_constructors = _DeepManifests.yaml_multi_constructors


def load(text: str) -> Any:
    """Return the one document of a text. Raises ValueError."""
    try:
        is_shallow = _is_shallow(text)
    except yaml.YAMLError:  # libyaml is fast, but refuses some of what others read
        is_shallow = False
    with suppress(*_FAULTS):
        if is_shallow:
            return _only(_Plain(text))
    try:
        return _only(yaml.SafeLoader(text))
    except _FAULTS as fault:
        raise ValueError(clause(fault)) from fault


Keep = Callable[[Iterable[tuple[str, Any]]], dict[str, Any]]
"""Of a map's keys and values, which are lists, maps and scalars of no type yet, those that are of use."""


def load_part(text: str, keep: Keep) -> Any:
    """Return what is kept of the one document of a text, from the inside out. Raises ValueError."""
    with suppress(*_FAULTS, _NotPlain):
        loader = _Plain(text)
        try:
            return _typed(loader, _kept(loader, keep))
        finally:
            loader.dispose()
    return load(text)


class _NotPlain(Exception):
    """There is more to a document than scalars in lists and maps: only the whole of it tells what it says."""


def _kept(loader: Any, keep: Keep) -> Any:
    """Return lists, maps with text for keys, and the events of scalars."""
    whole: list[Any] = []
    open_, documents = [whole], 0
    while (event := loader.get_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            open_[-1].append(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.tag or len(open_) > _DEEP:
                raise _NotPlain
            open_.append([])
        elif kind is yaml.MappingEndEvent:
            values = open_.pop()
            open_[-1].append(keep(zip(map(_name, values[::2]), values[1::2], strict=True)))
        elif kind is yaml.SequenceEndEvent:
            values = open_.pop()
            open_[-1].append(values)
        elif kind is yaml.AliasEvent:
            raise _NotPlain
        else:
            documents += kind is yaml.DocumentStartEvent
    if documents != 1:
        raise _NotPlain
    return whole[0]


def _name(event: Any) -> str:
    """Return a key of a map."""
    if type(event) is not yaml.ScalarEvent or event.value == "<<":
        raise _NotPlain
    return str(event.value)


def _typed(loader: Any, kept: Any) -> Any:
    """Return it with scalars as what they are."""
    if isinstance(kept, dict):
        return {name: _typed(loader, value) for name, value in kept.items()}
    if isinstance(kept, list):
        return [_typed(loader, value) for value in kept]
    tag = kept.tag or loader.resolve(yaml.ScalarNode, kept.value, kept.implicit)
    return loader.construct_document(yaml.ScalarNode(tag, kept.value, kept.start_mark, kept.end_mark))


def _only(loader: Any) -> Any:
    try:
        node = loader.get_single_node()
        return None if node is None else loader.construct_document(_counted(node))
    finally:
        loader.dispose()


def _is_shallow(text: str) -> bool:
    if text.count("[") + text.count("{") < _DEEP and not _INDENTED.search(text):
        return True
    depth = deepest = 0
    for event in yaml.parse(text, Loader=_Plain):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        deepest = max(depth, deepest)
        if depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
    return deepest <= _DEEP


@lru_cache(maxsize=2)
def load_all(text: str) -> list[tuple[int, Any]]:
    """Return each document of a Kubernetes stream, and the line at which it begins. Raises ValueError.

    A stream is YAML, or JSON objects one after another. It is read once for all who ask: nobody changes what is told.
    """
    objects = _json_objects(text)
    if objects:
        starts = [start for start, _, _ in objects]
        lines = accumulate(text.count("\n", start, end) for start, end in pairwise([0, *starts]))
        return [(line + 1, each) for line, (_, _, each) in zip(lines, objects, strict=True)]
    found = []
    try:
        _judge_size(text)
        loader: Any = _Manifests(text) if _is_shallow(text) else _DeepManifests(text)
    except TooLarge:
        raise
    except _FAULTS as fault:
        raise ValueError(clause(fault)) from fault
    try:
        while loader.check_node():
            node = loader.get_node()
            found.append((node.start_mark.line + 1, loader.construct_document(_counted(node))))
    except _FAULTS as fault:
        raise ValueError(clause(fault)) from fault
    finally:
        loader.dispose()
    return found


class TooLarge(ValueError):
    """A text has more values than are read."""


def _judge_size(text: str) -> None:
    """Raise TooLarge for more values than are read, without making any of them."""
    if sum(map(text.count, ",:\n")) > MOST_WRITTEN:  # each value has one of these before it, or nothing
        written = (event for event in yaml.parse(text, Loader=_Plain) if isinstance(event, yaml.NodeEvent))
        if next(islice(written, MOST_WRITTEN, None), None):
            raise TooLarge(f"it has more than {MOST_WRITTEN} values")


def _counted(root: Any) -> Any:
    """Return a document that is not too large. Raises ValueError.

    Aliases of aliases make a word of a few lines into billions, where merged (`<<`) while it is read, else later.
    """
    counts: dict[int, float] = {}

    def count(node: Any) -> float:
        if id(node) not in counts:
            counts[id(node)] = math.inf  # of what is part of itself
            within = () if isinstance(node, yaml.ScalarNode) else node.value
            pairs = within if isinstance(node, yaml.MappingNode) else ((each,) for each in within)
            counts[id(node)] = 1 + sum(count(each) for pair in pairs for each in pair)
        return counts[id(node)]

    if count(root) > max(MOST_VALUES, 2 * len(counts)):  # many that are written out are none too many
        raise ValueError(f"its aliases make more than {MOST_VALUES} values of it")
    return root


def _json_objects(text: str) -> list[tuple[int, int, Any]]:
    """Return where each of several JSON objects begins and ends, and the object; none where there are not several."""
    decoder, found = json.JSONDecoder(), []
    at = _blank(text, len(text) - len(text.removeprefix(_BOM)))
    try:
        while text[at : at + 1] == "{":
            content, end = decoder.raw_decode(text, at)
            found.append((at, end, content))
            at = _blank(text, end)
    except (ValueError, RecursionError):
        return []
    return found if at == len(text) and len(found) > 1 else []


def _blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


_BLANK = re.compile(r"[ \t\r\n]*")


class Kind(Enum):
    """What a part of a document is."""

    MAP = "a map"
    LIST = "a list"
    SCALAR = "a scalar"
    ALIAS = "an alias"


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a document, by where its text is."""

    kind: Kind
    start: int
    """Where its text begins, with its anchor and tag."""
    end: int
    """Where it ends; that of a block is where its last part ends, before the line's end."""
    flow: bool = False
    """Whether it is a map or list in brackets."""
    anchor: str = ""
    """Its own, or the one that an alias names."""
    text: str = ""
    """Of a scalar, without quotes."""
    entries: "tuple[tuple[Node, Node], ...]" = ()
    items: "tuple[Node, ...]" = ()

    def walk(self) -> "Iterator[Node]":
        """Yield this part, then those within it."""
        yield self
        for each in (*(part for entry in self.entries for part in entry), *self.items):
            yield from each.walk()


def compose(text: str, numbers: Collection[int]) -> dict[int, Node]:
    """Return the roots of documents by their numbers among those that `load_all` returns. Raises ValueError."""
    objects = _json_objects(text)
    if objects:
        those = [(number, *objects[number][:2]) for number in sorted(numbers)]
        return {number: _roots(text[start:end], start, {0})[0] for number, start, end in those}
    skipped = len(text) - len(text.removeprefix(_BOM))
    return _roots(text[skipped:], skipped, numbers)


def _roots(text: str, skipped: int, numbers: Collection[int]) -> dict[int, Node]:
    events = iter(yaml.parse(text, Loader=_Manifests))
    starts = (event for event in events if isinstance(event, yaml.DocumentStartEvent))
    try:
        return {number: _compose(next(events), events, skipped) for number, _ in enumerate(starts) if number in numbers}
    except (yaml.YAMLError, RecursionError) as fault:
        raise ValueError(clause(fault)) from fault


_BOM = "\ufeff"
"""At the head of a text, which libyaml skips without counting it."""


def _compose(event: Any, events: Iterator[Any], skipped: int) -> Node:
    """Return what begins with an event."""
    start, end, anchor = event.start_mark.index + skipped, _end(event, skipped), event.anchor or ""
    if isinstance(event, yaml.AliasEvent):
        return Node(Kind.ALIAS, start, end, anchor=anchor)
    if isinstance(event, yaml.ScalarEvent):
        return Node(Kind.SCALAR, start, end, anchor=anchor, text=event.value)
    within = []
    while not isinstance(closing := next(events), yaml.CollectionEndEvent):
        within.append(_compose(closing, events, skipped))
    flow = bool(event.flow_style)
    end = _end(closing, skipped) if flow or not within else within[-1].end
    if isinstance(event, yaml.MappingStartEvent):
        entries = tuple(zip(within[::2], within[1::2], strict=True))
        return Node(Kind.MAP, start, end, flow, anchor, entries=entries)
    return Node(Kind.LIST, start, end, flow, anchor, items=tuple(within))


def _end(event: Any, skipped: int) -> int:
    end: int = event.end_mark.index
    return end + skipped


def clause(fault: Exception) -> str:
    """Return in one clause why a document cannot be read."""
    return "it is nested too deeply" if isinstance(fault, RecursionError) else " ".join(str(fault).split())
