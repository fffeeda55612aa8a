"""The ComfyUI pack of lipsync-nodes: its place in the layout. It holds no nodes yet; the core is `lipsync_nodes`."""
