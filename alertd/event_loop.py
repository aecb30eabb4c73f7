"""The quickest event loop of this platform, for every process of alertd (the sandbox has its own)."""

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where there is one; for `asyncio.Runner(loop_factory=new_loop)`."""
    try:
        import uvloop
    except ImportError:  # not on every platform; asyncio's own loop does the same, slower
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
