#!/usr/bin/env python3
"""bench/compare runs: relay, exchange and, where it is installed, Kamailio carry calls, and there are figures of them. How good they
are is nobody's matter here."""
import os
import subprocess
import sys
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, SOURCE  # noqa: E402

sys.path.insert(0, os.path.join(SOURCE, "bench"))
import flame  # noqa: E402
import table  # noqa: E402
import where  # noqa: E402

COMPARE = os.path.join(SOURCE, "bench", "compare")


def compare(*words):
    return subprocess.run([sys.executable, "-B", COMPARE, *words], capture_output=True, text=True, timeout=200, check=False,
                          stdin=subprocess.DEVNULL)


class Compare(unittest.TestCase):
    def test_it_measures(self):
        done = compare("--smoke", "--build", os.path.dirname(BINARY))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^what +unit +relay( +Kamailio)? +strowger")
        row = next(line for line in done.stdout.splitlines() if line.startswith("a call at 50/s  "))
        if "the generator was the limit" not in done.stdout:   # as it may be on a machine that is busy with other things
            self.assertNotIn("not measured", row, done.stdout + done.stderr)

    def test_it_knows_its_rows(self):
        done = compare("--rows", "cals")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there are no rows 'cals'; possible: calls,", done.stderr)


class WhatIsTold(unittest.TestCase):
    def test_a_ratio_is_made_within_a_round(self):
        t = table.Table()
        t.row("call", "a call", "us")
        for rival, ours in ((100, 50), (200, 50), (400, 300)):
            t.add("call", "rival", rival)
            t.add("call", "ours", ours)
        t.add("call", "rival", None, "it has gone")
        t.add("call", "ours", 1)
        budget = table.Budget("a call", ("call", "ours"), 0.5, ("call", "rival"))
        self.assertEqual(budget.judge(t), ("0.5 (0.25 to 0.75)", "met"))
        self.assertEqual(table.Budget("a call", ("call", "ours"), 49).judge(t)[1], "unmet")
        self.assertEqual(table.Budget("no call", ("none", "ours"), 49).judge(t), ("ours: not run", "not measured"))
        self.assertEqual(table.notes(t), ["a call, rival: it has gone"])

    def test_system_calls_with_and_without_errors(self):
        self.assertEqual(where.counted("% time     seconds  usecs/call     calls    errors syscall\n"
                                       "------ ----------- ----------- --------- --------- ----------------\n"
                                       " 56.48    0.922040        3532       261       126 futex\n"
                                       "  3.27    0.053420           6      7883           epoll_wait\n"
                                       "100.00    1.632616          49     32857      3298 total\n"), [(261, "futex"), (7883, "epoll_wait")])

    def test_stacks_become_a_drawing(self):
        folded = where.fold("     55d0 leaf+0x12 (/bin/x)\n     55d1 main (/bin/x)\n\n"
                              "     55d0 <odd>+0x1 ([kernel.kallsyms])\n     55d1 main (/bin/x)\n\n")
        self.assertEqual(folded, {("main", "leaf"): 1, ("main", "<odd> [k]"): 1})
        drawn = xml.dom.minidom.parseString(flame.svg(folded, "two & more"))
        self.assertEqual(len(drawn.getElementsByTagName("g")), 4)


if __name__ == "__main__":
    begin()
    unittest.main()
