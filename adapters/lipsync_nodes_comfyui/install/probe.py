"""A program that `comfyui check` runs in ComfyUI's Python: it prints one JSON object about the core there.

That Python may be old, and may lack the core, so nothing but the standard library is imported first.
"""

from __future__ import annotations

import json
import sys


def main(profile: str, checkout: str, ask: str = "") -> dict[str, object]:
    """Check the core, the key and the storage.

    Args:
        profile: the name of a profile; empty for the usual one.
        checkout: the folder of a checkout in `custom_nodes`, whose core ComfyUI takes if there is no other; or empty.
        ask: not empty to also ask the service.

    """
    sys.path.extend([checkout] if checkout else [])
    found: dict[str, object] = {"python": ".".join(map(str, sys.version_info[:3]))}
    try:
        import lipsync_nodes  # noqa: PLC0415

        found["core"] = lipsync_nodes.__version__
        from lipsync_nodes import (  # noqa: PLC0415
            AsyncLipsyncClient,  # noqa: F401  # all that the nodes need
            LipsyncError,
        )
        from lipsync_nodes.host import (  # noqa: PLC0415
            check_service,
            load_profile,
            store_of,
        )
        from lipsync_nodes.sandbox import require  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001  # an old core, or one of another Python, may fail in any way
        return {**found, "error": f"{type(error).__name__}: {error}"}
    for check in ("profile", "storage", *(["service"] if ask else [])):
        try:
            settings = load_profile(profile or None)
            words = f"{settings.name!r}, base URL {settings.base_url}"
            if settings.embedded:
                require()
                words = "the sandbox, which ComfyUI starts by itself"
            elif check == "profile":
                settings.bearer()
            elif check == "storage" and settings.public_base and not settings.storage:
                words = f"{settings.name!r}, served by this ComfyUI at {settings.public_base}/lipsync/files/"
            elif check == "storage":
                store_of(settings)
            else:
                words = check_service(settings)
            found[check] = {"ok": True, "found": words}
        except LipsyncError as error:
            error.speak("comfyui")
            found[check] = {"ok": False, "found": error.message, "do": error.hint}
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201  # `comfyui check` reads this
