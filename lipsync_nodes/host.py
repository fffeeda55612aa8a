"""Everything that adapters and the command line import, besides the names in `lipsync_nodes` itself.

Each name is loaded when it is first used, so a host loads only what it needs.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes._redaction import redact
    from lipsync_nodes._shared import Shared
    from lipsync_nodes._tracebacks import NoFramesBelow
    from lipsync_nodes.agents import Roots, Tool, Tools, tools_of
    from lipsync_nodes.checks import Verdict, Verification, check_form, require_perception, verify
    from lipsync_nodes.client import SubmitOptions, VerifyOptions, check_service, refusal
    from lipsync_nodes.errors import may_pass
    from lipsync_nodes.flows import (
        Accepted,
        Budget,
        Claim,
        Claimed,
        Event,
        Found,
        Refused,
        Seen,
        Submission,
        Superseded,
        Uncertain,
    )
    from lipsync_nodes.http import deliver
    from lipsync_nodes.ledger import (
        ENDS,
        Entry,
        PacedJournal,
        RecordJournal,
        RecordsJournal,
        Report,
        Sums,
        callback_secret,
        check_target,
        file_identity,
        job_name,
        ledger_file,
        names_folder,
        normal_inputs,
        plain_name,
        report_of,
        token_of,
    )
    from lipsync_nodes.media import (
        PreparedForm,
        PublicFiles,
        content_key,
        inputs_of,
        known_credits,
        media_seconds,
        rehearse,
        source_and_target,
        store_of,
    )
    from lipsync_nodes.plugins import (
        API_VERSION,
        PROJECT,
        Context,
        JobEvent,
        NodeInfo,
        hookimpl,
        hookspecs,
        loaded,
        plugins,
    )
    from lipsync_nodes.service import (
        CATALOGUE,
        Answer,
        FieldSpec,
        Form,
        NodeSpec,
        Resolution,
        batch_line,
        brief,
        check_media_url,
        check_tags,
        deadline_for,
        spec_named,
        usual_wait,
        video_of,
    )
    from lipsync_nodes.settings import CheckMode, is_loopback, load_profile, profile_of, profiles_file
    from lipsync_nodes.webhooks import OnJob, keep_tokens_out_of_logs

__all__ = [
    "API_VERSION", "CATALOGUE", "ENDS", "PROJECT", "Accepted", "Answer", "Budget", "CheckMode", "Claim", "Claimed",
    "Context", "Entry", "Event", "FieldSpec", "Form", "Found", "JobEvent", "NoFramesBelow", "NodeInfo", "NodeSpec",
    "OnJob", "PacedJournal", "PreparedForm", "PublicFiles", "RecordJournal", "RecordsJournal", "Refused", "Report",
    "Resolution", "Roots", "Seen", "Shared", "Submission", "SubmitOptions", "Sums", "Superseded", "Tool", "Tools",
    "Uncertain", "Verdict", "Verification", "VerifyOptions", "batch_line", "brief", "callback_secret", "check_form",
    "check_media_url", "check_service", "check_tags", "check_target", "content_key", "deadline_for", "deliver",
    "file_identity", "hookimpl", "hookspecs", "inputs_of", "is_loopback", "job_name", "keep_tokens_out_of_logs",
    "known_credits", "ledger_file", "load_profile", "loaded", "may_pass", "media_seconds", "names_folder",
    "normal_inputs", "plain_name", "plugins", "profile_of", "profiles_file", "redact", "refusal", "rehearse",
    "report_of", "require_perception", "source_and_target", "spec_named", "store_of", "token_of", "tools_of",
    "usual_wait", "verify", "video_of",
]  # fmt: skip

_HOMES = {
    "_shared": ("Shared",),
    "_tracebacks": ("NoFramesBelow",),
    "checks": ("Verdict", "Verification", "check_form", "require_perception", "verify"),
    "client": ("SubmitOptions", "VerifyOptions", "check_service", "refusal"),
    "agents": ("Roots", "Tool", "Tools", "tools_of"),
    "_redaction": ("redact",),
    "errors": ("may_pass",),
    "flows": (
        "Accepted", "Budget", "Claim", "Claimed", "Event", "Found", "Refused", "Seen", "Submission", "Superseded",
        "Uncertain",
    ),
    "http": ("deliver",),
    "ledger": (
        "ENDS", "Entry", "PacedJournal", "RecordJournal", "RecordsJournal", "Report", "Sums", "callback_secret",
        "check_target", "file_identity", "job_name", "ledger_file", "names_folder", "normal_inputs", "plain_name",
        "report_of", "token_of",
    ),
    "media": (
        "PreparedForm", "PublicFiles", "content_key", "inputs_of", "known_credits", "media_seconds", "rehearse",
        "source_and_target", "store_of",
    ),
    "plugins": (
        "API_VERSION", "Context", "JobEvent", "NodeInfo", "PROJECT", "hookimpl", "hookspecs", "loaded", "plugins",
    ),
    "service": (
        "Answer", "CATALOGUE", "FieldSpec", "Form", "NodeSpec", "Resolution", "batch_line", "brief", "check_media_url",
        "check_tags", "deadline_for", "spec_named", "usual_wait", "video_of",
    ),
    "settings": ("CheckMode", "is_loopback", "load_profile", "profile_of", "profiles_file"),
    "webhooks": ("OnJob", "keep_tokens_out_of_logs"),
}  # fmt: skip
__getattr__, __dir__ = lazy(__name__, _HOMES)
