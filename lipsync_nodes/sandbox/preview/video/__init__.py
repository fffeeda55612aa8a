"""The video: reads images and films, writes the MP4 file and measures its lip sync."""
