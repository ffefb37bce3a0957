"""The waiting list of sold-out events: freed places are offered to who waits, with a timed link."""
