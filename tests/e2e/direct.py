"""The direct route as a member's device would take it: a key of its own,
tickets made by hand with the source's key, chunks over TLS."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
import uuid

from http_json import exchange
from wait import wait_for

CHUNK = 4 * 1024 * 1024


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def der_of(pem, what):
    body = re.search("-----BEGIN %s-----(.*?)-----END" % what, pem, re.S)
    return base64.b64decode(body.group(1))


def pin_of(cert_path):
    """The pin of a certificate's key, as the wire contract writes it."""
    pem = subprocess.run(
        ["openssl", "x509", "-in", str(cert_path), "-noout", "-pubkey"],
        check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256(der_of(pem, "PUBLIC KEY")).digest()
    return "sha256//" + base64.b64encode(digest).decode()


class Device:
    """A key and its self-signed certificate."""

    def __init__(self, folder, name):
        self.key, self.cert = folder / (name + ".key"), folder / (name
                                                                  + ".crt")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
             "-days", "2", "-keyout", str(self.key), "-out",
             str(self.cert)], check=True, capture_output=True)
        self.pin = pin_of(self.cert)


class Source:
    """An owner's agent as others reach it."""

    def __init__(self, owner):
        self.owner = owner
        self.device = json.loads(
            (owner.state_dir / "device.json").read_text())
        self.key = bytes.fromhex(self.device["ticket_key"])
        self.cert = ssl.PEM_cert_to_DER_cert(
            (owner.state_dir / "device.crt").read_text())
        self.port = wait_for(self._port, "the chunk server", 10)

    def _port(self):
        found = re.findall(rb"serve: listening on port (\d+)",
                           self.owner.daemon.log_text())
        return found and self.child() and int(found[-1])

    def child(self):
        """The pid of the chunk server that is ready, or None."""
        agent = self.owner.daemon.proc.pid
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    stat = f.read().rsplit(")", 1)[1].split()
                with open("/proc/%s/cmdline" % pid) as f:
                    line = f.read().split("\0")
            except OSError:
                continue
            if int(stat[1]) == agent and "--serve" in line:
                return int(pid)
        return None

    def ticket(self, path, data, device, **more):
        """Of a file whose content is data; more: claims to be others, and
        key: another key to sign it with."""
        key = more.pop("key", self.key)
        claims = {
            "transfer": str(uuid.uuid4()), "project": self.owner.project,
            "source": self.device["device_id"], "path": path,
            "hash": hashlib.sha256(data).hexdigest(), "size": len(data),
            "pin": device.pin if device else "sha256//" + "A" * 43 + "=",
            "expires": int(time.time() * 1000) + 60000}
        claims.update(more)
        text = b64url(json.dumps(claims).encode())
        mac = hmac.new(key, text, "sha256").digest()
        return Ticket(claims["transfer"], (text + b"." + b64url(mac)).decode())

    def context(self, device):
        """The server's key is compared by whoever connects."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if device:
            context.load_cert_chain(device.cert, device.key)
        return context

    def ask(self, path, device=None, headers=None, method="GET", timeout=30):
        """One request; the server's key is the one that it should be."""
        conn = http.client.HTTPSConnection("127.0.0.1", self.port,
                                           context=self.context(device),
                                           timeout=timeout)
        conn.connect()
        assert conn.sock.getpeercert(binary_form=True) == self.cert, \
            "another key answered"
        return exchange(conn, method, path, None, headers or {})

    def stuck(self, ticket, n, device):
        """A connection that asked for a chunk and takes none of it."""
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(30)
        raw.connect(("127.0.0.1", self.port))
        s = self.context(device).wrap_socket(raw)
        s.sendall(("GET /v1/transfers/%s/chunks/%d HTTP/1.1\r\nHost: h\r\n"
                   "Authorization: Ticket %s\r\n\r\n"
                   % (ticket.transfer, n, ticket.text)).encode())
        return s

    def chunk(self, ticket, n, device, method="GET", transfer=None,
              timeout=30, **headers):
        h = {"Authorization": "Ticket " + ticket.text}
        h.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.ask("/v1/transfers/%s/chunks/%s"
                        % (transfer or ticket.transfer, n), device, h, method,
                        timeout)


class Ticket:
    def __init__(self, transfer, text):
        self.transfer, self.text = transfer, text
