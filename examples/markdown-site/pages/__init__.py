"""What the site shows, read with `importlib.resources`."""
