"""Who is granted what, and the YAML that says so."""

from pathlib import Path

import pytest
import yaml

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import rbac
from gatekeeper.manifests.rbac import Grant

MANIFESTS = Path(__file__).parents[3] / "manifests" / "job"
SUBDOMAIN = "a" * 253
LABEL = "a" * 63


def render(wanted: Grant) -> str:
    return rbac.render(rbac.objects(wanted), rbac.comment(wanted))


def test_manifests():
    """What is printed for the example in `manifests/job` is that example."""
    wanted = rbac.grant(["db-migrate-1-0-0"], service_account="web", create_service_account=True)
    files = ("serviceaccount", "role", "rolebinding")
    assert rbac.render(rbac.objects(wanted)) == "---\n".join((MANIFESTS / f"{name}.yaml").read_text() for name in files)


def test_another_namespace():
    """Jobs of another namespace have Role and RoleBinding there, with the account where it is."""
    wanted = rbac.grant(
        ["migrate"], service_account="web", namespace="shop", job_namespace="databases", create_service_account=True
    )
    account, role, binding = rbac.objects(wanted)
    there = {"name": "shop:web-gate", "namespace": "databases"}
    assert account["metadata"] == {"name": "web", "namespace": "shop"}
    assert role["metadata"] == binding["metadata"] == there
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "shop:web-gate"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]


def test_same_namespace():
    """Jobs of the account's own namespace, even where both are given, have Role and RoleBinding by its name."""
    wanted = rbac.grant(["migrate"], service_account="web", namespace="shop", job_namespace="shop")
    assert [each["metadata"] for each in rbac.objects(wanted)] == [{"name": "web-gate", "namespace": "shop"}] * 2


@pytest.mark.parametrize(
    ("jobs", "name"),
    [
        (["db-migrate"], "web-gate"),
        (["db-migrate-1-0-0"], "web-gate-db-migrate-1-0-0"),
        (["web-migrate-7"], "web-gate-web-migrate-7"),
        (["db-migrate-2-0-0", "db-migrate-1-0-0"], "web-gate-db-migrate-2-0-0"),
        (["db-migrate", "db-seed-2"], "web-gate"),
        (["db2-migrate"], "web-gate"),
    ],
)
def test_rights_of_a_release(jobs, name):
    """A release's own Job has a Role of its own, which the next release's does not replace."""
    assert {each["metadata"]["name"] for each in rbac.objects(rbac.grant(jobs, service_account="web"))} == {name}


BATCH = {"apiGroups": ["batch"], "resources": ["jobs"]}
RULES = {
    "one Job": ({"jobs": ["migrate"]}, {**BATCH, "resourceNames": ["migrate"]}),
    "several": ({"jobs": ["seed", "migrate"]}, {**BATCH, "resourceNames": ["seed", "migrate"]}),
    "one twice": ({"jobs": ["migrate", "migrate"]}, {**BATCH, "resourceNames": ["migrate"]}),
    "a selector": ({"selector": "app=web"}, BATCH),
}


@pytest.mark.parametrize(("options", "rule"), RULES.values(), ids=RULES)
def test_rule(options, rule):
    """There is one rule, of two verbs, on the named Jobs; a selector cannot have names."""
    role, _ = rbac.objects(rbac.grant(**options, service_account="web"))
    assert role["rules"] == [rule | {"verbs": ["list", "watch"]}]


def test_nothing():
    """A schema gate needs nothing, which a comment says, so that what is printed can be piped."""
    printed = render(rbac.grant())
    assert printed.startswith("# Nothing is needed: ")
    assert not list(yaml.safe_load_all(printed))


def test_account_alone():
    """A schema gate can have an account of its own, as `default` too may be whose it is: it has no rights."""
    (account,) = yaml.safe_load_all(render(rbac.grant(service_account="web", create_service_account=True)))
    assert account["kind"] == "ServiceAccount"
    assert rbac.objects(rbac.grant(service_account="default")) == []


COMMENTS = {
    "a name": ({"jobs": ["migrate"]}, "# All the rights that this needs: gatekeeper job migrate\n"),
    "elsewhere": ({"jobs": ["a", "b"], "namespace": "x", "job_namespace": "y"}, "gatekeeper job a b -n y\n"),
    "a selector": ({"selector": "app in (web)"}, "gatekeeper job --selector 'app in (web)'\n# RBAC knows no labels: "),
    "default": (
        {"jobs": ["migrate"], "service_account": "default", "allow_default": True},
        "# Every pod of the namespace that names no other ServiceAccount has these rights too.\n",
    ),
}


@pytest.mark.parametrize(("options", "text"), COMMENTS.values(), ids=COMMENTS)
def test_comment(options, text):
    """A comment says which gate needs these rights, and what else they allow."""
    printed = render(rbac.grant(**{"service_account": "web"} | options))
    assert text in printed
    assert printed.startswith("# ")


def test_comment_of_lines():
    """A selector of several lines, as a folded YAML argument may be, stays within the comment."""
    printed = render(rbac.grant(selector="app=web,\ntier=\nkind", service_account="web"))
    assert [each["kind"] for each in yaml.safe_load_all(printed)] == ["Role", "RoleBinding"]


