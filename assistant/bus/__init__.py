"""The runtime of the living process: envelopes, bounded mailboxes, actors under supervision, jobs, a journal."""
