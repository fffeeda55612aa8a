"""What can be known of a submission before it is paid for. Nothing here sends anything to the service.

Each name is loaded when it is first used. Looking at pictures and listening to sound needs the extra `check`.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.checks._check import Check, check_form
    from lipsync_nodes.checks._finding import Basis, Finding, Severity, Verdict
    from lipsync_nodes.checks._paid import holds
    from lipsync_nodes.checks._request import CheckRequest, Paid
    from lipsync_nodes.settings import CheckMode

__all__ = [
    "Basis",
    "Check",
    "CheckMode",
    "CheckRequest",
    "Finding",
    "Paid",
    "Severity",
    "Verdict",
    "check_form",
    "holds",
]

_HOMES = {
    "checks._check": ("Check", "check_form"),
    "checks._finding": ("Basis", "Finding", "Severity", "Verdict"),
    "checks._paid": ("holds",),
    "checks._request": ("CheckRequest", "Paid"),
    "settings": ("CheckMode",),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
