"""The sandbox: the service on your own machine, for tests and for trying things out without an account.

    with Sandbox() as sandbox:
        client = LipsyncClient(api_key=sandbox.api_key, base_url=sandbox.base_url)

It speaks the service's API over real HTTP, renders preview videos and fails on demand; README.md in this folder says
how to use it. Importing this module is cheap: the server and its packages are loaded when a `Sandbox` starts.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy
from lipsync_nodes.sandbox._needs import require
from lipsync_nodes.sandbox._sandbox import MEDIA, Sandbox

if TYPE_CHECKING:
    from lipsync_nodes.sandbox._embedded import embedded
    from lipsync_nodes.sandbox._process import SandboxProcess
    from lipsync_nodes.sandbox._proxy import Proxy
    from lipsync_nodes.sandbox._remote import RunningSandbox
    from lipsync_nodes.sandbox.proxy.differences import Difference

__all__ = ["MEDIA", "Difference", "Proxy", "RunningSandbox", "Sandbox", "SandboxProcess", "embedded", "require"]

_HOMES = {
    "sandbox._embedded": ("embedded",),
    "sandbox._process": ("SandboxProcess",),
    "sandbox._proxy": ("Proxy",),
    "sandbox._remote": ("RunningSandbox",),
    "sandbox.proxy.differences": ("Difference",),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
