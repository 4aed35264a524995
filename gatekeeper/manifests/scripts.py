"""Shell scripts as the simple commands that they are made of, with what their text alone decides put into the words.

Text is read and never run. What is told of a variable is what one assignment, one list of a loop, or the arguments of
a function decide; everything else stays as it is, with its `$`.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from gatekeeper.manifests.peers import OWN_NAMESPACE

LENGTH = 100_000
"""Characters of a script that is read; one that is longer is said to be too long."""
_DEPTH = 12
"""Of substitutions within each other, of functions that call each other, and of loops that are gone through."""
_LOOPS_DEEP = 50
"""Of any loops, since each looks for its end."""
_COMMANDS = 5_000


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command of a script."""

    words: tuple[str, ...]
    loops: tuple[str, ...] = ()
    """The loops that it is in, by their keyword."""
    end: str = ""
    """What separates it from the next one."""
    substituted: bool = False
    """Whether it runs for what it prints."""
    trapped: str = ""
    """The signal whose trap runs it."""
    asked: "tuple[Command, ...]" = ()
    """The commands whose answers are among its words, as `LIFTED` or by a variable."""


KEYWORDS = frozenset({"!", "do", "elif", "else", "for", "if", "then", "until", "while", "{"})
ENDLESS = frozenset({"until", "while"})
_LOOPS = ENDLESS | {"for"}
_ASSIGNMENT = re.compile(r"(\w+)\+?=(.*)", re.ASCII | re.DOTALL)
_DECLARES = frozenset({"declare", "export", "local", "readonly"})
_ARITHMETIC = r"\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)"
_QUOTED = r"""'[^']*' | "(?:\\.|[^"\\])*" | \\."""
_GAPS = re.compile(
    rf"""(?P<gap> \\\n                                                      # a line that goes on
             | (?<![^\s;&|()]) \#[^\n]*                                  # a comment
             | \$?{_ARITHMETIC}
             | \[\?\([^()\n]*\)\]                                        # what jsonpath chooses by
             | (?:(?<!\S)\d+|&)? (?:>>|[<>]&|>\||[<>]) \s* [^\s;&|()<>]+  # a redirection
      ) | {_QUOTED}""",
    re.VERBOSE | re.DOTALL,
)
_ARRAY = re.compile(r"(?<![^\s;&|(])(\w+\+?)=\(([^()$`\"']*)\)", re.ASCII)
_ELEMENTS = re.compile(r"\$\{(\w+)\[[@*]\]\}", re.ASCII)
"""All of an array, which is a variable of several words here."""
_WRITES = re.compile(r"(?:\d+|&)?>[>|]?\s*([^\s&].*)")
_DOCUMENTS = re.compile(
    rf"""<<< [ \t]* (?P<text> '[^']*' | "[^"]*" | [^\s;&|()<>]+)
       | << (?P<tabs>-?) [ \t]* (?P<end> \\?\w+ | '\w+' | "\w+")
       | (?P<line> \n)
       | (?<![^\s;&|()]) \#[^\n]* | \$?{_ARITHMETIC} | {_QUOTED}""",
    re.VERBOSE | re.DOTALL,
)
_SHELL_IS_GIVEN = re.compile(r"(?:\A|[\s;&|(/])(?:ba|da|k|z)?sh(?:\s+-[a-z]+)*\s*\Z")
_PARENTHESES = re.compile(rf"{_QUOTED} | [()]", re.VERBOSE | re.DOTALL)
_SUBSTITUTIONS = re.compile(rf"\${_ARITHMETIC} | \$\( | ` | \\. | \" | '[^']*'", re.VERBOSE | re.DOTALL)
_SEPARATORS = ";&|()\n"
LIFTED = "$..."
"""What stands in a word where a command substitution was."""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""In `$(...)`, what the kubelet replaces by an environment variable's value before the shell runs."""
_USE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?[-=]([^{}$]*)|:?\?[^{}$]*)?\})", re.ASCII)
"""A variable, perhaps with what takes its place where it is empty, or with what is said then."""
ENDS = frozenset({"0", "EXIT"})
"""The signal that a script has at its own end."""
COUNT = "#"
"""How many words a script or a function is given, where that is known: `$1` and those after it."""
_GIVEN = ("$*", "$@")
_CHANGES = (("set", "--"), ("shift",))
_NAMESPACE_FILE = re.compile(r"\s*cat\s+(?:/var)?/run/secrets/kubernetes\.io/serviceaccount/namespace\s*")


def read(script: str, known: Mapping[str, str], loops: tuple[str, ...] = ()) -> list[Command]:
    """Return the simple commands of a script, before each those that are substituted in it. Raises ValueError."""
    if len(script) > LENGTH:
        raise ValueError(f"it has more than {LENGTH} characters")
    return _expanded(_plain(_commands(script, loops)), known)


