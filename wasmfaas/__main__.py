"""`python -m wasmfaas` is `wasmfaas`."""

from wasmfaas.cli import main

main()
