"""What alertd does: one verb per file."""
