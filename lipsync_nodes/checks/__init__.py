"""What can be known of a submission before it is paid for. Nothing here sends anything to the service.

Each name is loaded when it is first used. Looking at pictures and listening to sound needs the extra `check`.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.checks._finding import Basis, CheckMode, Finding, Severity, Verdict

__all__ = ["Basis", "CheckMode", "Finding", "Severity", "Verdict"]

_HOMES = {
    "checks._finding": ("Basis", "CheckMode", "Finding", "Severity", "Verdict"),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
