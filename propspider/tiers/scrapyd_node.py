"""One scrapyd over HTTP: what it is asked, and its answers as values or errors of one line. No proxies, no redirects."""

import base64
import http.client
import json
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from pydantic import SecretStr

PROJECT = "propspider"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
SCHEDULE_SECONDS = 15.0
"""The first job after a restart: scrapyd imports the egg to list its spiders before it answers. Less than a run's lease."""
MOST_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 20_000

State = Literal["pending", "running", "finished"]


class NodeTrouble(RuntimeError):
    """One line: which node, and what is wrong. Never a password."""


class NodeAway(NodeTrouble):
    """It cannot be reached: it was not asked."""


class NodeSilent(NodeTrouble):
    """It was asked and did not answer: what it was asked may have been done."""


class NodeRefused(NodeTrouble):
    """It said no."""


@dataclass(frozen=True)
class Node:
    scheme: str
    host: str
    port: int
    path: str
    authorization: SecretStr | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def schedule(self, spider: str, job_id: str, arguments: dict[str, str]) -> None:
        """Raises NodeTrouble."""
        given = {"project": PROJECT, "spider": spider, "jobid": job_id, **arguments}
        self._call("POST", "schedule.json", given, seconds=SCHEDULE_SECONDS)

    def state(self, job_id: str) -> State | None:
        """None: it knows no such job, as after a restart in mid-job. `finished` says nothing of success. Raises NodeTrouble."""
        state: State | None = self._call("GET", "status.json", {"job": job_id}).get("currstate")
        return state

    def open_jobs(self) -> list[str]:
        """Ids of what waits or runs. Raises NodeTrouble."""
        jobs = self._call("GET", "listjobs.json", {})
        return [str(job["id"]) for state in ("pending", "running") for job in jobs.get(state, [])]

    def cancel(self, job_id: str, *, signal: Literal["INT", "KILL"] = "INT") -> str:
        """What the job was: `pending`, which is off the queue now, `running`, which got the signal, or neither. Raises
        NodeTrouble.
        """
        answer = self._call("POST", "cancel.json", {"project": PROJECT, "job": job_id, "signal": signal})
        return str(answer.get("prevstate"))

    def log_tail(self, spider: str, job_id: str) -> str:
        """'' where the node serves no log of this job. Raises NodeTrouble."""
        path = "/".join(quote(part, safe="") for part in ("logs", PROJECT, spider, f"{job_id}.log"))
        status, headers, _ = self._request("HEAD", path)
        size = headers.get("Content-Length", "")
        if status != http.client.OK or not size.isdecimal() or size == "0":
            return ""
        # Twisted answers "the last so many bytes" of a smaller file with an error.
        status, _, body = self._request("GET", path, headers={"Range": f"bytes={max(0, int(size) - TAIL_BYTES)}-"})
        return body.decode("utf-8", "replace") if status in {http.client.OK, http.client.PARTIAL_CONTENT} else ""

    def _call(self, method: str, service: str, fields: dict[str, str], *, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        encoded = urlencode(fields)
        if method == "GET":
            status, _, body = self._request(method, f"{service}?{encoded}", seconds=seconds)
        else:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            status, _, body = self._request(method, service, encoded, headers=kind, seconds=seconds)
        if status == http.client.UNAUTHORIZED:
            raise NodeRefused(f"{self}: wrong user name or password (401)")
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NodeRefused(f"{self}: answers {status}, not as scrapyd does")
        if answer.get("status") != "ok":
            raise NodeRefused(f"{self}: {_complaint(str(answer.get('message', '')), fields)}")
        return answer

    def _request(
        self,
        method: str,
        target: str,
        body: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        kind = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=CONNECT_SECONDS)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NodeAway(f"{self}: cannot be reached: {error.strerror or error}") from error
            connection.sock.settimeout(seconds)
            known = {} if self.authorization is None else {"Authorization": self.authorization.get_secret_value()}
            try:
                connection.request(method, f"{self.path}{target}", body, {**known, **(headers or {})})
                response = connection.getresponse()
                return response.status, response.headers, response.read(MOST_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise NodeSilent(f"{self}: does not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()


def _complaint(message: str, fields: dict[str, str]) -> str:
    """A crash of scrapyd's own subprocess comes as a traceback, of which the last line tells."""
    if message.startswith("project ") and message.endswith(" not found"):
        return f"project {PROJECT} is not deployed there: run scrapyd-deploy"
    if message.startswith("spider ") and message.endswith(" not found"):
        return f"the deployed {PROJECT} has no spider {fields.get('spider')!r}"
    lines = message.strip().splitlines()
    return lines[-1].strip() if lines else "refuses without a reason"


def nodes(urls: SecretStr) -> tuple[Node, ...]:
    """Of a checked SCRAPYD_URL, in its order."""
    return tuple(_node(urlsplit(url.strip())) for url in urls.get_secret_value().split(","))


def _node(url: SplitResult) -> Node:
    authorization = None
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        authorization = SecretStr(f"Basic {base64.b64encode(pair).decode()}")
    port = url.port or (443 if url.scheme == "https" else 80)
    return Node(url.scheme, url.hostname or "", port, f"{url.path.rstrip('/')}/", authorization)
