"""Benchmarks: `python -m bench NAME`. README.md says how to read what they print."""
