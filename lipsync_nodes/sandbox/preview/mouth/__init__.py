"""The mouth: redraws it to match the speech. Also the eyes and the head of a photo, which move a little."""
