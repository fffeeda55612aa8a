"""Faces: where they are, 468 landmarks on each, and the same face through a film."""
