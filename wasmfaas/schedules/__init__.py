"""When something is due: schedule expressions, time zones, and the occurrences they make."""
