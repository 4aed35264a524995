"""Runs real migration tools on real databases and writes what they leave there as fixtures.

`python -m recorder [TOOL...]` in tests/ runs the recipes, one module per tool in `recipes`. A recipe has

* `TABLES`: the tool's tables that are kept,
* `DATABASES`: of "postgresql" and "mariadb", those that it runs on,
* `record(recording)`: installs the tool below `recording.cache`, runs it, and saves what it left.

The fixtures are SQL files with a head of comments (see `fixture`), in tests/fixtures/histories/TOOL.
"""
