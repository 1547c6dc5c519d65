"""Certificates for the server under test, and a SIP connection over TLS to it."""
import re
import select
import socket
import ssl
import subprocess
import time

from lib import rawcall
from lib.ports import Ports

_FINAL = rb"(?m)^SIP/2.0 ([2-6]\d\d) "


def make(case, name, kind="rsa"):
    """A self-signed certificate and its key: (PEM file, PEM file)."""
    cert, key = case.path(name, "cert.pem"), case.path(name, "key.pem")
    new = {"rsa": ["rsa:2048"], "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]}[kind]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new, "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-keyout", key, "-out", cert], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def settings(cert, key):
    """(port, settings) of a server that listens for TLS too."""
    port = Ports().take(2)
    return port, [f"listen.sip_tls_port={port}", f"listen.tls_cert={cert}",
                  f"listen.tls_key={key}"]


class Line:
    """One TLS connection; common_name: whose certificate was shown."""

    def __init__(self, port, address="127.0.0.1", newest=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if newest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = newest
        context.maximum_version = newest
        plain = socket.create_connection((address, port), 3)
        try:
            self.socket = context.wrap_socket(plain)
        except Exception:
            plain.close()
            raise
        shown = self.socket.getpeercert(binary_form=True)
        self.common_name = _common_name(shown)
        self.own = plain.getsockname()[1] if plain.fileno() >= 0 else self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Without a word."""
        self.socket.close()

    def ask(self, data, seconds=1.0):
        """Sends it; the final status codes that come back, [] when none does."""
        return final(self.socket, data, seconds)

    def options(self, port):
        """The status of an OPTIONS request on this connection, or None."""
        text = rawcall.request("OPTIONS", f"sip:127.0.0.1:{port}", self.own, transport="TLS")
        return (self.ask(text.encode(), 2) or [None])[0]


def final(s, data, seconds):
    """Sends data on a stream; the final status codes that come back, [] when none does."""
    got, end = b"", time.monotonic() + seconds
    s.settimeout(seconds)
    try:
        s.sendall(data)
        while time.monotonic() < end and not re.search(_FINAL, got):
            if not (hasattr(s, "pending") and s.pending()) and \
                    not select.select([s], [], [], 0.05)[0]:
                continue
            more = s.recv(65536)
            if not more:
                break
            got += more
    except OSError:
        pass
    return [int(status) for status in re.findall(_FINAL, got)]


def _common_name(der):
    pem = ssl.DER_cert_to_PEM_cert(der)
    subject = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline"],
                             input=pem, capture_output=True, text=True, check=True).stdout
    return re.search(r"commonName\s*=\s*(.*)", subject).group(1).strip()
