"""An endpoint as it runs: the gateway in this process, worker and embedder behind it as children that it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seekforge.core.config import EndpointConfig
from seekforge.core.config.gateway import EMBEDDER, WORKER
from seekforge.core.errors import SeekforgeError
from seekforge.core.files import disk_errors
from seekforge.serve.children import EmbedOrder, Order, child_of, embedder_of
from seekforge.serve.keeper import Child, Down, Keeper, State, Up
from seekforge.serve.process import check_port

if TYPE_CHECKING:
    from seekforge.serve.gateway.app import GatewayApp
    from seekforge.serve.gateway.compose import FirstKey

_LOADING = "the model is still loading"


def run_endpoint(
    config: EndpointConfig,
    order: Order | None,
    say: Callable[[str], None],
    ready: Callable[[str], None],
    embedder: EmbedOrder | None = None,
) -> None:
    """Serves until SIGTERM or Ctrl-C, lets running answers end, and leaves nothing running.

    Must be called from the main thread, for the signals, and within `stoppable()`, for those that come early.

    Args:
        config: Settled.
        order: The child behind the gateway; None when all engines are run by others.
        say: Takes lines for the operator.
        ready: Is given `http://HOST:PORT` once a real answer came through the gateway.
        embedder: The embedder behind the gateway, if there is one.

    Raises:
        ConfigError: A file that the config names is wrong.
        ResourceError: The port is taken, or a file cannot be written.
        EngineError: The worker did not start, or ended too often; or the server at the engine's URL did not answer.
    """
    check_port(config.host, config.port)
    kept: dict[str, Keeper] = {}
    if order is not None:
        kept[WORKER] = _keeper(lambda: child_of(order), order.log, config)
    if embedder is not None:
        kept[EMBEDDER] = _keeper(lambda: embedder_of(embedder), embedder.log, config)
    with ExitStack() as stack:
        for keeper in kept.values():
            stack.callback(keeper.stop)
            keeper.start()  # it loads while the gateway is put together
        _serve(config, kept, say, ready)


def _keeper(build: Callable[[], Child], log: Path, config: EndpointConfig) -> Keeper:
    with disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    build()  # an engine that cannot be started says so before anything is
    return Keeper(build, config.worker.restart)


def _serve(
    config: EndpointConfig, kept: Mapping[str, Keeper], say: Callable[[str], None], ready: Callable[[str], None]
) -> None:
    import uvloop

    from seekforge.serve.gateway.compose import open_gateway

    app, first = open_gateway(config, say)
    uvloop.run(_Live(config, app, first, kept, say, ready).run())


class _Live:
    """What happens while the gateway's event loop turns."""

    def __init__(
        self,
        config: EndpointConfig,
        app: GatewayApp,
        first: FirstKey | None,
        kept: Mapping[str, Keeper],
        say: Callable[[str], None],
        ready: Callable[[str], None],
    ) -> None:
        self._config, self._app, self._first, self._kept = config, app, first, kept
        self._say, self._ready = say, ready
        self._upstreams = app.parts.pool.upstreams
        self._stop, self._listening, self._up = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._error: SeekforgeError | None = None
        self._were_up: set[str] = set()

    async def run(self) -> None:
        """Until it is told to stop, or there is nothing left to serve."""
        from seekforge.serve.gateway.server import serve

        if not self._kept:
            self._up.set()
        for name, keeper in self._kept.items():
            self._upstreams[name].gone(_LOADING)
            keeper.listen(self._hear(name, asyncio.get_running_loop()))
        announcing = asyncio.create_task(self._announce())
        config = self._config
        try:
            await serve(self._app, config.host, config.port, ready=self._listening.set, stop=self._stop)
        finally:
            announcing.cancel()
            with suppress(asyncio.CancelledError):
                await announcing
        if self._error is not None:
            raise self._error

    def _hear(self, name: str, loop: asyncio.AbstractEventLoop) -> Callable[[State], None]:
        def listener(state: State) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it all interest in the worker
                loop.call_soon_threadsafe(self._take, name, state)

        return listener

    def _take(self, name: str, state: State) -> None:
        upstream = self._upstreams[name]
        if isinstance(state, Up):
            upstream.came(state.url)
            if name in self._were_up:
                self._say(f"the {name} answers again")
            self._were_up.add(name)
            if len(self._were_up) == len(self._kept):
                self._up.set()
        elif isinstance(state, Down):
            upstream.gone(f"the {name} has ended and is started anew")
            self._say(str(state))
        else:
            upstream.gone(f"the {name} has ended")
            self._fail(state.error)

    async def _announce(self) -> None:
        """Says `ready` after the first answer. A gateway without a model of its own is ready when it listens."""
        await self._listening.wait()
        await self._up.wait()
        try:
            await self._ask_first()
        except SeekforgeError as error:
            self._fail(error)
            return
        finally:
            if self._first is not None:
                self._first.end()
        self._ready(f"http://{self._config.host}:{self._config.port}")

    async def _ask_first(self) -> None:
        from seekforge.serve.first import first_answer, first_vector
        from seekforge.serve.settle import embedder_name

        config = self._config
        key = None if self._first is None else self._first.key
        url = f"http://{config.host}:{config.port}"
        if WORKER in self._upstreams:
            assert config.name is not None
            await first_answer(url, config.name, key, config.worker.ready_seconds, again=WORKER in self._kept)
        if config.embed is not None:
            await first_vector(url, embedder_name(config.embed), key, config.embed.ready_seconds)

    def _fail(self, error: SeekforgeError) -> None:
        self._error = error
        self._stop.set()
