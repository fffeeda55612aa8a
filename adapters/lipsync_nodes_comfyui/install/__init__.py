"""For people who set the pack up or work on it: `lipsync-nodes comfyui …`, and what makes the help pages.

ComfyUI imports nothing of this folder; a copy of the pack and the registry's archive leave it out.
"""
