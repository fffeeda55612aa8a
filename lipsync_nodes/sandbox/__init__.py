"""The sandbox: the service in a box, for tests and for trying things out without an account.

    with Sandbox() as sandbox:
        client = LipsyncClient(api_key=sandbox.api_key, base_url=sandbox.base_url)

It speaks the service's API over real HTTP, renders preview videos and fails on demand; README.md in this folder says
how to use it. Importing this module is cheap: the server and its packages are loaded when a `Sandbox` starts.
"""

from lipsync_nodes.sandbox._sandbox import MEDIA, Sandbox

__all__ = ["MEDIA", "Sandbox"]
