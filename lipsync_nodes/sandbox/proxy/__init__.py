"""A proxy in front of the service: it records, replays, and compares the responses with what is known of the API."""
