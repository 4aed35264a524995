"""Hold a pod until the database migration that its code needs has finished.

Look, judge, wait, open: `cli` turns flags into checks, `jobs` and `histories` look and judge, the latter by what is
known of the migration tools in `tools`, `gate` waits and opens. Beside the gate, `manifests` reads, audits and edits
what it is deployed by. CONTRIBUTING.md has the map.
"""

__version__ = "0.1.0"
