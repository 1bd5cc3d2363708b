"""The line chart of debugging information, drawn as a scene, with a pointer and keys."""
