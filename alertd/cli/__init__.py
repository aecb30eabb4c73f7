"""The command line. Everything heavy is imported by the command that needs it: `alertd --help` must be quick."""

from alertd.cli.main import main

__all__ = ["main"]
