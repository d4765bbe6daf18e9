"""Two real Syncthing instances that share one folder, over the loopback
interface only: no discovery, no relays, no reports, no upgrades."""

import os
import shutil
import subprocess
import urllib.error
import urllib.request

from wait import wait_for
from wire import free_port

CONFIG = """<configuration version="36">
<folder id="film" label="film" path="{path}" type="sendreceive"
 rescanIntervalS="60" fsWatcherEnabled="true" fsWatcherDelayS="1">
 <filesystemType>basic</filesystemType>
 {members}
 <minDiskFree unit="%">0</minDiskFree>
</folder>
{devices}
<gui enabled="true" tls="false"><address>127.0.0.1:{gui}</address>
 <apikey>{key}</apikey></gui>
<options>
 <listenAddress>tcp://127.0.0.1:{port}</listenAddress>
 <globalAnnounceEnabled>false</globalAnnounceEnabled>
 <localAnnounceEnabled>false</localAnnounceEnabled>
 <relaysEnabled>false</relaysEnabled>
 <natEnabled>false</natEnabled>
 <maxRecvKbps>{rate}</maxRecvKbps>
 <limitBandwidthInLan>true</limitBandwidthInLan>
 <startBrowser>false</startBrowser>
 <urAccepted>-1</urAccepted>
 <crashReportingEnabled>false</crashReportingEnabled>
 <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
 <reconnectionIntervalS>1</reconnectionIntervalS>
</options>
</configuration>
"""
KEY = "a-key-for-this-test"


class Instance:
    def __init__(self, base, name, path):
        self.home, self.path, self.proc = base / name, path, None
        self.port, self.gui = free_port(), free_port()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(base),
                    "STNOUPGRADE": "1", "STNODEFAULTFOLDER": "1"}
        self.home.mkdir(parents=True)
        path.mkdir(exist_ok=True)
        (path / ".stfolder").mkdir()
        self.run("generate", "--skip-port-probing", "--no-default-folder",
                 "--home", str(self.home))
        self.device = self.run("--device-id", "--home",
                               str(self.home)).strip()

    def run(self, *args):
        return subprocess.run(["syncthing", *args], env=self.env, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60).stdout.decode()

    def start(self, other, rate):
        """rate: KiB a second that it receives at most; 0: any."""
        both = (self, other)
        (self.home / "config.xml").write_text(CONFIG.format(
            path=self.path, port=self.port, gui=self.gui, key=KEY, rate=rate,
            members="".join('<device id="%s"/>' % i.device for i in both),
            devices="".join(
                '<device id="%s" name="x"><address>tcp://127.0.0.1:%d'
                "</address></device>" % (i.device, i.port) for i in both)))
        with open(self.home / "log", "wb") as log:
            self.proc = subprocess.Popen(
                ["syncthing", "serve", "--home", str(self.home),
                 "--no-browser", "--no-restart"], env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def rest(self, method, what):
        request = urllib.request.Request(
            "http://127.0.0.1:%d/rest/%s" % (self.gui, what), method=method,
            headers={"X-API-Key": KEY})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def scan(self):
        """Looks at its folder now, to the end."""
        self.rest("POST", "db/scan?folder=film")

    def ready(self):
        assert self.proc.poll() is None, (self.home / "log").read_text()
        try:
            return b"pong" in self.rest("GET", "system/ping")
        except urllib.error.URLError:
            return False

    def stop(self):
        if self.proc:
            self.proc.terminate()
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()


class Pair:
    """ours: the folder that vsync publishes; theirs: where people work."""

    def __init__(self, base, ours, theirs, rate=0):
        self.ours = Instance(base, "ours", ours)
        self.theirs = Instance(base, "theirs", theirs)
        self.rate = rate
        self.theirs.start(self.ours, 0)
        self.restart()

    def restart(self):
        """Ours, after it was stopped."""
        self.ours.start(self.theirs, self.rate)
        wait_for(lambda: self.ours.ready() and self.theirs.ready(),
                 "both instances", 40, 0.1)

    def same(self, look, timeout=60):
        """Waits until both folders are one, as look(path) sees them."""
        self.theirs.scan()
        self.ours.scan()
        wait_for(lambda: look(self.ours.path) == look(self.theirs.path),
                 "both folders to be one", timeout, 0.2)

    def stop(self):
        self.ours.stop()
        self.theirs.stop()


def installed():
    return shutil.which("syncthing") is not None


def temporary(path):
    """Names that Syncthing gives to what is not whole yet."""
    name = path.rsplit("/", 1)[-1]
    return name.startswith((".syncthing.", "~syncthing~"))


def marker(path):
    return path.split("/", 1)[0] in (".stfolder", ".stversions")


def temporaries(root):
    return [n for _, _, names in os.walk(root) for n in names
            if temporary(n)]
