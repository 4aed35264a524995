"""Whether a script tells success although a wait in it has failed, as it is told and as the shells themselves end."""

import subprocess

import pytest

from charts import Shape, chart, script
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import objects
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted, inject

WAIT = "kubectl wait --for=condition=complete job/"
PROGRAMS = {
    "kubectl": '#!/bin/sh\ncase "$*" in *$LATE*) exit 1 ;; esac\n',
    # A loop that goes on and on is one that holds.
    "sleep": (
        '#!/bin/sh\n[ "$1" != infinity ] || kill -9 $PPID\n'
        'echo >> "$0.count"\n[ $(wc -l < "$0.count") -lt 20 ] || kill -9 $PPID\n'
    ),
}
SCRIPTS = {
    "alone": "@late",
    "exec": "exec @late",
    "last": "echo waits; @late",
    "first": "@late; echo done",
    "first, with -e": "set -e\n@late\necho done",
    "first, with -e by its name": "set -o errexit; @late; echo done",
    "first, with -e and then without": "set -e; set +e; @late; echo done",
    "and": "@a && @late && echo done",
    "and, of the first": "@late && @a && echo done",
    "two": "@late; @a",
    "two, the last": "@a; @late",
    "or ends": "@late || exit 1; echo done",
    "or ends well": "@late || { echo late; exit 0; }",
    "or ends badly": "@late || { echo late; exit 1; }",
    "or says so": "@late || { echo late; }",
    "or says so, in a subshell": "(@late) || echo late",
    "if without else": "if @late; then echo done; fi",
    "if with else": "if @late; then echo done; else exit 1; fi",
    "if not": "if ! @late; then exit 1; fi",
    "if not, well": "if ! @late; then echo late; exit 0; fi; echo done",
    "elif": "if @late; then echo a; elif @late; then echo b; else false; fi",
    "elif without else": "if @late; then echo a; elif @late; then echo b; fi",
    "with -e, tested": "set -e\nif @late; then echo done; fi",
    "with -e, in a list": "set -e\n@late && echo done\necho end",
    "until": "until @late; do sleep 1; done; echo done",
    "while not": "while ! @late; do sleep 1; done",
    "until, or true": "until @late || true; do sleep 1; done",
    "breaks": "while true; do @late && break; sleep 1; done",
    "breaks when late": "while :; do @late || break; sleep 1; done",
    "exits when done": "while :; do if @late; then exit 0; fi; sleep 1; done",
    "tries": "for i in 1 2 3; do @late && break; sleep 1; done",
    "tries, then ends": "for i in 1 2 3; do @late && exit 0; sleep 1; done; exit 1",
    "tries, and says so": "for i in 1 2 3; do @late && exit 0; sleep 1; done; echo late; exit 0",
    "two of a list": "for job in late a; do @$job; done",
    "two of a list, or ends": "for job in late a; do @$job || exit 1; done",
    "two of a list, and each in a loop": "for job in late a; do until @$job; do sleep 1; done; done",
    "two of a list, each tested": "for job in late a; do if @$job; then echo done; else exit 1; fi; done",
    "two of a list, each told": "for job in late a; do if @$job; then echo done; fi; done",
    "background": "@late &\n@a &\nwait",
    "background, never awaited": "@late &\necho done",
    "its code": "@late; code=$?; exit $code",
    "its code, tested": "@late\nif [ $? -ne 0 ]; then exit 1; fi",
    "pipe": "@late | grep met",
    "function": "w() { @$1; }\nw late\necho done",
    "function, tested": "w() { @$1; }\nif w late; then echo done; fi",
    "function, or ends": "w() { @$1 || exit 1; }\nw late\necho done",
    "function that returns, guarded": "set -e\nw() { @$1 && return 0; return 1; }\nw late\nw a",
    "function that returns from a loop": "w() { while true; do @$1 && return 0; sleep 1; done; }\nw late; w a",
    "function that gives up": "w() { for i in 1 2; do @$1 && return 0; sleep 1; done; return 1; }\nw late || exit 1",
    "trap": "trap 'exit 0' EXIT; @late",
    "trap by its number, with -e": "set -e; trap 'exit 0' 0; @late; echo done",
    "trap that keeps the code": "trap 'code=$?; echo $code; exit $code' EXIT; @late",
    "trap that says so": "trap 'echo bye' EXIT; @late",
    "trap of a function": "bye() { echo bye; exit 0; }; trap bye EXIT; @late",
    "trap that is set too late": "set -e; @late; trap 'exit 0' EXIT",
    "trap that is taken back": "trap 'exit 0' EXIT; trap - EXIT; @late",
    "trap of a signal": "trap 'exit 0' TERM INT; @late",
    "trap, and another program in its place": "trap 'exit 0' EXIT; exec @late",
    "text before": "cat <<EOF\nit's late\nEOF\n@late",
    "text with tabs": "cat <<-'EOF' && @late\n\techo $(\n\tEOF\n",
    "text that names a wait": "@a\ncat <<EOF > /dev/null\n@late\nEOF\nexit 1",
    "text for a shell": "sh -e <<'EOF'\n@late\necho done\nEOF\n",
    "text for a shell without -e": "sh <<'EOF'\n@late\necho done\nEOF\n",
    "background, in a function": "w() { @$1 & }\nw late\nw a\nwait",
    "background, in one function": "w() { @late & @a & wait; }\nw",
    "background, in a function that waits for each": "set -e\nw() { @$1 & p=$!; wait $p; }\nw late\nw a",
    "background, each awaited": "set -e\n@late & p=$!\n@a & q=$!\nwait $p\nwait $q",
    "background, by a list": 'for j in late a; do @$j & p="$p $!"; done\nfor each in $p; do wait $each || exit 1; done',
    "nested": "if true; then { @late; echo done; }; fi",
    "negated": "! @late",
    "its output to a file": "exec > /dev/null 2>&1\n@late",
    "its output to a file, and more": "exec > /dev/null\n@late\necho done",
    "holds for ever": "@late || { sleep infinity; }; echo done",
    "if it is there": "if kubectl get job/late; then @late; fi",
    "if it is there, and if not": "if kubectl get job/late > /dev/null 2>&1; then @late; else echo none; fi",
    "if it is there, or ends": "if kubectl get job/late; then @late; else exit 1; fi",
    "there, or ends well": "kubectl get job/late || exit 0\n@late",
    "there, or ends badly": "kubectl get job/late || exit 1\n@late",
    "there, with -e": "set -e\nkubectl describe job/late\n@late",
    "until it is there": "until kubectl get job/late; do sleep 1; done\n@late",
    "another is there": "if kubectl get job/a; then echo a; fi\n@late",
    "no name": 'if [ -z "$(kubectl get job/late -o name)" ]; then exit 0; fi\n@late',
    "a name": 'name=$(kubectl get job/late -o name || true)\nif [ -n "$name" ]; then @late; fi',
    "a name, or ends": 'if [ -n "$(kubectl get job/late)" ]; then @late; else exit 1; fi',
    "gone is done": (
        "while :; do if ! kubectl get job/late; then break; "
        "elif kubectl get job/late | grep Complete; then break; fi; sleep 1; done"
    ),
}


