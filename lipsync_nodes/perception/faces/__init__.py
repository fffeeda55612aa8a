"""The faces: finds them, places 468 landmarks on each, and follows a face through a film."""
