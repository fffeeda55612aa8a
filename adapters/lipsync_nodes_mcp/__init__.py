"""The endpoints as tools for agents: an MCP server. `lipsync-nodes mcp` runs it; see `_server` and `_tools`."""