@pytest.fixture
def path(tmp_path):
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def told(text: str) -> bool:
    """Return whether the audit says that a gate opens although nothing is proven."""
    stream = chart(Shape(script(text, shell="sh"), ()))
    return "unproven" in [each.rule.slug for each in audit(objects.parse(stream)).findings]


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_ending(path, text):
    """What ends with success, whichever wait has failed, is told, and nothing else is."""
    text = text.replace("@", WAIT)
    for shell in ("sh", "bash"):
        codes = []
        for late in ("late", "a"):
            (path / "sleep.count").unlink(missing_ok=True)
            env = {"PATH": f"{path}:/usr/bin:/bin", "LATE": f"job/{late}"}
            argv = [shell, "-c", text]
            codes.append(subprocess.run(argv, check=False, env=env, capture_output=True).returncode)
        assert told(text) is (0 in codes[: 1 + (f"{WAIT}a" in text or "late a" in text)]), shell


@pytest.mark.parametrize(
    "text",
    [
        "@late || @bad",
        "@late || { @bad && exit 1; }",
        "@bad && exit 1\n@late",
        "until @late || @bad; do sleep 1; done",
        "while :; do if @late; then break; fi; if @bad; then exit 1; fi; sleep 1; done",
        "while :; do if @late; then break; fi; if @bad; then break; fi; sleep 1; done",
    ],
)
def test_job_that_has_failed(path, text):
    """What waits for a Job's failure, too, is told where it ends with success then."""
    text = text.replace("@bad", "kubectl wait --for=condition=failed job/late").replace("@", WAIT)
    (path / "kubectl").write_text('#!/bin/sh\ncase "$*" in *=complete*) exit 1 ;; esac\n')
    for shell in ("sh", "bash"):
        env = {"PATH": f"{path}:/usr/bin:/bin"}
        code = subprocess.run([shell, "-c", text], check=False, env=env, capture_output=True).returncode
        assert told(text) is (code == 0), shell


