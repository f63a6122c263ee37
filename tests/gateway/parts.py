"""What a test is made of: the app, a site that tells what it got, a proxy with the shipped file, and a browser."""

import atexit
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from urllib.parse import urlencode, urljoin, urlsplit

HERE = pathlib.Path(__file__).resolve().parent
SHIPPED = HERE.parent.parent / "deploy" / "gateway"
TIMEOUT = 10


def free_ports(count):
    """Ports that nothing listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def temporary(name):
    """A folder that goes when the tests have ended."""
    folder = tempfile.mkdtemp(prefix=f"gateway-{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def wait_for(port, process, name, log=None):
    """Until something listens at the port."""
    for _ in range(400):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    said = pathlib.Path(log).read_text(errors="replace")[-3000:] if log else ""
    raise AssertionError(f"{name} does not listen (status {process.poll()}):\n{said}")


class Process:
    """A program that listens at a port, in a folder of its own."""

    process = None

    def __init__(self, name, command, port, env=None, folder=None):
        self.name, self.command, self.port, self.env = name, command, port, env or {}
        self.home = folder or temporary(name)
        self.log = os.path.join(self.home, f"{name}.log")
        # Also when a test does not get to it.
        atexit.register(self.stop)
        self.start()

    def start(self):
        path = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.home, env={**path, "HOME": self.home, **self.env}, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            wait_for(self.port, self.process, self.name, self.log)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(TIMEOUT)

    def restart(self, env):
        """Starts it again with these variables."""
        self.stop()
        self.env.update(env)
        self.start()


def start_app(program, port, sites, **more):
    """The app in sandbox mode, with these sites behind proxies of this machine, and more settings as variables."""
    env = {
        "SERVER_LISTEN": f"127.0.0.1:{port}",
        "SERVER_BASE_URL": f"http://localhost:{port}",
        "SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "SERVER_DRAIN_TIME": "0s",
        "GATEWAY_SITES": " ".join(sites),
        **more,
    }
    return Process("app", [program], port, env)


class Echo(http.server.ThreadingHTTPServer):
    """A site that answers with the request as it came."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), EchoHandler)
        self.asked = 0
        self.port = port
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def handle_error(self, _request, _address):
        """A proxy closes connections as it likes. What a test misses, it says itself."""

    def stop(self):
        self.shutdown()
        self.server_close()


class EchoHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.server.asked += 1
        length = int(self.headers.get("Content-Length") or 0)
        got = self.rfile.read(length).decode()
        body = json.dumps({"target": self.path, "method": self.command, "headers": self.headers.items(), "body": got})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Answer:
    def __init__(self, url, answer):
        self.url, self.status, self.headers = url, answer.status, answer.headers
        self.text = answer.read().decode(errors="replace")

    @property
    def location(self):
        location = self.headers["Location"]
        return location and urljoin(self.url, location)

    def echoed(self):
        """What the site behind the proxy got."""
        assert self.status == 200, (self.status, self.text[:500])
        return Echoed(json.loads(self.text))


class Echoed:
    def __init__(self, said):
        self.target, self.method, self.body = said["target"], said["method"], said["body"]
        self.headers = said["headers"]

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def one(self, name):
        values = self.all(name)
        assert len(values) == 1, (name, self.headers)
        return values[0]


NAVIGATION = [("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]


class Browser:
    """Keeps cookies for each host (as browsers do, for all its ports), and sends every name to this machine."""

    # What it says in Host, if not that of the address.
    as_host = None

    def __init__(self):
        self.cookies = {}

    def request(self, url, method="GET", headers=(), body=None):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=TIMEOUT)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", self.as_host or parts.netloc)
            jar = self.cookies.setdefault(parts.hostname, {})
            if jar:
                connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items()))
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = Answer(url, connection.getresponse())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            pair, *attributes = line.split(";")
            name, _, value = pair.partition("=")
            if any(attribute.strip().lower() == "max-age=0" for attribute in attributes):
                jar.pop(name, None)
            else:
                jar[name] = value
        return answer

    def open(self, url):
        """Goes to a page as a person does, through every redirect; at the consent page it allows. The last answer, and where it led."""
        way = [url]
        for _ in range(20):
            if re.search(r"/b/authorize\?", url) and "sandbox_decision" not in url:
                url += "&" + urlencode({"sandbox_decision": "allow", "sandbox_user": "full"})
            answer = self.request(url, headers=NAVIGATION)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer, way
            url = answer.location
            way.append(url)
        raise AssertionError(f"no end of redirects: {way}")