def written(script: str) -> list[str]:
    """Return the files that a script writes; none of one that cannot be read."""
    try:
        text = _without_documents(script) if len(script) <= LENGTH else ""
    except ValueError:
        return []
    gaps = (found["gap"] for found in _GAPS.finditer(text) if found["gap"])
    return [found[1] for gap in gaps if (found := _WRITES.fullmatch(gap))]


def assignment(word: str) -> bool:
    """Return whether a word sets a variable."""
    return bool(_ASSIGNMENT.fullmatch(word))


def _commands(script: str, loops: tuple[str, ...] = (), depth: int = 0) -> Iterator[Command]:
    if depth > _DEPTH:
        raise ValueError("its substitutions are nested too deeply")
    gapless = _GAPS.sub(lambda found: " " if found["gap"] else found[0], _without_documents(script))
    text, substituted = _lift(_ELEMENTS.sub(r"$\1", _ARRAY.sub(r'\1="\2"', gapless)))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    end = ""
    stack = list(loops)
    for token in [*lexer, "\n", ""]:
        if token and not token.strip(_SEPARATORS):
            end += token
            continue
        if end and words:
            stack += _opened(words)
            if len(stack) > _LOOPS_DEEP:
                raise ValueError("its loops are nested too deeply")
            for _ in range(min("".join(words).count(LIFTED), len(substituted))):
                for inner in _commands(substituted.pop(0), tuple(stack), depth + 1):
                    yield replace(inner, substituted=True)
            yield Command(tuple(words), tuple(stack), end)
            if words[0] == "done" and stack:
                stack.pop()
        if end:
            words, end = [], ""
        words.append(token)


def _without_documents(script: str) -> str:
    """Return a script without the texts that its commands read; one that a shell reads is the script of that."""
    pieces: list[str] = []
    waiting: list[tuple[int, re.Match[str]]] = []
    at = 0
    while found := _DOCUMENTS.search(script, at):
        pieces.append(script[at : found.start()])
        at = found.end()
        if found["text"] is not None:
            text = found["text"]
            pieces.append(_given(pieces[-1], text.strip("'\""), is_literal="'" in text[:1]))
        elif found["end"]:
            waiting.append((len(pieces), found))
            pieces.append(" ")
        else:
            pieces.append(found[0])
        for place, each in waiting if found["line"] else ():
            body, at = _document(script, at, each)
            pieces[place] = _given(pieces[place - 1], body, is_literal=not each["end"].isidentifier())
        waiting = [] if found["line"] else waiting
    return "".join([*pieces, script[at:]])


def _document(script: str, start: int, found: re.Match[str]) -> tuple[str, int]:
    """Return a here-document that begins with a line, and where its last line ends."""
    word = re.escape(re.sub(r"\W", "", found["end"]))
    tabs = r"\t*" if found["tabs"] else ""
    closed = re.compile(rf"^{tabs}{word}$", re.MULTILINE).search(script, start)
    body = script[start : closed.start() if closed else len(script)]
    return re.sub(rf"(?m)^{tabs}", "", body), closed.end() if closed else len(script)


def _given(before: str, text: str, *, is_literal: bool) -> str:
    """Return what stands for a text that a command reads; the shell itself would put variables into it."""
    is_script = bool(_SHELL_IS_GIVEN.search(before))
    if not is_literal and re.search(r"[$`\\]" if is_script else r"\$\(|`", text):
        raise ValueError("a text that it gives to a command is put together in the pod")
    return f" -c {shlex.quote(text)} " if is_script else " "


def _opened(words: Sequence[str]) -> list[str]:
    """Return the loops that begin with a command: among its keywords, the last of which may be `for`."""
    keywords = list(takewhile(lambda word: word in KEYWORDS, words))
    return [word for word in keywords if word in _LOOPS]


def _lift(script: str) -> tuple[str, list[str]]:
    """Return a script without its command substitutions, and these; what is in single quotes is none."""
    pieces: list[str] = []
    substituted: list[str] = []
    at, quoted = 0, False
    while found := _SUBSTITUTIONS.search(script, at):
        start, end = found.span()
        pieces.append(script[at:start])
        if found[0] == "$(" or found[0] == "`":
            close = script.find("`", end) if found[0] == "`" else _closing(script, end)
            if close < 0:
                raise ValueError("No closing parenthesis")
            inner = script[end:close]
            if _VARIABLE.fullmatch(inner):
                pieces.append(f"${{{inner}}}")
            elif _NAMESPACE_FILE.fullmatch(inner):
                pieces.append(OWN_NAMESPACE)
            else:
                pieces.append(LIFTED)
                substituted.append(inner)
            end = close + 1
        elif quoted and found[0].startswith("'"):
            # An apostrophe between double quotes is only text.
            pieces.append("'")
            end = start + 1
        else:
            pieces.append(found[0])
            quoted ^= found[0] == '"'
        at = end
    return "".join([*pieces, script[at:]]), substituted


