"""Measure the built image's gate beside its peers, on a real API server and a real PostgreSQL; see RESULTS.md.

`__main__` runs the parts one after the other and writes the results. A part is a module whose `measure` returns rows:
`image`, `job`, `schema`, `rollout`, `watches`, `coldstart`. `programs` starts what is measured, by `launch`.
`directories` is run by itself.
"""
