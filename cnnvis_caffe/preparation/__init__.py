"""Finds out how images were prepared for a network: by the files beside it, or by trying the usual ways."""
