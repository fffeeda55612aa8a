"""Faults on demand: the rules, and how they change an HTTP exchange."""

from lipsync_nodes.sandbox.faults.rules import ACTIONS, Faults, Rule

__all__ = ["ACTIONS", "Faults", "Rule"]
