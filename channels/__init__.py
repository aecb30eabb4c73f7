"""One file per channel; each hands a message to a provider or says why it could not."""

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Machine time, aware UTC (`alertd.ports.Clock.machine`); every channel is made with one."""
