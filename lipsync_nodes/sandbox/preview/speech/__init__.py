"""Speech: sound files in, and how the mouth has to move with them."""