def test_pipefail():
    """With pipefail the whole of a pipe fails, and without it its last program decides."""
    assert told(f"{WAIT}m-7 | echo")
    assert not told(f"set -o pipefail\n{WAIT}m-7 | echo")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{WAIT}a-7 || {WAIT}b-7", "which of several Jobs it waits for is decided in the pod"),
        (f"if [ $X ]; then {WAIT}a-7; else {WAIT}b-7; fi", "which of several Jobs it waits for is decided in the pod"),
        (f"until [ -f /shared/x ]; do sleep 1; done; {WAIT}m-7", "it waits for a file, and for Jobs, too"),
        (f"until grep -q ok /shared/x; do sleep 1; done; {WAIT}m-7", "it waits for a file, and for Jobs, too"),
        (f"set -e; {WAIT}m-7; echo ok > /shared/x", "it also writes /shared/x, which would be missed"),
        (f"set -e; {WAIT}m-7; echo ok >> '$FILE'", "it also writes \\$FILE, which would be missed"),
    ],
)
def test_not_replaced(text, words):
    """What would be lost, or is decided in the pod alone, is not replaced without being told to."""
    stream = chart(Shape(f"{script(text)}  volumeMounts: [{{name: x, mountPath: /shared}}]\n", ()))
    with pytest.raises(Misconfigured, match=words):
        inject(stream, Wanted({}))
    assert "job, m-8" in inject(stream, Wanted({"job": ["m-8"]}, replace="wait")).text


@pytest.mark.parametrize(
    "text",
    [
        f"if [ $X ]; then {WAIT}m-7 --timeout=9m; else {WAIT}m-7; fi",
        f"set -e; {WAIT}m-7 > /dev/null 2>&1; echo ok >&2",
        f"set -e; {WAIT}m-7 > /tmp/log; echo ok >> /shared/x",
        f"if kubectl get job m-7; then {WAIT}m-7; fi",
        f"w() {{ while true; do {WAIT}$1 && return 0; sleep 1; done; }}; w m-7; w m-7",
        f"w() {{ {WAIT}m-7 && return 0; return 1; }}; w; w",
    ],
)
def test_replaced(text):
    """What comes to the same Job in either way is."""
    assert "job, m-7" in inject(chart(Shape(script(text), ())), Wanted({}, rights=True)).text


def test_until_there_is_a_job():
    """A loop that asks only whether there is a Job says nothing of how it ended."""
    assert told("until kubectl get job m-7; do sleep 1; done")
    assert told("until kubectl get job m-7 -o jsonpath={.status.succeeded}; do sleep 1; done")
    assert not told("until kubectl get job m-7 | grep 1/1; do sleep 1; done")
    assert not told("until kubectl get job m-7; do :; done; until kubectl get job m-7 | grep 1/1; do :; done")
    assert told("until kubectl get job a-7; do :; done; until kubectl get job m-7 | grep 1/1; do :; done")


def test_deep():
    """A script that is nested too deeply to be followed is not, and nothing is told of it."""
    assert not told(f"{'{ ' * 4000}{WAIT}m-7; echo done{'; }' * 4000}")
