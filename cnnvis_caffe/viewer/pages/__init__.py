"""Whole pages and dialogs: start, open, a neuron, comparison, help."""
