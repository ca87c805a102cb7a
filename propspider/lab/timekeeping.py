"""A simulated clock for several processes: served at a socket, as `clock.Followed` asks for it."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propspider.lab.travel import SimulatedClock


@contextmanager
def serve_clock(time: SimulatedClock, path: Path) -> Iterator[None]:
    """`path`: of a socket to make, in a directory that is ours. Whoever asks afterwards is told that there is no laboratory."""
    server = _Server(str(path), time)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="propspider-clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, time: SimulatedClock) -> None:
        super().__init__(path, _Asked)
        self.time = time
        self.is_over = False

    def server_close(self) -> None:
        self.is_over = True
        super().server_close()


class _Asked(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        # Whoever is killed while it asks ends its own connection.
        with contextlib.suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        for line in self.rfile:
            if self.server.is_over:
                return
            question, _, seconds = line.decode().strip().partition(" ")
            if question == "spend":
                self.server.time.spend(float(seconds))
            self.wfile.write(f"{self.server.time.now().isoformat()}\n".encode())
