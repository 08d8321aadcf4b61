"""What everything means: ids, data, events, ports and the error tree. Imports nothing of ours."""
