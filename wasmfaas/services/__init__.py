"""Services elsewhere that this server sends to or receives from: a client of each."""
