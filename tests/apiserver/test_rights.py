"""What `gatekeeper rbac` prints is what a gate asks of the API server: no more, no less."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
import yaml
from kubernetes import config

from gatekeeper.manifests import rbac
from servers.apiserver import ApiServer
from servers.gate import GateProcess
from servers.postgres import Postgres

Right = tuple[str, str, str, str]
"""Verb, resource with its API group, namespace, and name or nothing for all."""

ROOTS = {"v1": "/api/v1", "rbac.authorization.k8s.io/v1": "/apis/rbac.authorization.k8s.io/v1"}
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
MIGRATED = (
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('b2')"
)


def granted(objects: Sequence[dict[str, Any]], namespace: str) -> set[Right]:
    """Return the rights that the Roles grant, which are in this namespace unless they say otherwise."""
    return {
        (verb, f"{resource}.{group}", role["metadata"].get("namespace", namespace), name)
        for role in objects
        for rule in role.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def asked(apiserver: ApiServer, namespace: str, account: str) -> tuple[set[Right], set[str]]:
    """Return the rights that the account's requests needed, as the authorizer saw them, and why it allowed them."""
    user = f"system:serviceaccount:{namespace}:{account}"
    events = [event for event in apiserver.events() if event["user"].get("username") == user]
    rights = set()
    for event in events:
        of = event.get("objectRef") or {"resource": event["requestURI"]}
        resource = "/".join(filter(None, [of["resource"], of.get("subresource")]))
        rights |= {(event["verb"], f"{resource}.{of.get('apiGroup')}", of.get("namespace", ""), of.get("name", ""))}
    # A server that has just started forbids, without a reason, until it has read its roles.
    allowed = [
        each for event in events if (each := event["annotations"]).get("authorization.k8s.io/decision") == "allow"
    ]
    return rights, {annotations["authorization.k8s.io/reason"] for annotations in allowed}


def rules(apiserver: ApiServer, namespace: str, account: str, where: str) -> list[Any]:
    """Return what the account may do in a namespace, as `kubectl auth can-i --list` does, beyond what every one may."""
    told = []
    for name in (account, f"nobody-{secrets.token_hex(4)}"):
        with config.new_client_from_config(str(apiserver.kubeconfig_for(namespace, name))) as api:
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            body = {"spec": {"namespace": where}}
            call = api.param_serialize("POST", REVIEWS, header_params=headers, body=body, auth_settings=["BearerToken"])
            response = api.call_api(*call)
            response.read()
            status = api.response_deserialize(response, {"default": "object"}).data["status"]
            told.append(status["resourceRules"] + status["nonResourceRules"])
    ours, everyones = told
    return [rule for rule in ours if rule not in everyones]


@pytest.fixture
def elsewhere(apiserver: ApiServer) -> str:
    """Create another namespace."""
    name = f"test-{secrets.token_hex(4)}"
    apiserver.create_namespace(name)
    return name


@pytest.fixture
def allow(apiserver: ApiServer, namespace: str) -> Callable[..., list[dict[str, Any]]]:
    """Apply what is printed for the ServiceAccount `web`, and return its objects."""

    def apply(*names: str, **options: str) -> list[dict[str, Any]]:
        wanted = rbac.grant(names, service_account="web", create_service_account=True, **options)
        printed = rbac.render(rbac.objects(wanted), rbac.comment(wanted))
        objects = list(yaml.safe_load_all(printed))
        apiserver.apply(objects, namespace)
        return objects

    return apply


@pytest.fixture
def start(apiserver: ApiServer, namespace: str, gate) -> Callable[..., GateProcess]:
    """Start a gate as the ServiceAccount `web`."""
    return lambda *args, **options: gate(
        *args, "--kubeconfig", str(apiserver.kubeconfig_for(namespace, "web")), **options
    )


def assert_least(apiserver: ApiServer, namespace: str, objects: list[dict[str, Any]]) -> None:
    """Assert that the account has asked for what these objects grant, all of it and nothing else."""
    rights, reasons = asked(apiserver, namespace, "web")
    assert rights == granted(objects, namespace)
    binding = objects[-1]["metadata"]
    name, where = binding["name"], binding.get("namespace", namespace)
    by = f'RBAC: allowed by RoleBinding "{name}/{where}" of Role "{name}" to ServiceAccount "web/{namespace}"'
    assert reasons == {by}


MODES = {
    "one Job": (["migrate"], {}, []),
    "several": (["migrate", "seed"], {}, []),
    "of a release": (["migrate"], {}, ["--require", "release=7"]),
    "whatever becomes of it": (["migrate"], {}, ["--on-failure", "wait", "--if-absent", "wait", "--timeout", "-1s"]),
    "selector": ([], {"selector": "app in (web, api)"}, []),
}


@pytest.mark.parametrize("away", [False, True], ids=["here", "elsewhere"])
@pytest.mark.parametrize(("names", "chosen", "more"), MODES.values(), ids=MODES)
def test_job(apiserver, namespace, elsewhere, allow, start, names, chosen, more, away):
    """A gate that waits for Jobs, then opens, has used every right that is printed for it, and no other."""
    where = elsewhere if away else namespace
    place = {"namespace": namespace, "job_namespace": elsewhere} if away else {}
    objects = allow(*names, **chosen, **place)
    jobs = names or ["migrate"]
    for name in jobs:
        apiserver.create_job(where, name, labels={"app": "web", "release": "7"})
    selector = ["--selector", chosen["selector"]] if chosen else []
    gate = start("job", *names, *selector, *more, *(["-n", where] if away else []))
    for name in names or [chosen["selector"]]:
        gate.until(f"{where}/{name}: has no condition yet")
    for name in jobs:
        apiserver.complete(where, name)
    assert gate.end() == 0
    assert_least(apiserver, namespace, objects)


