"""The demo: a season of its own, simulated buyers, the flows, and everything served."""
