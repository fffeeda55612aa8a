"""Reads the formState of a submission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lipsync_nodes.service import Form, NodeSpec

__all__ = ["media_of", "parse_form"]


def parse_form(spec: NodeSpec, state: Mapping[str, Any]) -> Form:
    """Return the form. Unknown fields are ignored, because the service does not document them."""
    known = spec.form.model_fields.keys() - {"extra"}
    return spec.form.model_validate({name: value for name, value in state.items() if name in known})


def media_of(spec: NodeSpec, form: Form) -> dict[str, str]:
    """Return the media URLs of a form by field name."""
    return {field.name: url for field in spec.media if (url := getattr(form, field.name))}
