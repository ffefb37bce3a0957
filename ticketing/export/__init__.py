"""The one door to analytics: which columns are published, how changes are read, how they get to the warehouse."""
