"""The same texts and vectors in other libraries: what a person would otherwise build a memory of.

Each library runs in a process of its own, in an environment of its own (``.venv-bench``), so the modules that run
there (``child``, ``corpus`` and one for each library) import nothing of ``assistant``, except ``ours``.
"""
