"""The steps of an analysis: the model, its snapshots, the data, the passes, the result. `pipeline.py` has the order."""
