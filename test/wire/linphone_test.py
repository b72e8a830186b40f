#!/usr/bin/env python3
"""linphone in each role of the guide's flows that it can play, our phones in the others: with sound both ways, judged from the
exchange's own trace and from a capture by tcpdump."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from interop import add_tests  # noqa: E402


class Linphone(unittest.TestCase):
    """One test for each flow and role: see interop.py."""


add_tests(Linphone, "linphone")

if __name__ == "__main__":
    begin(programs=["linphonec", "tcpdump"], root=True)
    unittest.main(verbosity=2)
