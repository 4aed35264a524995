"""Init containers that have to do with a migration and are no gate of a Job: known by what their text runs, as data.

Pure. Three kinds: a tool's own check, which is a gate; a migration itself; a wait for something else, which is none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gatekeeper.manifests import containers


class Kind(Enum):
    """What such a container does."""

    CHECK = "asks the migration tool itself"
    MIGRATES = "migrates"
    READINESS = "waits for something else"


@dataclass(frozen=True, slots=True)
class Other:
    """One way to do so."""

    name: str
    kind: Kind
    text: str
    """A regular expression for what it runs, with a space for any white space, and @ for some words."""
    tool: str = ""
    """As `gatekeeper schema --tool` has it."""


_LOOP = r"^(?=.*\b(?:until|while|for \w{1,40} in)\b)"
"""The text has a loop; anchored, so that no text takes long."""
_TABLES = {
    "alembic_version": "alembic", "databasechangelog": "liquibase", "django_migrations": "django",
    "doctrine_migration_versions": "doctrine", "flyway_schema_history": "flyway", "goose_db_version": "goose",
    "knex_migrations": "knex", "phinxlog": "phinx", "seaql_migrations": "sea-orm", "sequelizemeta": "sequelize",
    "__diesel_schema_migrations": "diesel", "__drizzle_migrations": "drizzle", "__efmigrationshistory": "ef-core",
    "_prisma_migrations": "prisma", "_sqlx_migrations": "sqlx", "schema_migrations": "golang-migrate",
}  # fmt: skip
"""Histories that scripts ask for by name; schema_migrations is that of Rails and dbmate, too."""
_CLIENTS = r"cockroach|mariadb|mysql|node|psql|python[\d.]{0,5}|ysqlsh"
TABLE = (
    Other("airflow db check-migrations", Kind.CHECK, r"airflow db check-migrations", "alembic"),
    Other("airflow_wait_for_db_migrations", Kind.CHECK, r"airflow_wait_for_db_migrations\b", "alembic"),
    Other("alembic current", Kind.CHECK, r"alembic @(?:current|check)\b", "alembic"),
    Other("db current", Kind.CHECK, r"(?:flask|superset) db (?:current|check)\b", "alembic"),
    Other(
        "manage.py migrate --check",
        Kind.CHECK,
        r"(?:manage\.py|django-admin) migrate\w*\b[^;|&]{0,200} --check\b",
        "django",
    ),
    Other("manage.py showmigrations", Kind.CHECK, r"(?:manage\.py|django-admin) showmigrations\b", "django"),
    Other(
        "db:abort_if_pending_migrations", Kind.CHECK, r"db:(?:abort_if_pending_migrations|migrate:status)\b", "rails"
    ),
    Other("prisma migrate status", Kind.CHECK, r"prisma migrate status\b", "prisma"),
    Other("flyway validate", Kind.CHECK, r"flyway @(?:info|validate)\b", "flyway"),
    Other("liquibase status", Kind.CHECK, r"liquibase @status\b", "liquibase"),
    Other("atlas migrate status", Kind.CHECK, r"atlas migrate status\b", "atlas"),
    Other("goose status", Kind.CHECK, r"goose @status\b", "goose"),
    Other("dbmate status", Kind.CHECK, r"dbmate @status\b", "dbmate"),
    Other("knex migrate:status", Kind.CHECK, r"knex migrate:(?:status|list)\b", "knex"),
    Other("sequelize db:migrate:status", Kind.CHECK, r"sequelize(?:-cli)? db:migrate:status\b", "sequelize"),
    Other("artisan migrate:status", Kind.CHECK, r"artisan migrate:status\b", "laravel"),
    Other("doctrine:migrations:up-to-date", Kind.CHECK, r"doctrine:migrations:(?:status|up-to-date)\b", "doctrine"),
    Other("diesel migration pending", Kind.CHECK, r"diesel migration (?:list|pending)\b", "diesel"),
    Other("ecto.migrations", Kind.CHECK, r"mix ecto\.migrations\b", "ecto"),
    Other("sqitch status", Kind.CHECK, r"sqitch @(?:status|verify)\b", "sqitch"),
    Other("ef migrations list", Kind.CHECK, r"ef migrations list\b", "ef-core"),
    Other("migrate version", Kind.CHECK, r"(?:^|[\s/(])migrate @version\b", "golang-migrate"),
    Other("phinx status", Kind.CHECK, r"phinx @status\b", "phinx"),
    Other("typeorm migration:show", Kind.CHECK, r"typeorm\S{0,40} @migration:show\b", "typeorm"),
    Other("migrate sync check", Kind.CHECK, r"migrate @(?:sync )?check\b"),
    *(
        Other(f"a query of {table}", Kind.CHECK, rf"(?i)^(?=.*\b(?:{_CLIENTS})\b).*\b{table}\b", tool)
        for table, tool in _TABLES.items()
    ),
    Other("alembic upgrade", Kind.MIGRATES, r"alembic @upgrade\b", "alembic"),
    Other("db upgrade", Kind.MIGRATES, r"(?:airflow|flask|superset) db (?:migrate|upgrade)\b", "alembic"),
    Other("manage.py migrate", Kind.MIGRATES, r"(?:manage\.py|django-admin) migrate\w*\b", "django"),
    Other("db:migrate", Kind.MIGRATES, r"(?:rails|rake) db:(?:migrate|prepare|schema:load)(?![:\w])", "rails"),
    Other("prisma migrate deploy", Kind.MIGRATES, r"prisma (?:migrate deploy|db push)\b", "prisma"),
    Other("flyway migrate", Kind.MIGRATES, r"flyway @migrate\b", "flyway"),
    Other("liquibase update", Kind.MIGRATES, r"liquibase @update\b", "liquibase"),
    Other("atlas migrate apply", Kind.MIGRATES, r"atlas (?:migrate|schema) apply\b", "atlas"),
    Other("goose up", Kind.MIGRATES, r"goose @up\b", "goose"),
    Other("dbmate up", Kind.MIGRATES, r"dbmate @(?:up|migrate)\b", "dbmate"),
    Other("knex migrate:latest", Kind.MIGRATES, r"knex migrate:(?:latest|up)\b", "knex"),
    Other("sequelize db:migrate", Kind.MIGRATES, r"sequelize(?:-cli)? db:migrate(?![:\w])", "sequelize"),
    Other("artisan migrate", Kind.MIGRATES, r"artisan migrate(?![:\w])", "laravel"),
    Other("doctrine:migrations:migrate", Kind.MIGRATES, r"doctrine:migrations:migrate\b", "doctrine"),
    Other("diesel migration run", Kind.MIGRATES, r"diesel migration run\b", "diesel"),
    Other("ecto.migrate", Kind.MIGRATES, r"mix ecto\.migrate\b", "ecto"),
    Other("ef database update", Kind.MIGRATES, r"ef database update\b", "ef-core"),
    Other("sqitch deploy", Kind.MIGRATES, r"sqitch @deploy\b", "sqitch"),
    Other("migrate up", Kind.MIGRATES, r"(?:^|[\s/])migrate @up\b"),
    Other("migrate apply", Kind.MIGRATES, r"(?:^|[\s/])migrate apply\b", "atlas"),
    Other("temporal-sql-tool", Kind.MIGRATES, r"temporal-(?:cassandra|sql)-tool\b[^;|&]{0,200} update-schema\b"),
    # What is given to an image's own entry point, or to a script of it.
    Other("migrate", Kind.MIGRATES, r"^\S+ migrate ?$|\.sh (?:\S{1,40}-)?migrate ?$"),
    Other(
        "a check of the app's own",
        Kind.CHECK,
        r"(?i)\bmigrate (?:--check|status)\b|\bmigrat(?:e|ions?)[-_:](?:check|status)\b"
        r"|(?:check|pending|verify|wait)(?:[-_][^\W_]{1,20}){0,3}[-_]migrat(?:e|ions?)\b",
    ),
    Other("wait4x", Kind.READINESS, r"wait4x\b"),
    Other("wait-for-it", Kind.READINESS, r"wait-for(?:-it)?(?:\.sh)?(?![\w-])"),
    Other("dockerize", Kind.READINESS, r"dockerize @-wait\b"),
    Other("pg_isready", Kind.READINESS, r"pg_isready\b"),
    Other("mysqladmin ping", Kind.READINESS, r"(?:mysql|mariadb-)admin\b[^;|&]{0,200}ping\b"),
    Other("nc -z", Kind.READINESS, r"\b(?:nc|ncat|netcat)(?= )"),
    Other("a query in a loop", Kind.READINESS, rf"{_LOOP}.*\b(?:psql|mysql|mariadb|redis-cli|mongosh?)\b"),
    Other("a request in a loop", Kind.READINESS, rf"{_LOOP}.*\b(?:curl|wget)\b"),
    Other("airflow db check", Kind.READINESS, r"airflow db check\b(?!-)"),
    Other("a look-up in a loop", Kind.READINESS, rf"{_LOOP}.*\b(?:dig|getent|nslookup)\b"),
    Other("kubectl rollout status", Kind.READINESS, r"(?:kubectl|oc) @rollout @status\b"),
    Other("kubectl get pods", Kind.READINESS, r"(?:kubectl|oc) @get @(?:po|pods?)\b"),
    Other("a file in a loop", Kind.READINESS, rf"{_LOOP}.*(?:\[|\btest) (?:! )?-[ef] "),
)
"""The first that fits is it: checks before migrations, and both before waits."""
_OPTIONS = r"(?:\S{1,80} ){0,20}"
_LENGTH = 20_000


def recognise(container: Mapping[str, object]) -> Other | None:
    """Return what an init container does about a migration, None where its text does not tell."""
    wait = containers.recognise(container)
    if wait and wait.readiness:
        return Other(wait.program, Kind.READINESS, "")
    known = containers.known_variables(container)
    words = [
        containers.image_name(container) if not container.get("command") else "",
        *(containers.expand(text, known) for key in ("command", "args") for text in containers.texts(container, key)),
    ]
    text = re.sub(r"\s+", " ", " ".join(words))[:_LENGTH]
    return next((each for each in TABLE if re.search(each.text.replace("@", _OPTIONS), text)), None)
