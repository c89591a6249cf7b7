"""Who calls, and what they may do: access keys, Signature Version 4, roles."""
