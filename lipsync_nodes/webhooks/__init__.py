"""Webhooks: the receiver, and the worker that handles what it receives."""

from lipsync_nodes.webhooks._logs import keep_tokens_out_of_logs
from lipsync_nodes.webhooks._receiver import LARGEST_BODY, WebhookReceiver
from lipsync_nodes.webhooks._worker import OnJob

__all__ = ["LARGEST_BODY", "OnJob", "WebhookReceiver", "keep_tokens_out_of_logs"]
