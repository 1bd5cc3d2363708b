"""What stands around the picture: control panel, findings, layers, snapshots."""