def _closing(script: str, start: int) -> int:
    """Return where the parenthesis that opened before `start` is closed, -1 if it is not."""
    depth = 1
    for found in _PARENTHESES.finditer(script, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.start()
    return -1


def _plain(commands: Iterator[Command]) -> Iterator[Command]:
    """Yield the commands without the patterns of `case`, which are none."""
    cases, in_pattern = 0, False
    for command in commands:
        if command.words[0] == "case" and not command.substituted:
            cases, in_pattern = cases + 1, ")" not in command.end
        elif command.words[0] == "esac":
            cases, in_pattern = max(cases - 1, 0), False
        elif cases and in_pattern and not command.substituted:
            in_pattern = ")" not in command.end
        else:
            yield command
            in_pattern = bool(cases) and (in_pattern or ";;" in command.end)


@dataclass(slots=True)
class _Known:
    """What is known of a script's variables and functions."""

    values: dict[str, str]
    functions: dict[str, list[Command]] = field(default_factory=dict)
    answers: dict[str, tuple[Command, ...]] = field(default_factory=dict)
    """The commands whose answer a variable has."""
    count: int = 0


def _expanded(commands: Iterator[Command], known: Mapping[str, str]) -> list[Command]:
    """Return the commands with the values of variables, the bodies of functions that are called, and loops' words."""
    whole = list(commands)
    several = _set_again(whole, known)
    plain = [tuple(word for word in command.words if word not in KEYWORDS) for command in whole]
    if any(words[: len(change)] == change for words in plain for change in _CHANGES):
        several |= {name for name in known if _is_given(name)}
    world = _Known({name: value for name, value in known.items() if name not in several})
    return list(_run(_defined(whole, world), world, several, 0))


def given(words: Sequence[str]) -> dict[str, str]:
    """Return what a script or a function knows of the words that it is given."""
    return {COUNT: str(len(words)), **{str(at): word for at, word in enumerate(words, 1)}}


def _is_given(name: str) -> bool:
    return name == COUNT or name.isdecimal()


def _set_again(commands: Sequence[Command], known: Mapping[str, str]) -> set[str]:
    """Return the names whose values the text does not decide: those that are set more than once, or read."""
    seen: set[str] = set(known)
    several: set[str] = set()
    for command in commands:
        words = [word for word in command.words if word not in KEYWORDS]
        names = [found[1] for word in words if (found := _ASSIGNMENT.fullmatch(word))]
        names += words[1:] if words[:1] == ["read"] else []
        several |= {name for name in names if name in seen} | ({*words[1:]} if words[:1] == ["read"] else set())
        seen |= set(names)
    return several


def _defined(commands: Sequence[Command], world: _Known) -> list[Command]:
    """Return the commands outside of functions, and keep those within them."""
    outside: list[Command] = []
    body: list[Command] | None = None
    name, depth = "", 0
    for command in commands:
        words = command.words
        if body is None and len(words) == 1 and command.end.startswith("()"):
            name, body, depth = words[0], [], 0
        elif body is None and words[0] == "function" and len(words) > 1:
            name, body, depth = words[1], [], int("{" in words)
        elif body is None:
            outside.append(command)
        else:
            depth += words[0] == "{"
            depth -= words[0] == "}"
            if depth <= 0:
                world.functions[name], body = body, None
            else:
                # Its own brace is none of its commands.
                kept = words[depth == 1 and words[0] == "{" and not body :]
                body += [replace(command, words=kept)] if kept else []
    return outside


def _run(commands: Sequence[Command], world: _Known, several: set[str], depth: int) -> Iterator[Command]:
    if depth > _DEPTH:
        raise ValueError("its loops or functions are nested too deeply")
    substituted: list[Command] = []
    passed = 0
    for at, command in enumerate(commands):
        if at < passed:
            continue
        world.count += 1
        if world.count > _COMMANDS:
            raise ValueError(f"it has more than {_COMMANDS} commands")
        each = replace(command, words=tuple(_words(command.words, world.values)))
        each = replace(each, asked=_asked(each, world, substituted))
        _keep(each, world, several)
        start = next((at for at, word in enumerate(each.words) if word not in KEYWORDS), len(each.words))
        called = world.functions.get(each.words[start]) if start < len(each.words) else None
        substituted = [*substituted, each] if each.substituted else []
        if called is None:
            yield each
            yield from _trapped(each, start, world, several, depth)
            body = _body(each.words, commands[at + 1 :])
            passed = at + 1 + len(body)
            for value in _listed(each.words) if body else ():
                world.values[each.words[1]] = value
                yield from _run(body, world, several, depth + 1)
            if body:
                # One that is left early ends with another word.
                world.values.pop(each.words[1], None)
            continue
        values = {name: value for name, value in world.values.items() if not _is_given(name)}
        values |= {} if COUNT in several else given(each.words[start + 1 :])
        inner = _Known(values, world.functions, dict(world.answers), world.count)
        hidden = each.substituted
        calls = [replace(one, loops=each.loops + one.loops, substituted=hidden or one.substituted) for one in called]
        # It stands where the call stands, and how that ends is how its last command ends.
        calls[:1] = [replace(one, words=(*each.words[:start], *one.words)) for one in calls[:1]]
        calls[-1:] = [one if _BACKGROUND.search(one.end) else replace(one, end=each.end) for one in calls[-1:]]
        for one in _run(calls, inner, several, depth + 1):
            substituted += [one] if hidden else []
            yield one
        world.count = inner.count


def _listed(words: Sequence[str]) -> list[str]:
    """Return the words that a loop goes through, where they are known."""
    is_loop = words[:1] == ("for",) and words[2:3] == ("in",)
    found = [part for word in words[3:] for part in word.split()] if is_loop else []
    return [] if any("$" in word or "*" in word for word in found) else found


def _body(words: Sequence[str], following: Sequence[Command]) -> Sequence[Command]:
    """Return the commands of a loop whose words are known, and which uses them: it is gone through for each."""
    depth = int(bool(_listed(words)))
    is_used = False
    for at, each in enumerate(following if depth else ()):
        is_used |= any(words[1] in use.groups() for word in each.words for use in _USE.finditer(word))
        depth += len(_opened(each.words)) - (each.words[0] == "done")
        if not depth:
            return following[:at] if is_used else ()
    return ()


_BACKGROUND = re.compile(r"(?<!&)&(?!&)")


def _asked(command: Command, world: _Known, substituted: Sequence[Command]) -> tuple[Command, ...]:
    """Return the commands whose answers are among a command's words."""
    used = [use[1] or use[2] for word in command.words for use in _USE.finditer(word)]
    lifted = tuple(substituted) if any(LIFTED in word for word in command.words) else ()
    return lifted + tuple(each for name in used for each in world.answers.get(name, ()))


def _trapped(command: Command, start: int, world: _Known, several: set[str], depth: int) -> Iterator[Command]:
    """Yield what a trap runs when the script ends."""
    words = [word for word in command.words[start:] if word != "--"]
    which = next((each for each in words[2:] if each in ENDS or each == "ERR"), "")
    if words[:1] == ["trap"] and which and words[1] not in {"", "-"}:
        for each in _run(list(_plain(_commands(words[1]))), world, several, depth + 1):
            yield replace(each, trapped=which, loops=())


def _keep(command: Command, world: _Known, several: set[str]) -> None:
    """Keep what a command of assignments says of variables that nothing else sets."""
    words = command.words[command.words[0] in _DECLARES :]
    found = [_ASSIGNMENT.fullmatch(word) for word in words]
    is_place = [bool(_NAMESPACE_FILE.fullmatch(" ".join(each.words))) for each in command.asked] == [True]
    for each in filter(None, found) if all(found) else ():
        name, value = each[1], OWN_NAMESPACE if is_place and each[2] == LIFTED else each[2]
        if name not in several and "$" not in value.replace(OWN_NAMESPACE, ""):
            world.values[name] = value
        elif name not in several:
            world.answers[name] = command.asked
    if words[:1] == ("for",) and words[2:3] == ("in",):
        world.answers[words[1]] = command.asked


def _words(words: Sequence[str], values: Mapping[str, str]) -> Iterator[str]:
    is_program = True
    for word in words:
        value = _USE.sub(lambda found: _value(found, values), word)
        if word in _GIVEN and COUNT in values:
            yield from (values[str(at)] for at in range(1, int(values[COUNT]) + 1))
        elif is_program and _USE.fullmatch(word):
            # A program's name has no spaces: it comes with its first words.
            yield from value.split() or [value]
        else:
            yield value
        is_program &= word in KEYWORDS


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    """Return a variable's value, or what stands for it where that is empty; itself where it is not known."""
    value = values.get(found[1] or found[2], found[0])
    return found[3] if not value and found[3] and ":" in found[0] else value
