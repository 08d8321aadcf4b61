"""What others can see of the running process: figures, a log, traces. Nothing leaves the computer unless told to."""
