"""One event loop in a background thread, for synchronous callers of the outside (flows, the simulation, page handlers)."""

from __future__ import annotations

import asyncio
import threading
from functools import cache


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The process's background loop, started on first use."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="outside", daemon=True).start()
    return loop
