"""Runs real migration tools on real databases and writes what they leave there as fixtures.

`python -m recorder [TOOL...]` in tests/ runs the recipes, one module per tool in `recipes`. A recipe has

* `TABLES`: the tool's tables that are kept,
* `DATABASES`: of "postgresql", "mariadb" and "mysql", those that it runs on,
* `record(recording)`: installs the tool below `recording.cache`, runs it, and saves what it left.

It is short because `packages` and `golang` install tools, `gates` has the gates that most fixtures are to have, and
`scripts` has all that tools share which run a directory of files with SQL up and down.

A recipe may run an older release beside the newest (`Recording.beside`): only what differs gets a fixture of its own. A
tool that no registry has is built from clones of repositories, in the folder that RECORDER_CLONES names; without them
it is passed over, and its fixtures stay.

The fixtures are SQL files with a head of comments (see `fixture`), in tests/fixtures/histories/TOOL.
"""
