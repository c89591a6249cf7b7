"""What functions find beside the standard library, without a dependency of their own.

`fetch`, `kv`, `invoke` and `secrets` are what the host does for them; `LambdaContext` is the type
of a handler's context; `wasmfaas.http` reads and answers requests of function URLs, for which
`wasmfaas.wsgi` and `wasmfaas.asgi` run web applications.
"""

import sys

from _wasmfaas import host
from _wasmfaas.context import LambdaContext
from _wasmfaas.host import *  # noqa: F403

__all__ = [*host.__all__, "LambdaContext"]
# For those who import them by these names.
sys.modules |= {f"{__name__}.kv": host.kv, f"{__name__}.secrets": host.secrets}
