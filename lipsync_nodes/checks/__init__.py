"""What can be known of a submission before it is paid for, and of its video. Nothing here sends anything.

Each name is loaded when it is first used. Looking at pictures and listening to sound needs the extra `check`.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.checks._check import Check, check_form
    from lipsync_nodes.checks._finding import Basis, Finding, Severity, Verdict
    from lipsync_nodes.checks._limit import Limit
    from lipsync_nodes.checks._paid import holds
    from lipsync_nodes.checks._request import CheckRequest, Paid
    from lipsync_nodes.checks._urls import url_findings
    from lipsync_nodes.checks._verification import Measured, Reason, SyncVerdict, Verification
    from lipsync_nodes.checks._verify import require_perception, verify
    from lipsync_nodes.settings import CheckMode

__all__ = [
    "Basis",
    "Check",
    "CheckMode",
    "CheckRequest",
    "Finding",
    "Limit",
    "Measured",
    "Paid",
    "Reason",
    "Severity",
    "SyncVerdict",
    "Verdict",
    "Verification",
    "check_form",
    "holds",
    "require_perception",
    "url_findings",
    "verify",
]

_HOMES = {
    "checks._check": ("Check", "check_form"),
    "checks._finding": ("Basis", "Finding", "Severity", "Verdict"),
    "checks._limit": ("Limit",),
    "checks._paid": ("holds",),
    "checks._request": ("CheckRequest", "Paid"),
    "checks._verification": ("Measured", "Reason", "SyncVerdict", "Verification"),
    "checks._verify": ("require_perception", "verify"),
    "checks._urls": ("url_findings",),
    "settings": ("CheckMode",),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
