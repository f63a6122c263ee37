"""The sandbox as a test sees it: a program to start, a person who decides, and control endpoints to steer it by."""

import hashlib
import pathlib
import subprocess
import sys
import unittest
from urllib.parse import parse_qs, urlsplit

import requests

# main.py is given it.
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
CLIENT_ID = "app-5tk"
# What a form, a query string, a shell or the hash could get wrong.
CLIENT_SECRET = "pä|ss &+%25 #\"'\\"
REDIRECT_URL = "http://localhost:8080/redirect?tenant=7"
APP = ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET, "--redirect-url", REDIRECT_URL]
BOTH_SCOPES = "READ_SHEETS WRITE_SHEETS"
PROJECT_PLAN = "Project plan"
BOARD = "Team board"
TIMEOUT = 10


def hash_of(value):
    """What proves, with a code or a refresh token, that its sender knows the secret."""
    return hashlib.sha256(f"{CLIENT_SECRET}|{value}".encode()).hexdigest()


class Sandbox:
    """The program, started with these flags."""

    def __init__(self, *flags):
        self.process = subprocess.Popen(
            [PROGRAM, "sandbox", "--listen", "127.0.0.1:0", *flags],
            env={"RUST_LOG": "warn"},
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        self.url = line.removeprefix("listening on ").rstrip("\n")
        if line != f"listening on {self.url}\n":
            self.stop()
            raise AssertionError(f"the sandbox did not start; it printed {line!r}")
        self.api = self.url + "/2.0"

    def stop(self):
        """Asks it to end, and says with what status it did."""
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)

    def decide(self, authorization_url, decision="allow", user="full"):
        """Where the browser is sent once the person has decided."""
        answer = requests.get(
            authorization_url,
            params={"sandbox_decision": decision, "sandbox_user": user},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        if answer.status_code != 302:
            raise AssertionError(f"{answer.status_code} instead of a redirect:\n{answer.text}")
        return answer.headers["location"]

    def code(self, scope=BOTH_SCOPES, user="full"):
        """A code for a request that a browser brought."""
        query = {"response_type": "code", "client_id": CLIENT_ID, "scope": scope, "state": "s"}
        url = requests.Request("GET", self.url + "/b/authorize", params=query).prepare().url
        return parse_qs(urlsplit(self.decide(url, user=user)).query)["code"][0]

    def control(self, method, endpoint, **body):
        """Calls a control endpoint."""
        answer = requests.request(method, f"{self.url}/control/{endpoint}", json=body or None, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def fail_next(self, path, *faults, **more):
        """Lets the next requests to the path fail, one after the other."""
        for fault in faults:
            self.control("POST", "faults", path="/2.0" + path, fault=fault, **more)

    def seen(self):
        """The API requests since it was asked the last time, such as `GET /users/me 200`."""
        entries = self.control("GET", "requests")
        self.control("DELETE", "requests")
        return [" ".join(map(str, [e["method"], e["path"].removeprefix("/2.0"), e["status"]])) for e in entries]


class SandboxTest(unittest.TestCase):
    """A test with a sandbox of its own; starting one takes milliseconds."""

    flags = ()

    def setUp(self):
        self.sandbox = Sandbox(*APP, *self.flags)
        self.addCleanup(lambda: self.assertEqual(self.sandbox.stop(), 0, "the sandbox stops in good order"))
