"""The door: commands come in through a Unix socket, replies and events go out."""
