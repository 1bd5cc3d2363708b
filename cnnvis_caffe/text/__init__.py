"""Words, numbers and tables, as terminal, window and pages write them, and names from files that act nowhere."""
