"""What to do, in ComfyUI's words: the core's hints speak of its Python and of its command line."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["in_comfyui"]

_WORDS: Final[dict[str, str]] = {
    r"Set LIPSYNC_API_KEY to your key": "Set LIPSYNC_API_KEY, before ComfyUI starts, to your key",
    r"\(`lipsync-nodes demo`, or `--sandbox` on any command\)": "(start `lipsync-nodes sandbox`, and set "
    "LIPSYNC_BASE_URL to its address)",
    r"A sandbox needs none: add --sandbox\.": "A sandbox needs none.",
    r"submit again with resubmit_uncertain=True( \(\S+\))?": "run this node once with `force_new` on",
    r", or submit with the same key later, which sends": ", or run again later, which sends",
    r"`lipsync-nodes jobs` lists what runs; the limits": "The limits",
    r"Set LIPSYNC_WEBHOOK to it; `lipsync-nodes webhook serve` starts one\.": "Set LIPSYNC_WEBHOOK to it.",
    r"see `lipsync-nodes jobs`": "run again to be given it",
    r"`lipsync-nodes wait (\S+)` or client\.wait\(\S+\) waits again": r"run again, or give \1 to a Lipsync Wait node",
    r"`lipsync-nodes wait (\S+)` asks for it again": r"A Lipsync Wait node with \1 asks for it again",
    r" \(`lipsync-nodes status \S+ --json` shows all that the service says of it\)": "",
    r"keep its id, and `lipsync-nodes wait (\S+)`": r"give its id \1 to a Lipsync Wait node",
    r"`lipsync-nodes download (\S+)` fetches it again": r"a Lipsync Wait node with \1 fetches it again",
    r", or insist with allow_long=True \(`--allow-long`\)": ", for example with Trim Audio Duration",
    r"Give the audio's length, or submit without a budget": "Connect the audio itself, whose length can be seen, or "
    "take the budget out of the profile",
}


def in_comfyui(hint: str) -> str:
    """Return a hint of the core as a user of ComfyUI can follow it."""
    for core, ours in _WORDS.items():
        hint = re.sub(core, ours, hint)
    return hint
