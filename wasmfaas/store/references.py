"""What the database refers to on disk: the rest is swept."""

import json
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from wasmfaas.models import layers_of
from wasmfaas.store.merging import merged_name
from wasmfaas.store.schema import DEPLOYMENTS, LAYER_VERSIONS

#: In the JSON of every configuration that has layers.
_LAYERS: Final = '"Layers":[{'


def code_digests(connection: Connection) -> set[str]:
    """Names of the blobs and trees in use: packages of deployments and of versions of layers, and
    the layers of deployments, deleted or not, one by one and merged."""
    packages = select(DEPLOYMENTS.c.code_digest).union(select(LAYER_VERSIONS.c.code_digest))
    return {*connection.scalars(packages), *_of_layers(connection)}


def code_bytes(connection: Connection) -> int:
    """The bytes of the packages of all deployments and of all versions of layers."""
    tables = (DEPLOYMENTS, LAYER_VERSIONS)
    sums = [connection.scalar(select(func.sum(table.c.code_size_bytes))) for table in tables]
    return sum(int(size or 0) for size in sums)


def _of_layers(connection: Connection) -> Iterator[str]:
    query = select(DEPLOYMENTS.c.configuration).where(
        DEPLOYMENTS.c.configuration.contains(_LAYERS, autoescape=True)
    )
    for text in connection.scalars(query):
        digests = [layer.digest for layer in layers_of(json.loads(text))]
        if digests:
            yield from digests
            yield merged_name(digests)
