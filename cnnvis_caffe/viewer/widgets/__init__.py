"""Small widgets of one look, painted by us."""
