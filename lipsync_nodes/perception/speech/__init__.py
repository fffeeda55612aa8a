"""The speech: reads sound files and computes how the mouth moves."""
