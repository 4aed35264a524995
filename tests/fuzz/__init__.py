"""Coverage-guided fuzzing of every reader of text; `make fuzz` runs it, unit/test_fuzz.py the same with few texts."""
