"""The Airflow provider of lipsync-nodes: its place in the layout. It holds nothing yet; the core is `lipsync_nodes`."""
