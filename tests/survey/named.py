"""What gate and tool are known to say differently, each with its reason."""

import re
from dataclasses import dataclass

from survey.compare import Finding


@dataclass(frozen=True)
class Named:
    """A disagreement that is no fault, or one that is known."""

    tools: str
    """Pattern of their names."""
    kind: str
    """Pattern of how they differ."""
    words: str
    """Pattern of what the two say, as `str` of a finding has it."""
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is this disagreement."""
        return bool(
            re.fullmatch(self.tools, finding.tool)
            and re.fullmatch(self.kind, finding.kind)
            and re.search(self.words, str(finding), re.DOTALL)
        )


NAMED = (
    Named(".*", "jams", "there is no migration of .* in it", "a directory without migrations proves nothing"),
    Named(".*", "jams|cannot read", "is a link to nothing", "what a link was to lead to may be a migration elsewhere"),
    Named(
        "sqlx|diesel|dbmate",
        "cannot read",
        r"are both \d+; give one of them another",
        "the tool lists two files of one version, and fails at the second: one row tells nothing of either",
    ),
    Named(
        "django",
        "jams|cannot read",
        "is in no folder called migrations, so that only the settings tell",
        "what lies below a folder of migrations is none, unless MIGRATION_MODULES in the settings says so",
    ),
    Named(
        "flyway|sqlx",
        "opens, the tool refuses",
        "hecksum mismatch for migration version|was previously applied but has been modified",
        "a version that is applied is known by its number, as where a squash has that of its last; that its text is "
        "another one now is for the tool's own validation, with which its migration fails",
    ),
    Named(
        "prisma",
        "cannot read",
        "is a folder without migration.sql and stops prisma|there is no migration of prisma in it",
        "Prisma calls a folder without migration.sql pending, and stops when it comes to it",
    ),
    Named(
        "liquibase",
        "jams|cannot read",
        "includes changes/, which is not in it",
        "a folder without a changelog, of which one includes all, may be one that was not mounted",
    ),
    Named(
        "liquibase",
        "jams",
        "awaiting a migration in .* that is for this server",
        "where every changeset leaves this server out, nothing proves that the changelog is the right one",
    ),
    Named(
        "alembic",
        "jams|cannot read",
        "Alembic reads it only if it is told to",
        "a revision below a folder of revisions that follows one of these is as likely left there as meant",
    ),
    Named(
        ".*",
        "jams|cannot read",
        "is a folder, and is called as a migration is",
        "many tools take a folder that is called as a migration for one, and stop at it; those that do not are few",
    ),
    Named(
        "goose-provider",
        "jams|cannot read|awaits others",
        r"stops goose, which runs no other migration then|0+_[^/ ]*\.sql",
        "a Provider passes over SQL whose name has no number, or 0; goose's command refuses to run any then",
    ),
    Named(
        "node-pg-migrate",
        "opens, the tool refuses|jams|cannot read",
        "Cannot determine numeric prefix|stops node-pg-migrate, which runs no other|there is no migration of .* in it",
        "what else lies there is passed over only where settings say so (ignore-pattern), which no directory tells",
    ),
    Named(
        "django",
        "awaits others",
        r"\(.*squash.*\)",
        "a squash that replaces what is applied in part is awaited by its name, or by all that it replaces",
    ),
    Named(
        "sqitch",
        "awaits others",
        r"awaiting .*(:@|\b[0-9a-f]{40}\b|and \d+ more)",
        "sqitch calls changes by name, a gate what recurs by its id, and tags too, of which a list may be cut",
    ),
    Named(
        "sqitch",
        "cannot read",
        "refused: .* has failed; mend the change",
        "what sqitch's own log says has failed is refused, though sqitch would try it again",
    ),
    Named(
        "alembic",
        "jams",
        r"\(.*(below|in a hidden folder|in node_modules).*\): pending \(\) .*; awaiting",
        "where no revision lies in versions itself, the folder that has some is taken for Alembic's own",
    ),
    Named(
        "knex",
        "opens.*|awaits others|cannot read",
        r"\.d\.ts",
        "Knex takes a declaration for a migration and stops at it, unless its settings (loadExtensions) name .js alone",
    ),
    Named(
        "knex",
        "jams|awaits others",
        r"\(.*module.*\)",
        "Knex loads .mjs only where its settings say so (loadExtensions), which no directory tells",
    ),
)


def named(finding: Finding) -> Named | None:
    """Return the disagreement that a finding is, of those that are known."""
    return next((one for one in NAMED if one.covers(finding)), None)
