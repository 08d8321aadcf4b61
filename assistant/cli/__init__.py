"""The command line: parses, calls the application, prints. Owns no logic; imports nothing heavy before it must."""
