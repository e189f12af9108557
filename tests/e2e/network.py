# SPDX-License-Identifier: Apache-2.0
"""A network that can be broken: small TCP proxies on a thread of their own."""
import asyncio
import contextlib
import random
import re
import threading
import time

CHUNK = 1 << 16


class Network:
    """The loop that all links live in. Links are used from any thread."""

    def __init__(self):
        self.links = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, function, *args):
        async def run():
            result = function(*args)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)

    def link(self, port, watch=None):
        self.links.append(Link(self, port, watch))
        return self.links[-1]

    def close(self):
        for link in self.links:
            link.cut()
            self.call(link.passable.set)

        async def end():
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

        self.call(end)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Link:
    """A port of this machine that leads to another one, until the way is broken."""

    def __init__(self, network, port, watch=None):
        """`watch` sees what passes: its sent(connection, bytes) on the way there, its answered(connection, bytes) back."""
        self.network, self.target, self.watch = network, port, watch
        self.refusing, self.snipping = False, False
        self.writers = set()
        self.port = network.call(self.open)

    async def open(self):
        self.passable = asyncio.Event()
        self.passable.set()
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    # -- what can be done to it --------------------------------------------------------------------------------------
    def cut(self):
        """Connections break, new ones are refused, until mend()."""
        self.network.call(self._set, "refusing", True)
        self.network.call(self._break)

    def snip(self):
        """Answers break off in their middle."""
        self.network.call(self._set, "snipping", True)

    def hold(self):
        """A black hole: new connections are accepted, and nothing gets through, not even that somebody has hung up."""
        self.network.call(self.passable.clear)

    def mend(self, forget=False):
        """What was held arrives late, or never when the network has forgotten its connections."""
        if forget:
            self.network.call(self._break)
        self.network.call(self._set, "refusing", False)
        self.network.call(self._set, "snipping", False)
        self.network.call(self.passable.set)

    def _set(self, name, value):
        setattr(self, name, value)

    def _break(self):
        for writer in self.writers:
            writer.transport.abort()

    # -- one connection ----------------------------------------------------------------------------------------------
    async def serve(self, reader, writer):
        far_writer = None
        try:
            if self.refusing:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers |= {writer, far_writer}
            ways = [asyncio.ensure_future(self.pump(writer, reader, far_writer)),
                    asyncio.ensure_future(self.pump(writer, far_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # nobody listens there at the moment
        finally:
            for end in filter(None, (writer, far_writer)):
                self.writers.discard(end)
                end.transport.abort() if self.refusing else end.close()

    async def pump(self, connection, reader, writer):
        back = writer is connection
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.watch:
                    (self.watch.answered if back else self.watch.sent)(connection, chunk)
                await self.passable.wait()
                if self.snipping and back and random.random() < 0.3:
                    writer.write(chunk[:len(chunk) // 2])
                    await writer.drain()
                    return
                writer.write(chunk)
                await writer.drain()
            await self.passable.wait()  # a held line does not tell that one end is gone


class Use:
    """One use of a refresh token."""

    def __init__(self, node, token):
        self.node, self.token, self.sent = node, token, time.monotonic()
        self.answered, self.status = None, None

    @property
    def spent(self):
        """The platform has taken the token, or may have."""
        return self.status in (200, None)


class RefreshWatch:
    """Sees refresh tokens being used, by whom and when, and whether the platform answered."""
    TOKEN = re.compile(rb"(?:^|[&\s])refresh_token=([^&\s]+)")

    def __init__(self):
        self.uses = []

    def of(self, node):
        return NodeWatch(self, node)

    def twice(self):
        """Pairs of uses of one token of which the first had spent it."""
        last, pairs = {}, []
        for use in self.uses:
            if (before := last.get(use.token)) and before.spent:
                pairs.append((before, use))
            if not before or not before.spent:
                last[use.token] = use
        return pairs


class NodeWatch:
    def __init__(self, watch, node):
        self.watch, self.node, self.open = watch, node, {}

    def sent(self, connection, data):
        if found := RefreshWatch.TOKEN.search(data):
            self.open[connection] = Use(self.node, found[1])
            self.watch.uses.append(self.open[connection])

    def answered(self, connection, data):
        if use := self.open.pop(connection, None):
            use.answered, use.status = time.monotonic(), int(data[9:12])
