"""How often jobs are polled, in seconds."""

from __future__ import annotations

from typing import Final

# The service recommends 5 to 10 s. Each wait keeps to this interval after its first poll, which is spread; with a
# history it is 6.25 or 10 s.
DEFAULT_POLL_INTERVAL: Final = 7.5
# A sandbox on this machine renders in seconds, and frequent polls do it no harm.
LOCAL_POLL_INTERVAL: Final = 0.5
# If a webhook is expected, which may never arrive.
WEBHOOK_POLL_INTERVAL: Final = 30.0
