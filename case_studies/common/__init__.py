"""What the case studies share."""
