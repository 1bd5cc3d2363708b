"""Decides what the window shows and does, without Qt: the session, its pictures, edits, names."""
