"""What the service is, without I/O: its forms, jobs, endpoints, prices and responses."""

from lipsync_nodes.service._arguments import check_job_id, check_key, check_tags
from lipsync_nodes.service._catalogue import CATALOGUE, FieldSpec, NodeSpec, spec_named, spec_of
from lipsync_nodes.service._endings import State, later, timeout_of, video_of
from lipsync_nodes.service._fields import (
    MEDIA_URL,
    WEBHOOK_URL,
    Asset,
    Resolution,
    brief,
    check_media_url,
    positive_seconds,
)
from lipsync_nodes.service._forms import Form, ImageForm, ImageMultiForm, VideoForm
from lipsync_nodes.service._job import Job, JobStatus, WebhookEvent, parse_job
from lipsync_nodes.service._lengths import LONGEST_MEDIA, deadline_for, in_seconds, too_long, usual_wait
from lipsync_nodes.service._line import BatchLine, batch_line
from lipsync_nodes.service._pricing import MINIMUM_SECONDS, Credits, Lengths, LengthUnknown, whole_credits
from lipsync_nodes.service._reading import id_in, opened, writable
from lipsync_nodes.service._replies import Answer, NoAnswer, error_of, retry_after, shorten, submit_error

__all__ = [
    "CATALOGUE", "LONGEST_MEDIA", "MEDIA_URL", "MINIMUM_SECONDS", "WEBHOOK_URL", "Answer", "Asset", "BatchLine",
    "Credits", "FieldSpec", "Form", "ImageForm", "ImageMultiForm", "Job", "JobStatus", "LengthUnknown", "Lengths",
    "NoAnswer", "NodeSpec", "Resolution", "State", "VideoForm", "WebhookEvent", "batch_line", "brief", "check_job_id",
    "check_key", "check_media_url", "check_tags", "deadline_for", "error_of", "id_in", "in_seconds", "later", "opened",
    "parse_job", "positive_seconds", "retry_after", "shorten", "spec_named", "spec_of", "submit_error", "timeout_of",
    "too_long", "usual_wait", "video_of", "whole_credits", "writable",
]  # fmt: skip
