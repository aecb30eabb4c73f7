"""alertd tells families when a service they rely on is down, and keeps telling them."""

__version__ = "0.1.0"
