"""`describe` is enough to build an input blindly: what its schema allows runs, what it refuses the form refuses."""

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from lipsync_nodes import InvalidRequest
from lipsync_nodes.service import spec_named
from lipsync_nodes.settings import Profile
from lipsync_nodes_pluggy import manager, plugin_for

(NODES,) = manager().hook.lipsync_nodes_describe()
BY_ID = {node.id: node for node in NODES}
BLINDLY = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
WIDELY = settings(BLINDLY, max_examples=100)


def inputs_of(node, mode=GenerationMode.POSITIVE):
    """Make a strategy of a node's schema alone: schemathesis does it for any schema in an OpenAPI document."""
    body = {"required": True, "content": {"application/json": {"schema": BY_ID[node].inputs}}}
    post = {"requestBody": body, "responses": {"200": {"description": "ok"}}}
    document = {"openapi": "3.1.0", "info": {"title": "blind", "version": "1"}, "paths": {"/": {"post": post}}}
    operation = schemathesis.openapi.from_dict(document)["/"]["POST"]
    return operation.as_strategy(generation_mode=mode).map(lambda case: case.body)


@pytest.mark.parametrize("node", BY_ID)
def test_whatever_the_schema_allows_the_sandbox_takes(node, sandbox):
    nodes = plugin_for("lipsync_nodes", profile=Profile(api_key=sandbox.api_key, base_url=sandbox.base_url))
    accepted = []

    @BLINDLY
    @given(inputs=inputs_of(node))
    def check(inputs):
        accepted.append(nodes.lipsync_nodes_submit(node, inputs, None).id)

    check()
    nodes.close()
    assert len(set(accepted)) == len(sandbox.received("submit")) >= 20


NEARLY_URLS = st.one_of(
    st.text(alphabet="hHtTpPsS:/?#@[]. \n\t1258é你\u200bx%-\\", max_size=24).map("https://".__add__),
    st.from_regex(r"(https?|ftp|file)://[a-z.:@\[\]0-9]{0,12}(/[ -~\n]{0,6})?"),
    st.sampled_from(["", "  ", "face.png", "/etc/passwd", "C:\\face.png", "//x/y", "https://x:65536/", "https://x\n"]),
)


def nearly(node):
    """Give right inputs but for one field, which is nearly right, of another kind, missing, or one too many."""
    fields = st.sampled_from(sorted(BY_ID[node].inputs["properties"]) + ["colour"])
    odd = NEARLY_URLS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    odd |= st.dictionaries(st.sampled_from(["seed", "image", "x"]), st.none(), max_size=2)

    def change(inputs, field, value, leave_out):
        rest = {name: given for name, given in inputs.items() if name != field}
        return rest if leave_out else {**rest, field: value}

    return st.builds(change, inputs_of(node), fields, odd, st.booleans())


@pytest.mark.parametrize("node", BY_ID)
def test_whatever_the_schema_refuses_the_form_refuses(node):
    spec, schema = spec_named(node), jsonschema.Draft202012Validator(BY_ID[node].inputs)
    refused = []

    @WIDELY
    @given(inputs=inputs_of(node, GenerationMode.NEGATIVE) | nearly(node))
    def check(inputs):
        if not schema.is_valid(inputs):
            refused.append(inputs)
            with pytest.raises(InvalidRequest):
                spec.form_from(inputs)

    check()
    assert len(refused) >= 50


@pytest.mark.parametrize("node", BY_ID)
def test_a_schema_can_be_put_anywhere(node):
    assert "$ref" not in repr(BY_ID[node])
