"""Mouth: the puppet that redraws it, and what else of a head moves in a photo."""
