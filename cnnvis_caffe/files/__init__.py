"""Writing files and folders whole or not at all: beside their place first, then renamed into it."""
