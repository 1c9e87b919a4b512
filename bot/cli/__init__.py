"""Somebody asks: each command parses, calls one function below, and prints. Data on stdout, talk on stderr."""
