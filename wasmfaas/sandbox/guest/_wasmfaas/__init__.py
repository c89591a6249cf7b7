"""Guest side of Python functions. Runs inside the sandbox, on the guest's own Python."""
