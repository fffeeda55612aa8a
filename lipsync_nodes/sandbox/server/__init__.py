"""The HTTP server: its routes, its page, the stored files and the request journal."""
