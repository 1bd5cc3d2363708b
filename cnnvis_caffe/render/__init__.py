"""A scene as a file: PNG, SVG, PDF, HTML. Needs neither a screen nor PyTorch."""
