"""For installing and developing the pack: `lipsync-nodes comfyui …`, and the generator of the help pages.

ComfyUI imports nothing of this folder; a copy of the pack and the registry's archive leave it out.
"""
