"""Mutation testing of the pure core: each change of its code that no test notices is a gap; `make mutants` runs it."""
