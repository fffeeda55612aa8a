"""Everything that adapters and the command line import, besides the names in `lipsync_nodes` itself.

Each name is loaded when it is first used, so a host loads only what it needs.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes._redaction import redact
    from lipsync_nodes._shared import Shared
    from lipsync_nodes._tracebacks import NoFramesBelow
    from lipsync_nodes.client import SubmitOptions, check_service, deadline_for
    from lipsync_nodes.errors import may_pass
    from lipsync_nodes.flows import Budget, Claim, Event, Found
    from lipsync_nodes.http import deliver
    from lipsync_nodes.ledger import (
        ENDS,
        Entry,
        PacedJournal,
        RecordJournal,
        RecordsJournal,
        callback_secret,
        check_target,
        file_identity,
        job_name,
        ledger_file,
        names_folder,
        normal_inputs,
        plain_name,
        token_of,
    )
    from lipsync_nodes.media import (
        PreparedForm,
        content_key,
        known_credits,
        media_seconds,
        rehearse,
        source_and_target,
        store_of,
    )
    from lipsync_nodes.plugins import (
        API_VERSION,
        COMMANDS,
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
        brief,
        check_media_url,
        spec_named,
        video_of,
    )
    from lipsync_nodes.settings import is_loopback, load_profile, profile_of, profiles_file
    from lipsync_nodes.webhooks import OnJob, keep_tokens_out_of_logs

__all__ = [
    "API_VERSION",
    "CATALOGUE",
    "COMMANDS",
    "ENDS",
    "PROJECT",
    "Answer",
    "Budget",
    "Claim",
    "Context",
    "Entry",
    "Event",
    "FieldSpec",
    "Form",
    "Found",
    "JobEvent",
    "NoFramesBelow",
    "NodeInfo",
    "NodeSpec",
    "OnJob",
    "PacedJournal",
    "PreparedForm",
    "RecordJournal",
    "RecordsJournal",
    "Resolution",
    "Shared",
    "SubmitOptions",
    "brief",
    "callback_secret",
    "check_media_url",
    "check_service",
    "check_target",
    "content_key",
    "deadline_for",
    "deliver",
    "file_identity",
    "hookimpl",
    "hookspecs",
    "is_loopback",
    "job_name",
    "keep_tokens_out_of_logs",
    "known_credits",
    "ledger_file",
    "load_profile",
    "loaded",
    "may_pass",
    "media_seconds",
    "names_folder",
    "normal_inputs",
    "plain_name",
    "plugins",
    "profile_of",
    "profiles_file",
    "redact",
    "rehearse",
    "source_and_target",
    "spec_named",
    "store_of",
    "token_of",
    "video_of",
]

_HOMES = {
    "_shared": ("Shared",),
    "_tracebacks": ("NoFramesBelow",),
    "client": ("SubmitOptions", "check_service", "deadline_for"),
    "_redaction": ("redact",),
    "errors": ("may_pass",),
    "flows": (
        "Budget",
        "Claim",
        "Event",
        "Found",
    ),
    "http": ("deliver",),
    "ledger": (
        "ENDS",
        "Entry",
        "PacedJournal",
        "RecordJournal",
        "RecordsJournal",
        "callback_secret",
        "check_target",
        "file_identity",
        "job_name",
        "ledger_file",
        "names_folder",
        "normal_inputs",
        "plain_name",
        "token_of",
    ),
    "media": (
        "PreparedForm",
        "content_key",
        "known_credits",
        "media_seconds",
        "rehearse",
        "source_and_target",
        "store_of",
    ),
    "plugins": (
        "API_VERSION",
        "COMMANDS",
        "Context",
        "JobEvent",
        "NodeInfo",
        "PROJECT",
        "hookimpl",
        "hookspecs",
        "loaded",
        "plugins",
    ),
    "service": (
        "Answer",
        "CATALOGUE",
        "FieldSpec",
        "Form",
        "NodeSpec",
        "Resolution",
        "brief",
        "check_media_url",
        "spec_named",
        "video_of",
    ),
    "settings": ("is_loopback", "load_profile", "profile_of", "profiles_file"),
    "webhooks": ("OnJob", "keep_tokens_out_of_logs"),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
