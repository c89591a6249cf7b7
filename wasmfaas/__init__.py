"""AWS Lambda for your own machine, with WebAssembly where Lambda has microVMs."""

__version__ = "0.1.0"
