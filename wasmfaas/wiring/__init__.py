"""How the parts of a server are put together, family by family; `node` puts the families
together."""
