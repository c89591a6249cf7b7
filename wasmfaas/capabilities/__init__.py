"""What a guest may ask the server for, by its function's permissions: section 12 of
`guest-sdks/README.md`."""
