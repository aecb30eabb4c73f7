"""What alertd is measured against, and how: rounds of shuffled variants on one machine."""
