"""Demo tasks, see README."""
