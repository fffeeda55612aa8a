"""Video: pictures and films in, the MP4 file out, and a look at what came out."""
