"""What `alertd doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `mark` is ok, note (worth knowing) or wrong (families could not be told)."""

    mark: str
    what: str
    text: str
    mend: tuple[str, ...] = ()
