#!/usr/bin/env python3
"""A capture by tcpdump of a registered, challenged, transferred call with sound: `strowger flow` draws one story of it and
--check agrees; without any one of the steps it does not, and names that step."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import SOURCE, strowger  # noqa: E402
from packets import read_pcap, sip_text, write_pcap  # noqa: E402
from scene import LETTER  # noqa: E402

FLOW = os.path.join(SOURCE, "flows", "blind-transfer.json")


class Capture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="strowger-wire-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        kept = os.path.join(cls.folder, "kept")
        done = subprocess.run([os.path.join(SOURCE, "tools", "demo"), "--json", "--keep", kept], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.pcap = os.path.join(kept, "capture.pcap")

    def flow(self, *words, path=None):
        return strowger("flow", path or self.pcap, *words)

    def test_one_story(self):
        stories = json.loads(self.flow("--format", "json").stdout)["stories"]
        self.assertEqual(len(stories), 1)
        story = stories[0]
        self.assertIs(story["verdict"]["ok"], True, story["verdict"])
        self.assertEqual([f for f in story["findings"] if f["severity"] == "error"], [])
        self.assertEqual(len({d["call_id"] for d in story["dialogs"]}), 2)
        numbers = {row["f"] for row in story["rows"] if row.get("f")}
        self.assertEqual(numbers, {"F%d" % n for n in range(1, 25)})

    def test_text_names_who_and_what(self):
        text = self.flow().stdout
        for word in ("Alice (1001)", "Bob (1002)", "Carol (1003)", "F24", "B asks the exchange to connect A to 1003"):
            self.assertIn(word, text)

    def test_check_agrees(self):
        for flow in ("blind-transfer", FLOW):
            done = self.flow("--check", flow)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("All 24 steps", done.stdout)

    def test_other_flows_are_not_met(self):
        for flow in ("attended-transfer", "busy", "hold", "forward-always"):
            self.assertEqual(self.flow("--check", flow).returncode, 1, flow)

    def test_written_again_it_is_the_same(self):
        out = os.path.join(self.folder, "again.pcap")
        self.assertEqual(self.flow("--pcap", out).returncode, 0)
        self.assertEqual(self.flow("--check", "blind-transfer", path=out).returncode, 0)

    def test_nothing_that_is_written_proves_a_password(self):
        with open(self.pcap, "rb") as f:
            secrets = set(re.findall(rb'\b(?:response|cnonce)="([^"]+)"', f.read()))
        self.assertGreater(len(secrets), 3)
        out = os.path.join(self.folder, "written")
        for words in (["--pcap", out], *(["--format", name, "-o", out] for name in ("text", "json", "svg", "html"))):
            self.assertEqual(self.flow(*words).returncode, 0)
            with open(out, "rb") as f:
                text = f.read()
            self.assertEqual([s for s in secrets if s in text], [], words)
            self.assertEqual(b'response="' + 32 * b"*" + b'"' in text, words[0] == "--pcap", words)

    def test_each_step_that_is_missing_is_named(self):
        packets = read_pcap(self.pcap)
        rows = [r for r in json.loads(self.flow("--format", "json").stdout)["stories"][0]["rows"] if r.get("f")]
        self.assertEqual(len(rows), 24)
        cut = os.path.join(self.folder, "cut.pcap")
        for row in rows:
            gone = self.packet_of(row, packets)
            write_pcap(cut, [p for p in packets if (p.ends, p.payload) != (gone.ends, gone.payload)])
            done = self.flow("--check", "blind-transfer", path=cut)
            last = done.stdout.splitlines()[-1]
            self.assertEqual(done.returncode, 1, row["f"])
            self.assertIn("%s (%s" % (row["f"], row["message"]), last)

    def packet_of(self, row, packets):
        found = [p for p in packets if p.ends and sip_text(p.payload) and abs(p.time - row["t"]) < 2e-6 and
                 (LETTER.get(p.ends[0]), LETTER.get(p.ends[2])) == (row["from"], row["to"]) and
                 row["message"] in sip_text(p.payload).split("\r\n", 1)[0]]
        self.assertEqual(len(found), 1, row)
        return found[0]


if __name__ == "__main__":
    begin(programs=["tcpdump"], root=True)
    unittest.main(verbosity=2)
