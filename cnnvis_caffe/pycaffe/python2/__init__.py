"""Python 2 scripts run untouched: translated when they are imported, with Python 2's names around them."""
