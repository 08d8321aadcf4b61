"""Fakes of the ports, and the suites that fakes and adapters must both pass. Used by tests only."""
