"""Who asked for which mailing list, and the proof that they did. Knows nothing of editions, mail or providers."""
