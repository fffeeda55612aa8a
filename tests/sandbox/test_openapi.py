"""The OpenAPI document tells the truth: schemathesis finds nothing."""

import json
import os
import subprocess
import sys

import httpx

from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.sandbox.server.app import build_app
from lipsync_nodes.service import CATALOGUE

AUDIO = "https://media.example/voice.mp3"
# What the fuzzer sets as a fault would be found as one in the next request. The schema cannot say which bytes are an
# exported state, so the fuzzer gets real ones.
HOOKS = """
import httpx, pathlib, schemathesis
from hypothesis import strategies

states = [file.read_bytes() for file in pathlib.Path().glob("*.zip")]
schemathesis.openapi.media_type("application/zip", strategies.sampled_from(states))

@schemathesis.hook
def before_call(context, case, kwargs):
    httpx.delete("{url}/sandbox/faults")
"""

# The coverage phase of these two takes too long for each run. Once, its 839 valid and 1,734 invalid rules all had the
# documented responses, in 67 s of processor time for POST alone. Few numbers are those of a rule.
CONFIG = """
[[operations]]
include-path = "/sandbox/faults"
include-method = ["PUT", "POST"]
phases.coverage.enabled = false

[[operations]]
include-path = "/sandbox/faults/{number}"
warnings = false
"""


def test_the_document_has_every_endpoint_and_field(box):
    document = httpx.get(f"{box.url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for spec in CATALOGUE:
        operation = document["paths"][f"/api/v1{spec.path}"]["post"]
        form = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["formState"]
        assert set(form["properties"]) == {field.name for field in spec.fields} - {"extra"}
        assert set(form["required"]) == {field.name for field in spec.fields if field.required}
        assert operation["responses"].keys() == {"200", "400", "401", "413", "415", "422"}
        assert "null" not in json.dumps(form)


def test_the_document_has_every_route(box):
    document = httpx.get(f"{box.url}/openapi.json").json()
    routes = {
        (route.path.replace("{job_id}", "{id}"), method.lower())
        for route in build_app(box._running.service).routes
        for method in route.methods - {"HEAD"}
    }
    pages = {"/", "/api/v1", "/page/{name}", "/docs", "/openapi.json"}
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {(path, method) for path, method in routes if path not in pages}
    assert list(document["webhooks"]) == ["job-ended"]


def test_schemathesis_finds_nothing(box, tmp_path):
    (tmp_path / "hooks.py").write_text(HOOKS.format(url=box.url))
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    box.export(tmp_path / "empty.zip")
    LipsyncClient(box.api_key, box.base_url).submit(ImageForm(image=box.publish(tmp_path / "hooks.py"), audio=AUDIO))
    box.export(tmp_path / "full.zip")
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{box.url}/openapi.json",
        "--header", f"Authorization: Bearer {box.api_key}",
        "--checks", "all", "--mode", "all", "--phases", "coverage,fuzzing,stateful",
        "--max-examples", "12", "--seed", "20", "--no-color",
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
