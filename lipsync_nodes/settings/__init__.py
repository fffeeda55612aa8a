"""Profiles: the API key, the base URL, the storage for files and the receiver of webhooks."""

from lipsync_nodes.settings._accounts import normal_account
from lipsync_nodes.settings._load import hidden, load_profile, profile_of, profiles_file
from lipsync_nodes.settings._nested import Storage, Webhook
from lipsync_nodes.settings._places import named_path, user_folder, variable
from lipsync_nodes.settings._profile import DEFAULT_BASE_URL, EMBEDDED_ACCOUNT, LOCAL_KEY, CheckMode, Profile
from lipsync_nodes.settings._urls import is_loopback

__all__ = [
    "DEFAULT_BASE_URL", "EMBEDDED_ACCOUNT", "LOCAL_KEY", "CheckMode", "Profile", "Storage", "Webhook", "hidden",
    "is_loopback", "load_profile", "named_path", "normal_account", "profile_of", "profiles_file", "user_folder",
    "variable",
]  # fmt: skip
