"""The panels around the picture: controls, findings, layers, snapshots."""