AWKWARD = [
    *("on", "off", "y", "n", "yes", "no", "true", "false", "null"),
    *("123", "1e3", "0x1f", "0o17", "010", "1.5", "12.30.45", "2026-11-21", "e3", "inf", "nan", "0", "a.b-c", "x1"),
    *(SUBDOMAIN, "on.off", "true-1"),
]


@pytest.mark.parametrize("name", AWKWARD)
def test_round_trip(name):
    """YAML gives back every object as it was, whatever its names look like."""
    namespace = name if "." not in name and len(name) <= 63 else "shop"
    wanted = rbac.grant(
        [name, "migrate"],
        service_account=name,
        namespace=namespace,
        job_namespace="databases",
        create_service_account=True,
    )
    assert list(yaml.safe_load_all(render(wanted))) == rbac.objects(wanted)
    assert yaml.safe_load(rbac.flow(rbac.rule([name, "a:b"]))) == rbac.rule([name, "a:b"])


@pytest.mark.parametrize(
    "text",
    ["", " ", "~", "-", "a ", " a", "a: b", "a:", "a #b", "#", "*a", "&a", "!a", "%", "@", "[a]", "a,b", "é", '"'],
)
def test_text(text):
    """Text that is no name is quoted where YAML needs it: none can become another value, or more than one."""
    value = {"kind": text, "verbs": [text], "automountServiceAccountToken": True}
    assert yaml.safe_load(rbac.render([value])) == value
    assert yaml.safe_load(rbac.flow(value)) == value


def test_plain():
    """Names that need no quotes have none, as people write them."""
    assert rbac.flow(rbac.rule(["db-migrate", "123"])) == (
        '{apiGroups: [batch], resources: [jobs], resourceNames: [db-migrate, "123"], verbs: [list, watch]}'
    )


GOOD = {
    "the longest": {"service_account": SUBDOMAIN, "namespace": LABEL},
    "a subdomain": {"service_account": "shop.web-1"},
    "default, allowed": {"service_account": "default", "allow_default": True},
}


@pytest.mark.parametrize("options", GOOD.values(), ids=GOOD)
def test_good(options):
    """What the API server accepts is accepted."""
    wanted = rbac.grant(["migrate"], **options)
    assert wanted.service_account == options["service_account"]
    assert wanted.namespace == options.get("namespace", "")


ACCOUNT, NAMESPACE = "is not the name of a ServiceAccount", "is not the name of a namespace"
WEB = {"jobs": ["migrate"], "service_account": "web"}
BAD = {
    "a Job by kind": (WEB | {"jobs": ["job/migrate"]}, "is not the name of a Job"),
    "a bad selector": ({"selector": "app web", "service_account": "web"}, "--selector: 'app web' is not"),
    "an empty selector": ({"selector": "", "service_account": "web"}, "--selector: '' is not a label selector"),
    "names and selector": (WEB | {"selector": "app=web"}, "one of both"),
    "nobody": ({"jobs": ["migrate"]}, "--service-account is missing"),
    "nobody, by selector": ({"selector": "app=web"}, "--service-account is missing"),
    "nobody to create": ({"create_service_account": True}, "--service-account is missing"),
    "default": (WEB | {"service_account": "default"}, "or add --allow-default"),
    "default, by selector": ({"selector": "app=web", "service_account": "default"}, "or add --allow-default"),
    "default, created": (
        WEB | {"service_account": "default", "allow_default": True, "create_service_account": True},
        "every namespace has the ServiceAccount default already",
    ),
    "default, created for nothing": (
        {"service_account": "default", "create_service_account": True},
        "every namespace has the ServiceAccount default already",
    ),
    "an account with a namespace": (WEB | {"service_account": "shop/web"}, f"'shop/web' {ACCOUNT}"),
    "an account's user": (WEB | {"service_account": "system:serviceaccount:shop:web"}, ACCOUNT),
    "an account in capitals": (WEB | {"service_account": "Web"}, ACCOUNT),
    "an account with a line end": (WEB | {"service_account": "web\n"}, ACCOUNT),
    "an account too long": (WEB | {"service_account": SUBDOMAIN + "a"}, ACCOUNT),
    "a namespace with a dot": (WEB | {"namespace": "shop.web"}, f"--namespace: 'shop.web' {NAMESPACE}"),
    "a namespace too long": (WEB | {"namespace": LABEL + "a"}, NAMESPACE),
    "a namespace with a line end": (WEB | {"namespace": "shop\n"}, NAMESPACE),
    "a Job's namespace": (WEB | {"namespace": "shop", "job_namespace": "DB"}, f"--job-namespace: 'DB' {NAMESPACE}"),
    "only a Job's namespace": (WEB | {"job_namespace": "databases"}, "needs the ServiceAccount's own namespace"),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_bad(options, words):
    """What is wrong is answered by one sentence, which shows what would be right."""
    with pytest.raises(Misconfigured) as caught:
        rbac.grant(**options)
    message = str(caught.value)
    assert words in message
    assert "for example" in message
    assert "\n" not in message
