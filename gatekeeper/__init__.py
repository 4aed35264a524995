"""Hold a pod until the database migration that its code needs has finished.

Look, judge, wait, open: `cli` turns flags into checks, `kube`, `postgres` and `mysql` look, `job` and `history` judge,
the latter by the records in `tools`, `gate` waits and opens. Beside the gate, `directories` reads migrations that are
not applied yet, `inject` adds the gate to manifests by `edits`, `rbac` and `audit` are for who grants its rights, and
`peers` knows the gates that it replaces. Imports go one way, from the command line down to `verdict`.
"""

__version__ = "0.1.0"
