"""The processes of a run: the sandbox, two proxies, and the receiver of webhooks behind them.

A proxy checks signatures with one secret, so there is one for the platform's endpoint and one for Connect's. The
API is called through the first.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .client import Caller, fetch


class Stage:
    def __init__(self, binary, checker, spec, operations):
        self.processes = []
        self.directory = tempfile.TemporaryDirectory(prefix="souk-conformance-")
        self.received = Counter()
        self.receiver = self._receive()
        self.sandbox = self._start_sandbox(binary)

        # The endpoints come first: a proxy is told the secret when it starts.
        self.proxies = []
        direct = Caller(self.sandbox, operations)
        for connect in (False, True):
            hook = free_port()
            form = {"url": f"http://127.0.0.1:{hook}/", "enabled_events": ["*"], "connect": connect}
            secret = direct.post("webhook_endpoints", **form).ok()["secret"]
            self.proxies.append(self._start_proxy(checker, spec, hook, secret))
        self.api = self.proxies[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.receiver.shutdown()
        self.directory.cleanup()

    def control(self, path, **body):
        """Asks for something under /_sandbox/."""
        status, _, data = fetch(self.sandbox, "POST", f"/_sandbox/{path}", json.dumps(body))
        if status != 200:
            raise RuntimeError(f"/_sandbox/{path}: {status} {data[:300]!r}")
        return json.loads(data)

    def reports(self):
        """What the proxies saw, once the deliveries that are under way have come."""
        before = -1
        while before != (before := sum(self.received.values())):
            time.sleep(1)
        return [json.loads(fetch(proxy, "GET", "/__conformance")[2]) for proxy in self.proxies]

    def _start_sandbox(self, binary):
        # Captures complete at once: what they write is then there for the next call.
        command = [binary, "--listen", "127.0.0.1:0", "--seed", "7", "--async-capture-ms", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        line = process.stdout.readline()
        words = [word for word in line.split() if word.startswith("http://")]
        if not words:
            raise RuntimeError(f"the sandbox did not start: {line!r}")
        return words[0]

    def _start_proxy(self, checker, spec, hook, secret):
        listen = f"127.0.0.1:{free_port()}"
        command = [sys.executable, f"{checker}/proxy.py", "--listen", listen, "--upstream", self.sandbox]
        command += ["--spec", spec, "--report", str(Path(self.directory.name) / f"{hook}.json")]
        command += ["--webhook-listen", f"127.0.0.1:{hook}", "--webhook-secret", secret]
        command += ["--webhook-upstream", f"http://127.0.0.1:{self.receiver.server_port}/"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        if not process.stdout.readline():
            raise RuntimeError("the proxy did not start")
        return f"http://{listen}"

    def _receive(self):
        received = self.received

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                received[event["type"]] += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
