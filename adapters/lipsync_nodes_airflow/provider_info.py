"""The description of this provider, which Airflow reads at the start of every command. It imports nothing.

An exception here, a name that Airflow's schema does not know, or a package name that is not the distribution's would
stop every `airflow` command of the installation.
"""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the format of Airflow's `provider_info.schema.json`."""
    name = "lipsync.studio"
    return {
        "package-name": "lipsync-nodes",
        "name": name,
        "description": "Lip-sync videos with the lipsync.studio API.",
        "integrations": [{"integration-name": name, "external-doc-url": "https://lipsync.studio", "tags": ["service"]}],
        "hooks": [{"integration-name": name, "python-modules": ["lipsync_nodes_airflow.hooks"]}],
        "operators": [
            {
                "integration-name": name,
                "python-modules": [
                    "lipsync_nodes_airflow.operators",
                    "lipsync_nodes_airflow.batch",
                    "lipsync_nodes_airflow.check",
                    "lipsync_nodes_airflow.verify",
                ],
            }
        ],
        "sensors": [{"integration-name": name, "python-modules": ["lipsync_nodes_airflow.sensors"]}],
        "triggers": [
            {
                "integration-name": name,
                "python-modules": ["lipsync_nodes_airflow.triggers", "lipsync_nodes_airflow.batch_wait"],
            }
        ],
        "extra-links": [
            "lipsync_nodes_airflow.links.LipsyncJobLink",
            "lipsync_nodes_airflow.links.LipsyncVideoLink",
        ],
        "asset-uris": [{"schemes": ["lipsync"], "handler": None}],  # of `asset_events`
        "connection-types": [
            {
                "connection-type": "lipsync",
                "hook-name": name,
                "hook-class-name": "lipsync_nodes_airflow.hooks.LipsyncHook",
                "conn-fields": {
                    "storage": {
                        "label": "Storage",
                        "schema": {"type": ["string", "null"]},
                        "description": "Where media files are published: s3://bucket/prefix, gs://… or az://…",
                    },
                    "budget": {
                        "label": "Budget",
                        "schema": {"type": ["integer", "null"], "minimum": 0},
                        "description": "The most credits that one task may spend. For media that are URLs, give their "
                        "lengths as `media_seconds` of the operator.",
                    },
                    "check": {
                        "label": "Check",
                        "schema": {"type": ["string", "null"], "enum": ["off", "warn", "refuse", None]},
                        "description": "What operators do with findings before they submit: warn (the default), refuse "
                        "or off. The argument `check` of an operator comes first.",
                    },
                    "webhook": {
                        "label": "Webhook",
                        "schema": {"type": ["string", "null"]},
                        "description": "The receiver's public https URL, for operators with webhook='auto'.",
                    },
                    "webhook_secret": {
                        "label": "Webhook secret",
                        "schema": {"type": ["string", "null"], "format": "password"},
                        "description": "The same secret as in the receiver's profile, at least 16 characters.",
                    },
                },
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port"],
                    "relabeling": {"password": "API key", "host": "Base URL"},
                    "placeholders": {"password": "sk_…", "host": "https://lipsync.studio/api/v1"},
                },
            }
        ],
    }
