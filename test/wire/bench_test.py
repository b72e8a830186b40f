#!/usr/bin/env python3
"""bench/compare runs: relay, exchange and, where it is installed, Kamailio carry calls, and there are figures of them. How good they
are is nobody's matter here."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, SOURCE  # noqa: E402

COMPARE = os.path.join(SOURCE, "bench", "compare")


def compare(*words):
    return subprocess.run([sys.executable, "-B", COMPARE, *words], capture_output=True, text=True, timeout=200, check=False,
                          stdin=subprocess.DEVNULL)


class Compare(unittest.TestCase):
    def test_it_measures(self):
        done = compare("--smoke", "--build", os.path.dirname(BINARY))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^what +unit +relay +strowger")
        row = next(line for line in done.stdout.splitlines() if line.startswith("a call at 50/s  "))
        if "the generator was the limit" not in done.stdout:   # as it may be on a machine that is busy with other things
            self.assertNotIn("not measured", row, done.stdout + done.stderr)

    def test_it_knows_its_rows(self):
        done = compare("--rows", "cals")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there are no rows 'cals'; possible: calls,", done.stderr)


if __name__ == "__main__":
    begin()
    unittest.main()
