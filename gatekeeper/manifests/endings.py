"""How a shell script ends when one of its commands has failed: whether it may still tell success.

Pure. The text is followed, and never run: what a command of another kind comes to is open, and only what holds either
way is told. See https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_09
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gatekeeper.manifests.scripts import ENDS, KEYWORDS, LIFTED, Command, assignment

_Codes = dict[int, str]
"""0 for success and 1 for a fault, each with the word of what came to it; none where nothing goes on."""
_SUCCEED = frozenset({
    ":", "date", "declare", "echo", "exec", "export", "local", "printf", "readonly", "seq", "sleep", "trap", "true",
    "wait",
})  # fmt: skip
_FOREVER = (["sleep", "infinity"], ["sleep", "inf"], ["tail", "-f", "/dev/null"])
_OPERATORS = ("&&", "||", "|", "&")


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    parts: "tuple[_Node, ...]" = ()
    at: int = -1
    """The number of a simple command."""


MOST = 20
"""Waits of a script that are followed one by one; nobody writes as many."""


@dataclass(frozen=True, slots=True)
class Endings:
    """What becomes of a script by what its waits come to."""

    opens: Mapping[int, str] = field(default_factory=dict)
    """By the wait that fails while the others succeed, why the script ends with success."""
    absent: frozenset[int] = frozenset()
    """The waits that fail because there is no such Job, and the script ends with success."""
    never: frozenset[int] = frozenset()
    """The waits that stand in for others: they do not run where all succeed."""
    either: Sequence[tuple[set[int], set[int]]] = ()
    """Waits of which only the ones or the others run, as something else decides."""


def endings(
    shell: Sequence[str],
    commands: Sequence[Command],
    waits: Mapping[int, object],
    ended: Mapping[int, object] | None = None,
    looks: Mapping[int, tuple[object, int]] | None = None,
) -> Endings:
    """Follow a script, whose shell is told with its options. Commands of these numbers wait for what they say.

    Others succeed where that has ended badly, and of others it is known what they come to where it is not there.
    """
    try:
        tree, trap = _Parser(commands).sequence(()), _Parser(commands, is_trap=True).sequence(())
        best = _Run(shell, commands, (), waits)
        best.node(tree, tested=False)
        opens, skips = {}, set()
        for at in [*waits][:MOST]:
            same = [other for other, asked in waits.items() if asked == waits[at]]
            bad = [other for other, asked in (ended or {}).items() if asked == waits[at]]
            gone = {other: code for other, (asked, code) in (looks or {}).items() if asked == waits[at]}
            lost = [*same, *bad, *(other for other, code in gone.items() if code)]
            opens[at] = _opens(_Run(shell, commands, same, {*waits, *bad}), tree)
            if _opens(_Run(shell, commands, lost, {*waits, *bad, *gone}), tree):
                skips.add(at)
            if _trapped(commands, at) and "exec" not in commands[at].words:
                run = _Run(shell, commands, (), ())
                if not run.node(trap, tested=False) and [*run.exits] == [0]:
                    opens[at] = _why("trap")
                    skips.add(at)
    except (ValueError, RecursionError):
        return Endings()
    reached = [waits[at] for at in best.reached]
    never = frozenset(at for at in waits if waits[at] not in reached)
    return Endings(opens, frozenset(skips), never, best.either)


def _trapped(commands: Sequence[Command], at: int) -> bool:
    """Return whether what ends a script at a command is one trap, which nothing takes back."""
    traps = [
        number
        for number, command in enumerate(commands)
        if command.words[:1] == ("trap",) and not ENDS.isdisjoint(command.words[2:])
    ]
    return len(traps) == 1 and traps[0] < at


def _opens(run: "_Run", tree: "_Node") -> str:
    codes = run.node(tree, tested=False)
    ends = run.exits | codes
    return _why(ends[0]) if [*ends] == [0] else ""


def _why(word: str) -> str:
    known = {
        "if": "its if has nothing to do then, and that is success",
        "break": "break leaves its loop then, and nothing tells that from success",
        "loop": "its loop ends after its last try, and nothing tells that from success",
        "&": "it runs in the background, and nothing waits for it",
        "trap": "its trap ends it with exit 0, whatever came before",
        "wait": "wait without a process is a success, whatever those in the background came to",
    }
    return known.get(word, f"{word} follows, whatever the wait came to, and the script ends with that")


class _Parser:
    """Makes the tree of simple commands, whose keywords are their first words."""

    def __init__(self, commands: Sequence[Command], *, is_trap: bool = False) -> None:
        self._tokens: list[str | int] = []
        self._heads = 0
        for at, command in enumerate(commands):
            if ";;" in command.end:
                raise ValueError("what a case chooses is open")
            if not command.substituted and bool(command.trapped) is is_trap:
                self._add(at, command)
        self._tokens.reverse()

    def _add(self, at: int, command: Command) -> None:
        words = list(command.words)
        while words and words[0] in KEYWORDS | {"done", "fi", "}"}:
            self._heads += words[0] in {"for", "until", "while"}
            # Where a loop's words are told, its first command is there for each of them.
            if words[0] != "do" or self._heads:
                self._tokens.append(words[0])
            self._heads -= words[0] == "do" and self._heads > 0
            words = [] if words[0] == "for" else words[1:]
        end = command.end.strip("() \n")
        operator = next((each for each in _OPERATORS if each in end), ";")
        self._tokens += [*([at] if words else []), operator]

    def _next(self) -> str | int:
        while self._tokens and self._tokens[-1] == ";":
            self._tokens.pop()
        return self._tokens[-1] if self._tokens else ""

    def _take(self, *wanted: str) -> str:
        word = self._next()
        if word not in wanted:
            raise ValueError("no shell reads this")
        self._tokens.pop()
        return str(word)

    def _taken(self, operator: str) -> bool:
        found = self._tokens[-1:] == [operator]
        if found:
            self._tokens.pop()
        return found

    def sequence(self, until: Collection[str]) -> _Node:
        """Read to one of these keywords, or to the end."""
        found = []
        while (word := self._next()) != "" and word not in until:
            found.append(self._list())
        return _Node("sequence", tuple(found))

    def _list(self) -> _Node:
        found = self._pipeline()
        while True:
            if self._taken("&&"):
                found = _Node("and", (found, self._pipeline()))
            elif self._taken("||"):
                found = _Node("or", (found, self._pipeline()))
            elif self._taken("&"):
                return _Node("background", (found,))
            else:
                return found

    def _pipeline(self) -> _Node:
        if self._next() == "!":
            self._take("!")
            return _Node("not", (self._pipeline(),))
        found = [self._command()]
        while self._taken("|"):
            found.append(self._command())
        return _Node("pipe", tuple(found)) if len(found) > 1 else found[0]

    def _command(self) -> _Node:
        word = self._next()
        if isinstance(word, int):
            self._tokens.pop()
            return _Node("simple", at=word)
        self._take("if", "while", "until", "for", "{")
        if word == "if":
            return self._if()
        if word == "{":
            return self._closed("}")
        head = _Node("sequence") if word == "for" else self.sequence(("do",))
        self._take("do")
        return _Node(word, (head, self._closed("done")))

    def _if(self) -> _Node:
        test = self.sequence(("then",))
        self._take("then")
        then = self.sequence(("elif", "else", "fi"))
        word = self._take("elif", "else", "fi")
        if word == "fi":
            return _Node("if", (test, then))
        return _Node("if", (test, then, self._if() if word == "elif" else self._closed("fi")))

    def _closed(self, keyword: str) -> _Node:
        found = self.sequence((keyword,))
        self._take(keyword)
        return found


class _Run:
    """Follows a tree through all of its ways."""

    def __init__(
        self, shell: Sequence[str], commands: Sequence[Command], failed: Collection[int], waits: Collection[int]
    ) -> None:
        self._commands, self._failed, self._waits = commands, failed, waits
        self._stops, self._whole_pipe = _options(shell[1:-1], "-")
        self._loops = 0
        self._breaks: _Codes = {}
        """What the innermost loop comes to where it is left."""
        self.exits: _Codes = {}
        self.reached: set[int] = set()
        self.either: list[tuple[set[int], set[int]]] = []

    def node(self, node: _Node, *, tested: bool) -> _Codes:
        """Return what a part of it comes to; where that is tested, a fault ends nothing."""
        parts = node.parts
        match node.kind:
            case "sequence":
                codes: _Codes = {0: "{"}
                for each in parts:
                    codes = self.node(each, tested=tested) if codes else codes
                return codes
            case "and" | "or":
                left, (goes_on, stays) = self.node(parts[0], tested=True), (0, 1) if node.kind == "and" else (1, 0)
                right = self.node(parts[1], tested=tested) if goes_on in left else {}
                return {code: word for code, word in left.items() if code == stays} | right
            case "not":
                return {1 - code: word for code, word in self.node(parts[0], tested=True).items()}
            case "background":
                kept = dict(self.exits)
                self.node(parts[0], tested=True)
                self.exits = kept
                return {0: "&"}
            case "pipe":
                return self._checked(self._pipe(parts), tested=tested)
            case "if":
                return self._if(parts, tested=tested)
            case "simple":
                return self._simple(node.at, tested=tested)
            case _:
                return self._loop(node, tested=tested)

    def _checked(self, codes: _Codes, *, tested: bool) -> _Codes:
        if self._stops and not tested and 1 in codes:
            self.exits[1] = codes.pop(1)
        return codes

    def _pipe(self, parts: Sequence[_Node]) -> _Codes:
        kept = dict(self.exits)
        found = [self.node(each, tested=True) for each in parts]
        self.exits = kept
        failed = any([*each] == [1] for each in found[:-1])
        # What looks through an answer finds nothing in that of a wait that has failed.
        return {1: "|"} if failed and (self._whole_pipe or 1 in found[-1]) else found[-1]

    def _if(self, parts: Sequence[_Node], *, tested: bool) -> _Codes:
        test = self.node(parts[0], tested=True)
        kept, ways = self.reached, (set[int](), set[int]())
        self.reached = ways[0]
        codes = self.node(parts[1], tested=tested) if 0 in test else {}
        self.reached = ways[1]
        if 1 in test:
            codes = codes | (self.node(parts[2], tested=tested) if parts[2:] else {0: "if"})
        self.reached = kept | ways[0] | ways[1]
        self.either += [ways] if all(ways) else []
        return codes

    def _loop(self, node: _Node, *, tested: bool) -> _Codes:
        outer, self._breaks = self._breaks, {}
        self._loops += 1
        head, body = node.parts
        test = self.node(head, tested=True)
        goes_on, ends = (1, 0) if node.kind == "until" else (0, 1)
        codes = self.node(body, tested=tested) if goes_on in test else {}
        if node.kind != "for" and ends not in test:
            codes = {}
        elif node.kind != "for":
            codes = codes | {0: "loop"}
        codes = dict.fromkeys(self._breaks, "break") | dict.fromkeys(codes, "loop")
        self._breaks = outer
        self._loops -= 1
        return codes

    def _simple(self, at: int, *, tested: bool) -> _Codes:
        words = [word for word in self._commands[at].words if word not in KEYWORDS]
        # Alone it opens files for what follows.
        is_last = words[:1] == ["exec"] and len(words) > 1
        words = words[is_last:]
        name, rest = (words[0], words[1:]) if words else ("", [])
        if at in self._waits:
            self.reached.add(at)
            codes = {int(at in self._failed): name}
        elif name == "exit":
            codes, is_last = _told(rest), True
        elif name == "break" or (name == "return" and self._loops):
            self._breaks |= _told(rest) if name == "return" else {0: name}
            return {}
        elif name == "return":
            # Where a function ends, what has called it goes on.
            codes = _told(rest)
        elif name == "set":
            codes = {0: name}
            self._stops = _options(rest, "-")[0] or (self._stops and not _options(rest, "+")[0])
            self._whole_pipe = _options(rest, "-")[1] or (self._whole_pipe and not _options(rest, "+")[1])
        elif name == "false":
            codes = {1: name}
        elif words in _FOREVER:
            codes = {}
        elif (name in _SUCCEED and not (name == "wait" and rest)) or all(map(assignment, words)):
            codes = {0: name} if LIFTED not in "".join(words) or name in _SUCCEED else {0: name, 1: name}
        else:
            codes = {0: name, 1: name}
        codes = self._checked(codes, tested=tested)
        if is_last:
            self.exits |= codes
            return {}
        return codes


def _told(rest: Sequence[str]) -> _Codes:
    """Return what `exit` tells; the code of what was before is open."""
    if rest and rest[0].isdecimal():
        return {int(rest[0] != "0"): "exit 0"}
    return {0: "exit", 1: "exit"}


def _options(words: Sequence[str], sign: str) -> tuple[bool, bool]:
    """Return whether words set, or with a plus unset, -e and pipefail."""
    stops = any(re.fullmatch(rf"{re.escape(sign)}[a-z]*e[a-z]*", word) for word in words)
    named = {name for option, name in pairwise(words) if re.fullmatch(rf"\{sign}[a-z]*o", option)}
    return stops or "errexit" in named, "pipefail" in named
