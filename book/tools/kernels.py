"""Kernels that begin with everything imported and read: `python -m book.tools.kernels COMMAND ...`.

What a page imports (torch, open_clip, matplotlib, ...) and looks up of what is kept takes longer than most pages do.
While COMMAND runs, one process that has done it all gives copies of itself to whoever executes a page: `ForkedKernels`
asks for them. Without it a kernel is started as everywhere else.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from jupyter_client.manager import AsyncKernelManager

ADDRESS = "ZSAD_KERNELS"
"""The environment variable that names the socket of the process that is copied."""

IMPORTED = (
    "pandas", "matplotlib.figure", "scipy.stats", "torch", "open_clip", "zsad.detectors", "zsad.study.run",
    "book.tools.page", "book.tools.plots", "ipykernel.kernelapp", "matplotlib_inline.backend_inline", "sklearn.metrics",
)  # fmt: skip


class ForkedKernels(AsyncKernelManager):
    """Starts a kernel as a copy of the process at `ADDRESS`."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **how: Any) -> None:
        provisioner: Any = self.provisioner
        provisioner.process = _Copy(self.connection_file, str(how.get("cwd") or Path.cwd()), how["env"])
        provisioner.pid = provisioner.pgid = provisioner.process.pid
        self._reconcile_connection_info(provisioner.connection_info)


class _Copy:
    """A kernel as jupyter_client sees a process: both ends of a connection live as long as each other."""

    stdin = stdout = stderr = None

    def __init__(self, connection_file: str, cwd: str, env: dict[str, str]) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(os.environ[ADDRESS])
        socket.send_fds(self._connection, [b"."], [0, 1, 2])
        wanted = {"connection_file": connection_file, "cwd": cwd, "env": env}
        self._connection.sendall(json.dumps(wanted).encode() + b"\n")
        self.pid = int(self._connection.makefile().readline())

    def poll(self) -> int | None:
        self._connection.setblocking(False)
        with suppress(BlockingIOError):
            return self.wait()
        return None

    def wait(self) -> int:
        """The kernel says nothing more: what can be read is its end."""
        with suppress(ConnectionResetError):
            self._connection.recv(1)
        return 0

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def run(command: list[str]) -> int:
    """Run a command while this process, which imports what pages do, is copied for whoever asks; its exit status.

    On systems where a process that has loaded such libraries cannot be copied safely, the command runs alone.
    """
    if sys.platform != "linux":
        return subprocess.call(command)
    with TemporaryDirectory(prefix="kernels-") as folder, socket.socket(socket.AF_UNIX) as door:
        address = str(Path(folder) / "socket")
        door.bind(address)
        door.listen()
        door.settimeout(0.2)
        process = subprocess.Popen(command, env=os.environ | {ADDRESS: address})
        os.environ["OMP_NUM_THREADS"] = "1"  # a process with threads cannot be copied
        with suppress(KeyboardInterrupt):  # whose end the command is given time for
            for module in IMPORTED:
                if process.poll() is None:  # a command with nothing to do is not waited for
                    importlib.import_module(module)
            if process.poll() is None:
                read_ahead()
        copies: list[int] = []
        while process.poll() is None:
            with suppress(TimeoutError, KeyboardInterrupt):
                connection, _ = door.accept()
                copies.append(_copied(connection, door))
            copies = [pid for pid in copies if os.waitpid(pid, os.WNOHANG) == (0, 0)]
        return process.returncode


def read_ahead() -> None:
    """What most pages look up of each kept study: its cells, and the code that can touch them as it is now."""
    from book.tools.origin import code_of
    from zsad.study.committed import committed, committed_folder, committed_studies
    from zsad.study.sealed import RecordError

    for study in committed_studies():
        with suppress(RecordError):  # of which pages speak
            cells = committed(committed_folder(study))
            for sidecar in cells.sidecars.values():
                code_of(sidecar["spec"])
            for key in [*cells.sidecars][:1]:
                cells.rows(key)
                for table in ("images", "replicates"):
                    cells.tables([key], table)


def _copied(connection: socket.socket, door: socket.socket) -> int:
    """The process id of a copy that becomes a kernel."""
    pid = os.fork()
    if pid == 0:
        door.close()
        _become_kernel(connection)
    connection.close()
    return pid


def _become_kernel(connection: socket.socket) -> NoReturn:
    try:
        os.setsid()
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        wanted = json.loads(connection.makefile().readline())
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(wanted["cwd"])
        os.environ.clear()
        os.environ.update(wanted["env"])
        connection.sendall(f"{os.getpid()}\n".encode())
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(["-f", wanted["connection_file"], f"--IPKernelApp.parent_handle={os.getppid()}"])
    finally:
        os._exit(1)


def _end_with(connection: socket.socket) -> NoReturn:
    """End once whoever executes the page has."""
    with suppress(ConnectionResetError):
        connection.recv(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
