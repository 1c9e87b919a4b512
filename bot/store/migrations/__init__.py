"""The schema, step by step; what landed is frozen."""
