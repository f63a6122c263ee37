"""Runs the tests and counts them. Usage: main.py PROGRAM [NAME …]"""

import pathlib
import signal
import sys
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
MODULES = ["test_proxies", "test_examples"]
# No test takes longer, unless something hangs.
SECONDS = 60


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


def describe(test):
    return test.shortDescription() or str(test)


def too_long(*_):
    raise TimeoutError(f"not done after {SECONDS} seconds")


def main():
    signal.signal(signal.SIGALRM, too_long)
    import proxies

    for name in proxies.PROGRAMS:
        if proxies.program(name) is None:
            print(f"left out: {name} is not installed here")
    names = sys.argv[2:]
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    report = Report()
    loader.loadTestsFromNames(MODULES).run(report)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
