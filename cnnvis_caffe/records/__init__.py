"""Frozen records that pass between stages: arrays with documented shapes, no I/O, no logic."""
