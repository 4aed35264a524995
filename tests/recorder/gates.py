"""The gates that most fixtures have: each is (arguments, outcome, part of the reason), as Recording.save takes them."""

Line = tuple[str, str, str]


def has(revision: str, name: str | None = None) -> Line:
    """A gate on a revision that is applied; `name` is what the gate calls it, where that differs."""
    return f"--revision {revision}", "opened", f"has {name or revision} applied"


def has_both(first: str, second: str, reason: str = "") -> Line:
    """A gate on two revisions that are applied."""
    return f"--revision {first} --revision {second}", "opened", reason


def awaits(revision: str, at: str = "") -> Line:
    """A gate on a revision that is not applied; `at` is the newest that is."""
    return f"--revision {revision}", "timed out", f"{at and f'is at {at}; '}awaiting {revision}"


def nothing(revision: str) -> Line:
    """A gate on a revision while the tool's table is empty."""
    return f"--revision {revision}", "timed out", f"has nothing applied; awaiting {revision}"


def empty(first: str) -> tuple[Line, Line]:
    """Gates while the tool's table is empty."""
    return nothing(first), ("--migrations migrations", "timed out", "has nothing applied")


def no_table(revision: str) -> Line:
    """A gate on a revision while there is no table, or one of another name."""
    return f"--revision {revision}", "timed out", "there is no history table"


def has_all(directory: str = "migrations") -> Line:
    """A gate on a directory of which all is applied."""
    return f"--migrations {directory}", "opened", ""


def lacks(revision: str, directory: str = "migrations") -> Line:
    """A gate on a directory of which this is not applied."""
    return f"--migrations {directory}", "timed out", f"awaiting {revision}"


def part_way(second: str, third: str, directory: str = "migrations") -> tuple[Line, Line, Line]:
    """Gates while the second is the newest that is applied."""
    return has(second), awaits(third, second), lacks(third, directory)


def missing(late: str, third: str, name: str | None = None) -> tuple[Line, Line, Line]:
    """Gates while the third is applied and one that was merged late, into `migrations-late`, is not."""
    return (
        has(third),
        (f"--revision {late}", "timed out", f"awaiting {name or late}"),
        lacks(name or late, "migrations-late"),
    )


def beyond(wanted: str, newest: str, name: str | None = None) -> Line:
    """A gate on a revision that is applied, but is not the newest."""
    return f"--revision {wanted}", "opened", f"is at {newest}, past the wanted {name or wanted}"


def past(wanted: str, newest: str) -> tuple[Line, Line, Line]:
    """Gates on a revision that the database is past, one for each --if-ahead."""
    told = f"past the wanted {wanted}"
    return beyond(wanted, newest), *_ahead(wanted, told)


def past_all(wanted: str, newest: str) -> tuple[Line, ...]:
    """Gates on a revision and on the directory that the database is past, all of which name the newest."""
    _, _, told = beyond(wanted, newest)
    return beyond(wanted, newest), *_ahead(wanted, told), ("--migrations migrations", "opened", told)


def _ahead(wanted: str, told: str) -> tuple[Line, Line]:
    gate = f"--revision {wanted} --if-ahead"
    return (f"{gate} wait", "timed out", told), (f"{gate} refuse", "refused", told)
