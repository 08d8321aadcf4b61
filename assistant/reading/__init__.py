"""Adapters from files, mail and histories to documents: bytes in, chunks with a way back to the bytes out."""
