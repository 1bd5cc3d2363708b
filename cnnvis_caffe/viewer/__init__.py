"""The window: a PyQt5 program that draws scenes and turns clicks and keys into edits."""
