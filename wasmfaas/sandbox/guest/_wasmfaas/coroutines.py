"""Handlers that are coroutines: `async def lambda_handler`, with or without `yield`."""

from collections.abc import AsyncIterator, Iterator
from types import AsyncGeneratorType, CoroutineType
from typing import Any

_CO_COROUTINE, _CO_ASYNC_GENERATOR = 0x80, 0x200


def prepare(handler: Any) -> None:
    """Import what a *handler* that is a coroutine will need, while that is still paid for once."""
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & (_CO_COROUTINE | _CO_ASYNC_GENERATOR):
        import asyncio  # noqa: F401


def is_coroutine(answer: Any) -> bool:
    return type(answer) is CoroutineType


def is_generator(answer: Any) -> bool:
    return type(answer) is AsyncGeneratorType


def completed(coroutine: Any) -> Any:
    """What *coroutine* returns, once it has run."""
    import asyncio

    return asyncio.run(coroutine)


def iterated(chunks: AsyncIterator[Any]) -> Iterator[Any]:
    """What *chunks* yields, each as it comes."""
    import asyncio

    with asyncio.Runner() as runner:
        while True:
            try:
                chunk = runner.run(_next(chunks))
            except StopAsyncIteration:
                return
            yield chunk


async def _next(chunks: AsyncIterator[Any]) -> Any:
    return await anext(chunks)
