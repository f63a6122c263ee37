"""Runs the tests and counts them. Usage: main.py PROGRAM [NAME …]"""

import logging
import os
import pathlib
import signal
import subprocess
import sys
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ["test_python_sdk", "test_requests_oauthlib", "test_offline_examples"]
# No test takes longer, unless something hangs.
SECONDS = 60
# The scripts, and how long each may take.
JAVASCRIPT = {"javascript_sdk.mjs": SECONDS, "two_people.mjs": 5 * SECONDS}


class Report(unittest.TestResult):
    """A line for every test, as soon as it has ended."""

    passed = 0
    failed = 0

    def startTest(self, test):
        super().startTest(test)
        signal.alarm(SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test):
        self.passed += 1
        print(f"ok      {describe(test)}", flush=True)

    def addError(self, test, err):
        self.failed += 1
        print(f"FAILED  {describe(test)}\n{''.join(traceback.format_exception(*err))}", flush=True)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addError(subtest, err)


def describe(test):
    return test.shortDescription() or str(test)


def too_long(*_):
    raise TimeoutError(f"not done after {SECONDS} seconds")


def run_javascript(script, program, seconds):
    """The tests of a script; they print lines like ours."""
    command = ["node", script, program]
    environment = {**os.environ, "PYTHON": sys.executable}
    passed = failed = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE, env=environment) as node:
        signal.alarm(seconds)
        try:
            for line in node.stdout:
                passed += line.startswith("ok ")
                failed += line.startswith("FAILED ")
                print(line, end="", flush=True)
        except TimeoutError as error:
            node.kill()
            print(f"FAILED  {script}: {error}")
            failed += 1
        signal.alarm(0)
    if (node.returncode or not passed) and not failed:
        print(f"FAILED  {script} ended with status {node.returncode}, after {passed} tests")
        failed += 1
    return passed, failed


def main():
    program, names = sys.argv[1], sys.argv[2:]
    # What the clients would read from the environment.
    for name in [name for name in os.environ if name.startswith("SMARTSHEET_")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    signal.signal(signal.SIGALRM, too_long)
    # The SDK logs every error that the sandbox is meant to answer.
    logging.disable()

    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    report = Report()
    loader.loadTestsFromNames(MODULES).run(report)
    passed, failed = report.passed, report.failed
    if not names:
        for script, seconds in JAVASCRIPT.items():
            more_passed, more_failed = run_javascript(script, program, seconds)
            passed, failed = passed + more_passed, failed + more_failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
