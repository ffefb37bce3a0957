"""A payment provider for demo and tests: a process of its own, with its own ledger, that signs its webhooks.

It shares no code with the core but the standard library and the web server: what it confirms, it confirms by itself.
"""
