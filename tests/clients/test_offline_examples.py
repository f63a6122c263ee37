"""The page docs/offline.md: its examples run as they stand there, and its tables are those of the program."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import requests

from sandbox import CLIENT_ID, PROGRAM, TIMEOUT, Sandbox, SandboxTest, hash_of

HERE = pathlib.Path(__file__).resolve().parent
PAGE = (HERE / "../../docs/offline.md").read_text()
# Where the examples expect the sandbox, and which app they are.
ADDRESS = "http://127.0.0.1:8081"
START = "smartsheet-oauth-demo sandbox"
RUN = {
    "sh": ["bash", "-euo", "pipefail"],
    "python": [sys.executable, "-B"],
    "javascript": ["node"],
}
SUFFIX = {"sh": ".sh", "python": ".py", "javascript": ".mjs"}


def blocks():
    """The language and text of each code block, with what the page says it prints (None: it says nothing)."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for place, (language, text) in enumerate(found):
        if language != "text":
            following = found[place + 1 : place + 2]
            yield language, text, following[0][1] if following and following[0][0] == "text" else None


def table(heading):
    """The cells of the table below a heading, without the code marks."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


class Examples(unittest.TestCase):
    def test_examples(self):
        """docs/offline.md: every example runs as it stands there, and prints what the page says"""
        started = ran = 0
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "node_modules").symlink_to(HERE / "node_modules")
            for language, text, printed in blocks():
                with self.subTest(text.splitlines()[0], language=language):
                    if text.startswith(START):
                        self.start(text)
                        started += 1
                    else:
                        self.run_example(folder, language, text, printed)
                        ran += 1
        self.assertEqual((started, ran), (2, 6))

    def start(self, command):
        """A command that starts the sandbox, though on a free port."""
        if "--listen" not in command:
            command = command.rstrip() + " --listen 127.0.0.1:0"
        with subprocess.Popen(["bash", "-c", "exec " + command], env=environment(), stdout=subprocess.PIPE) as started:
            line = started.stdout.readline().decode()
            started.terminate()
            self.assertRegex(line, r"^listening on http://127\.0\.0\.1:\d+\n$")
        self.assertEqual(started.returncode, 0)

    def run_example(self, folder, language, text, printed):
        sandbox = Sandbox()
        try:
            example = folder / f"example{SUFFIX[language]}"
            example.write_text(text.replace(ADDRESS, sandbox.url))
            run = subprocess.run(
                [*RUN[language], example],
                env=environment(),
                capture_output=True,
                cwd=folder,
                text=True,
                timeout=TIMEOUT * 3,
            )
        finally:
            sandbox.stop()
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout, printed or "", run.stderr)


def environment():
    """The program on the PATH, as a reader of the page has it."""
    return {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "RUST_LOG": "warn"}


class Tables(SandboxTest):
    def test_faults(self):
        """docs/offline.md: the table of failures is complete, and each answers what it says"""
        rows = table("Failures")
        unknown = requests.post(
            self.sandbox.url + "/control/faults", json={"path": "/2.0/users/me", "fault": "?"}, timeout=TIMEOUT
        ).json()["message"]
        known = set(re.findall(r"`(\w+)`", unknown.split("expected one of")[1]))
        self.assertEqual({fault for fault, *_ in rows}, known)
        code = self.sandbox.code()
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": code, "hash": hash_of(code)}
        token = requests.post(self.sandbox.api + "/token", data=form, timeout=TIMEOUT).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        for fault, status, answered in rows:
            with self.subTest(fault):
                if fault == "wrong_secret":
                    # A request with a proof, as it is a fault of the proof.
                    self.sandbox.fail_next("/token", fault)
                    answer = requests.post(self.sandbox.api + "/token", data=form, timeout=TIMEOUT)
                    self.assertEqual((str(answer.status_code), answer.json()["errorCode"]), (status, 1072))
                    continue
                self.sandbox.fail_next("/users/me", fault, delay_ms=10)
                if status == "none":
                    with self.assertRaises(requests.ConnectionError):
                        requests.get(self.sandbox.api + "/users/me", headers=bearer, timeout=TIMEOUT)
                    continue
                answer = requests.get(self.sandbox.api + "/users/me", headers=bearer, timeout=TIMEOUT)
                self.assertEqual(str(answer.status_code), status)
                named = re.match(r"errorCode (\d+)", answered)
                if named:
                    self.assertEqual(answer.json()["errorCode"], int(named[1]))

    def test_users(self):
        """docs/offline.md: the table of users is complete"""
        query = {"response_type": "code", "client_id": CLIENT_ID, "sandbox_user": "?"}
        page = requests.get(self.sandbox.url + "/b/authorize", params=query, timeout=TIMEOUT).text
        known = re.search(r"must be one of: ([^.]+)\.", page)[1].split(", ")
        self.assertEqual([user for user, _ in table("Users")], known)

    def test_flags(self):
        """docs/offline.md: the table of flags is complete, and the defaults are right"""
        shown = subprocess.run([PROGRAM, "sandbox", "--help"], capture_output=True, text=True, check=True).stdout
        known = {f"{flag} {value}" for flag, value in re.findall(r"^ +(--[\w-]+) <(.+)>$", shown, re.MULTILINE)}
        known -= {"--config FILE", "--set NAME=VALUE"}
        rows = table("Flags")
        self.assertEqual({flag for flag, *_ in rows}, known)
        for value in re.findall(r"\[default: (.+?)\]", shown):
            self.assertIn(value, [default for _, default, *_ in rows])
