"""Damaged and hostile files, for every reader: made here, read in a process that may die of it, and counted.

    python -m benchmarks.fuzzing --mutations 100000 --out docs/reliability.md

`readers.py` has the table of all readers, `damage.py` what happens to files, `worker.py` the process that reads.
"""
