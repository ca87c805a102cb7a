"""Real scrapyd processes, configured by the project's own deploy/scrapyd.conf, and the egg that is deployed to them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from propspider.db.postmaster import pause
from propspider.tiers.scrapyd_node import Node, NodeTrouble
from propspider.tiers.scrapyd_node import nodes as nodes_of

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SOURCES = ("setup.py", "pyproject.toml", "README.md", "scrapy.cfg", "propspider", "alembic")
USER, PASSWORD = "fleet", "p@ss:word/1"
QUOTED = "p%40ss%3Aword%2F1"
SECONDS = 60

OVERLAY = """
[scrapyd]
bind_address = {host}
http_port = {port}
username = {user}
password = {password}
max_proc = 1
poll_interval = 0.1
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause()


def free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Daemon:
    """`host` stands for a machine: whatever runs there dies with `kill_machine`."""

    folder: Path
    host: str
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def url_for(self, user: str = USER, password: str = QUOTED) -> str:
        return f"http://{user}:{password}@{self.host}:{self.port}"

    @property
    def node(self) -> Node:
        return nodes_of(SecretStr(self.url_for()))[0]

    def job_process(self, job_id: str) -> psutil.Process:
        (found,) = [one for one in psutil.Process(self.process.pid).children() if f"_job={job_id}" in one.cmdline()]
        return found

    def log_of(self, spider: str, job_id: str) -> str:
        file = self.folder / "logs" / "propspider" / spider / f"{job_id}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def said(self) -> str:
        return (self.folder / "daemon.log").read_text(encoding="utf-8")

    def kill_daemon(self) -> None:
        self.process.kill()
        self.process.wait()

    def kill_machine(self) -> None:
        kill_group(self.process)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said
        try:
            self.node.open_jobs()
        except NodeTrouble:
            return False
        return True


@contextmanager
def daemon(folder: Path, host: str, **environment: str) -> Iterator[Daemon]:
    port = free_port(host)
    shutil.copy(ROOT / "deploy" / "scrapyd.conf", folder / "scrapyd.conf")
    login = OVERLAY.format(host=host, port=port, user=USER, password=PASSWORD)
    (folder / ".scrapyd.conf").write_text(login)
    ours = ("PROPSPIDER_", "DATABASE_", "SCRAPY")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "scrapyd", "--pidfile="],
            cwd=folder,
            env={**clean, "HOME": str(folder), "NO_PROXY": "*", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = Daemon(folder, host, port, process)
    try:
        until(started.is_up)
        yield started
    finally:
        kill_group(process)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """The jobs of a node that was killed alone are still in it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def copy_of_the_project(folder: Path) -> Path:
    """What is deployed is built from files of its own, with a parser version that the checkout has not."""
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    with (folder / "propspider" / "fields" / "text.py").open("a") as file:
        file.write("\n# deployed\n")
    return folder


def scrapyd_deploy(project: Path, home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [BIN / "scrapyd-deploy", *arguments],
        cwd=project,
        env={**os.environ, "HOME": str(home), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def deploy(project: Path, daemon: Daemon, egg: Path) -> None:
    """As docs/scrapyd.md says: the target in ~/.scrapy.cfg, the password in ~/.netrc."""
    home = daemon.folder
    (home / ".scrapy.cfg").write_text(f"[deploy:node]\nurl = {daemon.url}\nproject = propspider\n")
    netrc = home / ".netrc"
    netrc.touch(mode=0o600)
    netrc.write_text(f"machine {daemon.host} login {USER} password {PASSWORD}\n")
    answer = scrapyd_deploy(project, home, "node", "--egg", str(egg))
    assert '"spiders": 3' in answer, answer
