"""Webhooks: the receiver, and the follow-up of what it receives."""

from lipsync_nodes.webhooks._follow_up import OnJob
from lipsync_nodes.webhooks._receiver import LARGEST_BODY, WebhookReceiver, keep_tokens_out_of_logs

__all__ = [
    "LARGEST_BODY",
    "OnJob",
    "WebhookReceiver",
    "keep_tokens_out_of_logs",
]
