"""UUID version 7: sortable by the time they were made (RFC 9562)."""

import random
import time
from uuid import UUID


def uuid7() -> UUID:
    """A fresh id: 48 bits of milliseconds, 12 bits within the millisecond, 62 random bits."""
    nanos = time.time_ns()
    ms, rest = divmod(nanos, 1_000_000)
    value = (ms & (2**48 - 1)) << 80 | 0x7 << 76 | (rest * 4096 // 1_000_000) << 64
    # Unique, not secret: a system call for every id costs more than making it. A fork seeds `random` anew.
    return UUID(int=value | 0b10 << 62 | random.getrandbits(62))
