"""What every test of the suite shares."""

import asyncio
import os

os.environ.setdefault("HM_LOG", "text")

# Without this asyncio makes a loop for whoever asks first, pytest-tornado keeps it, and a later asyncio.run() leaves it unclosed.
asyncio.set_event_loop(None)
