"""Event source mappings at work: sources are read, functions invoked with what they hold."""
