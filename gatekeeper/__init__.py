"""Hold a pod until the database migration that its code needs has finished.

Look, judge, wait, open: `cli` turns flags into checks, `kube` and `postgres` look, `job` and `history` judge, `gate`
waits and opens. Imports go one way, from the command line down to `verdict`.
"""

__version__ = "0.1.0"
