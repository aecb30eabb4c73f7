"""What alertd promises and how it decides: pure functions over plain data."""
