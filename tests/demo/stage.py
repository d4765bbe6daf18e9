"""The programs of the demonstration, and how it talks to them.

Everything lives in one temporary directory: the database of the cloud, each
user's XDG directories, the folders.  Nothing outside is touched.
"""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.parse

SHOWN = 14  # lines of output shown before they are cut in the middle


class Failed(Exception):
    """The demonstration's verdict when something is not as promised."""


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(f"\n== {text}")


def human(size):
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000


def cut(lines):
    """Long output with its middle left out."""
    if len(lines) <= SHOWN:
        return lines
    half = SHOWN // 2
    left = len(lines) - 2 * half
    return lines[:half] + [f"  [{left} more lines]"] + lines[-half:]


def until(what, seconds, ready):
    """ready()'s first true answer; Failed after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.socket_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)


def end(process):
    """A daemon's, with all that it started."""
    if process is None or process.poll() is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        process.kill()


class User:
    """Somebody with directories, a folder and an agent of their own."""

    def __init__(self, base, build, prompt, secrets):
        self.base = base
        self.prompt = prompt
        self.secrets = secrets  # never shown; shared by all
        self.root = os.path.join(base, "film")
        self.env = {
            "PATH": f"{build}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": base,
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "XDG_CONFIG_HOME": f"{base}/config",
            "XDG_STATE_HOME": f"{base}/state",
            "XDG_RUNTIME_DIR": f"{base}/run",
        }
        for name in ("config", "state", "run"):
            os.makedirs(os.path.join(base, name), 0o700)
        self.agent = None

    @property
    def cwd(self):
        return self.root if os.path.isdir(self.root) else self.base

    # Commands, as a user types and sees them.

    def typed(self, command):
        say(f"{self.prompt} {command}")

    def run(self, command, code=0, show=True):
        """Runs a command line, shows it with what it says, returns that."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        if show:
            self.typed(command)
            for line in cut(done.stdout.splitlines()):
                say(self.hide(line))
        if code is not None and done.returncode != code:
            raise Failed(
                f"`{command}` ended with {done.returncode}, not {code}: "
                f"{self.hide(done.stdout[-500:])}"
            )
        return done.stdout

    def hide(self, text):
        """No token on the screen."""
        for secret in self.secrets:
            text = text.replace(secret, "<token>")
        return text

    def json(self, command):
        """A command's --json document, not shown."""
        return json.loads(self.run(command + " --json", show=False))

    def in_sync(self, seconds=60):
        """The barrier; seconds it took."""
        start = time.monotonic()
        self.run(f"vsync wait --in-sync --timeout {seconds}")
        return time.monotonic() - start

    # The daemons.

    def background(self, command, log):
        with open(os.path.join(self.base, log), "ab") as out:
            return subprocess.Popen(
                shlex.split(command),
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_agent(self, command="vsync-agent --foreground"):
        self.typed(f"{command} &")
        self.agent = self.background(command, "agent.log")
        until("the agent answers", 20, self.agent_ready)

    def agent_ready(self):
        if self.agent.poll() is not None:
            raise Failed("the agent ended at its start")
        try:
            self.control("/v1/version")
            return True
        except (OSError, http.client.HTTPException):
            return False

    def kill_agent(self):
        """kill -9, and gone when this returns."""
        pid = json.loads(self.control("/v1/version"))["pid"]
        self.typed(f"kill -9 {pid}        # the agent")
        os.kill(pid, signal.SIGKILL)
        self.agent.wait(20)

    def stop(self, process, number=signal.SIGTERM):
        """Ends a daemon, and waits; seconds that took."""
        start = time.monotonic()
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            raise Failed(f"pid {process.pid} did not end") from None
        return time.monotonic() - start

    def stop_all(self):
        end(self.agent)

    def tail(self, log, lines=15):
        path = os.path.join(self.base, log)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8", errors="replace") as f:
            return [self.hide(line) for line in f.read().splitlines()[-lines:]]

    # The control socket, for measuring and comparing.

    def connection(self, timeout=60):
        return UnixConnection(f"{self.base}/run/vsync/agent.sock", timeout)

    def control(self, path):
        """Body of a GET on the agent's control socket."""
        conn = self.connection()
        try:
            conn.request("GET", path)
            answer = conn.getresponse()
            body = answer.read()
        finally:
            conn.close()
        if answer.status != 200:
            raise Failed(f"control {path}: {answer.status} {body[:200]!r}")
        return body

    def status(self):
        return json.loads(self.control("/v1/status"))["projects"][0]


class Stage(User):
    """The owner, and the cloud."""

    def __init__(self, base, build):
        super().__init__(base, build, "$", [])
        self.build = build
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.db = f"sqlite:{base}/cloud.db"
        self.token = None
        self.project = None
        self.cloud = None
        self.http = None
        self.member = None  # who joined

    def user(self, name):
        """Adds one to the cloud; the token, which is in NAME.token."""
        command = f"vsync-cloud user add {name} --db {self.db}"
        token = self.run(command + " 2>/dev/null", show=False).strip()
        self.typed(f"{command} > {name}.token")
        self.keep(f"{name}.token", token)
        return token

    def keep(self, name, secret):
        """A file with a secret, for its user alone."""
        self.secrets.append(secret)
        with open(os.path.join(self.base, name), "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(secret + "\n")

    def start_cloud(self):
        command = f"vsync-cloud serve --listen 127.0.0.1:{self.port}"
        command += f" --db {self.db}"
        self.typed(f"{command} &")
        self.cloud = self.background(command, "cloud.log")
        until("the cloud answers", 20, self.cloud_ready)

    def cloud_ready(self):
        if self.cloud.poll() is not None:
            raise Failed("the cloud ended at its start")
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop_all(self):
        if self.member:
            self.member.stop_all()
        super().stop_all()
        end(self.cloud)

    # The cloud's interface, for measuring and comparing.

    def ask(self, method, path, timeout=60):
        """(status, body) from the cloud, over one kept connection."""
        if self.http is None:
            self.http = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=timeout
            )
        headers = {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            self.http.request(method, path, headers=headers)
            answer = self.http.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.http.close()
            self.http = None
            raise

    def get(self, rest, **query):
        """A JSON document of the project, from the cloud."""
        path = f"/api/projects/{self.project}{rest}"
        status, body = self.ask(
            "GET", f"{path}?{urllib.parse.urlencode(query)}"
        )
        if status != 200:
            raise Failed(f"GET {rest}: {status} {body[:200]!r}")
        return json.loads(body)

    def events(self, since=0):
        """Every event after seq since."""
        found = []
        while True:
            page = self.get("/events", since_seq=since, limit=500)
            found += page["events"]
            if not page["has_more"]:
                return found
            since = page["events"][-1]["seq"]

    def head(self):
        """The last seq of the log."""
        return self.get("/events", since_seq=1 << 50, limit=1)["last_seq"]

    def logged(self, since, wanted, seconds=30):
        """Waits until events after since make wanted(events) true."""
        end = time.monotonic() + seconds
        found = []
        while time.monotonic() < end:
            page = self.get("/events", since_seq=since, limit=500, wait=10)
            found += page["events"]
            if page["events"]:
                since = page["events"][-1]["seq"]
            if wanted(found):
                return found
        raise Failed(f"the log did not get what was saved in {seconds} s")
