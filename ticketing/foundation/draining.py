"""Being told that a serving process has been asked to stop, before it waits for its connections to end.

The HTTP server first waits for open answers and then tells the application. An answer that has no end, a stream, must know earlier.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def when_stopping(callback: Callable[[], None]) -> None:
    """Call `callback` on the running event loop at SIGTERM or SIGINT, beside what the server does then.

    Only where signals arrive: in the main thread, under a server that handles them. Elsewhere there is nobody to tell us.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def told(received: int, frame: FrameType | None, before: Callable[[int, FrameType | None], object] = before) -> None:
            loop.call_soon_threadsafe(callback)
            before(received, frame)

        signal.signal(number, told)
