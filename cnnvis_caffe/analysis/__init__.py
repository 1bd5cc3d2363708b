"""From a model and data to an analysis file: `analyze.py` has the order of the steps, `merge.py` that for shards."""
