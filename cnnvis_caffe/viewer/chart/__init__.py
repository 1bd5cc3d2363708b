"""Debugging information as a line chart; the only part that uses pyqtgraph."""