def test_outage(apiserver, namespace, allow, start):
    """A gate that outlives an outage, and an absent Job, has asked for nothing more."""
    objects = allow("migrate")
    gate = start("job", "migrate")
    gate.until("does not exist; awaiting its creation")
    apiserver.stop()
    try:
        gate.until("the API server cannot be reached")
    finally:
        apiserver.start()
    apiserver.create_job(namespace, "migrate")
    apiserver.fail(namespace, "migrate")
    assert gate.end() == 3
    assert_least(apiserver, namespace, objects)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """A connection to an empty database of its own."""
    postgres.create_database("shop")
    with postgres.connect("shop") as connection:
        yield connection
    postgres.drop_database("shop")


@pytest.fixture
def schema(postgres: Postgres, database, start) -> Callable[..., GateProcess]:
    """Start a schema gate as the ServiceAccount `web`."""
    environment = {"DATABASE_URL": postgres.url("shop")}
    args = ("schema", "--tool", "alembic", "--revision", "b2")
    return lambda *more: start(*args, *more, environment=environment, secrets=[postgres.password])


def test_messenger(apiserver, namespace, database, allow, schema):
    """A schema gate with Jobs as messengers uses the same rights, all of them and no other."""
    objects = allow("migrate", "seed")
    apiserver.create_job(namespace, "migrate")
    gate = schema("--job", "migrate", "--job", "seed")
    gate.until(f"Job {namespace}/migrate: has no condition yet")
    gate.until(f"Job {namespace}/seed: does not exist")
    database.execute(MIGRATED)
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    assert_least(apiserver, namespace, objects)


def test_schema(apiserver, namespace, database, schema):
    """A schema gate without a Job asks nothing of the API server, as is printed for it."""
    gate = schema()
    gate.until("nothing is applied yet")
    database.execute(MIGRATED)
    assert gate.end() == 0
    assert asked(apiserver, namespace, "web") == (set(), set())
    assert rbac.objects(rbac.grant(service_account="web")) == []


@pytest.mark.parametrize(
    ("names", "chosen"), [(["migrate", "seed"], {}), ([], {"selector": "app=web"})], ids=["names", "selector"]
)
def test_nothing_else(apiserver, namespace, elsewhere, allow, names, chosen):
    """The account may do nothing else, beyond what every account may: not there, and not in its own namespace."""
    _, role, _ = allow(*names, **chosen, namespace=namespace, job_namespace=elsewhere)
    assert rules(apiserver, namespace, "web", elsewhere) == role["rules"]
    assert rules(apiserver, namespace, "web", namespace) == []


CHOSEN = {
    "a name": (["migrate"], {"jobs": ["migrate"]}),
    "a name that YAML takes for a number": (["123"], {"jobs": ["123"]}),
    "a selector": (["--selector", "app=web"], {"selector": "app=web"}),
}


@pytest.mark.parametrize(("args", "options"), CHOSEN.values(), ids=CHOSEN)
def test_denied(start, args, options):
    """The rule that a denied gate asks for is the one that is printed."""
    gate = start("job", *args, "--timeout", "1s")
    assert gate.end() == 4
    role, _ = rbac.objects(rbac.grant(**options, service_account="web"))
    assert yaml.safe_load(gate.message.partition("needs the rule ")[2]) == role["rules"]


def test_two_accounts_of_one_name(apiserver, namespace, elsewhere):
    """Accounts of one name in two namespaces, with Jobs in a third, each have their own rights."""
    apiserver.create_namespace(other := f"test-{secrets.token_hex(4)}")
    for job, home in (("migrate", namespace), ("seed", other)):
        wanted = rbac.grant([job], service_account="web", namespace=home, job_namespace=elsewhere)
        apiserver.apply(rbac.objects(wanted), elsewhere)
    for job, home in (("migrate", namespace), ("seed", other)):
        assert rules(apiserver, home, "web", elsewhere) == [rbac.rule([job])]


AWKWARD = ["on", "y", "123", "1e3", "0x1f", "0o17", "1.5", "2026-11-21", "true", "null", "shop.web-1", "a" * 253]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward(apiserver, namespace, elsewhere, name):
    """Kubernetes' own YAML parser reads what is printed as what is meant, whatever the names look like."""
    wanted = rbac.grant(
        [name],
        service_account=name,
        namespace=namespace,
        job_namespace=elsewhere,
        create_service_account=True,
    )
    printed = rbac.render(rbac.objects(wanted), rbac.comment(wanted)).split("---\n")
    for text, meant in zip(printed, rbac.objects(wanted), strict=True):
        place = meant["metadata"]["namespace"]
        path = f"{ROOTS[meant['apiVersion']]}/namespaces/{place}/{meant['kind'].lower()}s/{meant['metadata']['name']}"
        read = apiserver.request("PATCH", f"{path}?fieldManager=test", text, "application/apply-patch+yaml")
        assert {**read, "metadata": {key: read["metadata"][key] for key in meant["metadata"]}} == meant
