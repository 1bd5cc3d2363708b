"""Writing files and folders whole or not at all, and reading those of strangers within bounds."""
