#!/usr/bin/env python3
"""The demo: each flow with all its steps, digest on, and every tone heard; with one worker and with four; what it keeps; when it
stays."""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, SOURCE, strowger  # noqa: E402
from program import Program  # noqa: E402

DEMO = os.path.join(SOURCE, "tools", "demo")
STEPS = [("F1", "A", "P", "INVITE"), ("F2", "P", "B", "INVITE"), ("F3", "B", "P", "180"), ("F4", "P", "A", "180"),
         ("F5", "B", "P", "200"), ("F6", "P", "A", "200"), ("F7", "A", "P", "ACK"), ("F8", "P", "B", "ACK"),
         ("F9", "B", "P", "REFER"), ("F10", "P", "B", "202"), ("F11", "P", "A", "REFER"), ("F12", "A", "P", "202"),
         ("F13", "B", "P", "BYE"), ("F14", "P", "A", "BYE"), ("F15", "A", "P", "200"), ("F16", "P", "B", "200"),
         ("F17", "A", "P", "INVITE"), ("F18", "P", "C", "INVITE"), ("F19", "C", "P", "180"), ("F20", "P", "A", "180"),
         ("F21", "C", "P", "200"), ("F22", "P", "A", "200"), ("F23", "A", "P", "ACK"), ("F24", "P", "C", "ACK")]
AUDIO = {"setup": ["A-B"], "busy": [], "no-answer": [], "hold": ["A-B"], "waiting": ["A-B", "A-C"],
         "blind-transfer": ["A-B", "A-C"], "attended-transfer": ["A-B", "A-C", "B-C"], "forward-always": ["A-C"],
         "forward-busy": ["A-C"], "forward-no-answer": ["A-C"], "conference": ["A-B", "A-C", "B-C"]}
WAVS = {"alice-heard-bob.wav": 554, "bob-heard-alice.wav": 440, "alice-heard-carol.wav": 659, "carol-heard-alice.wav": 440}


def demo(*words):
    return subprocess.run([DEMO, *words], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


def crossings_hz(path):
    """The pitch of a recording, by its zero crossings, and how long its sound is."""
    with wave.open(path, "rb") as w:
        rate, n = w.getframerate(), w.getnframes()
        samples = struct.unpack("<%dh" % n, w.readframes(n))
    loud = [i for i, s in enumerate(samples) if abs(s) > 1000]
    if not loud:
        return 0, 0.0
    part = samples[loud[0]:loud[-1] + 1]
    ups = sum(1 for a, b in zip(part, part[1:]) if a < 0 <= b)
    return ups * rate / len(part), len(part) / rate


def steps_of(flow):
    with open(os.path.join(SOURCE, "flows", flow + ".json"), encoding="utf-8") as f:
        return [(s["f"], s["from"], s["to"], s["message"]) for s in json.load(f)["steps"] if s.get("f")]


class Demo(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="strowger-wire-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def judge_line(self, line, flow, steps):
        result = json.loads(line)
        self.assertEqual(list(result), ["flow", "met", "steps", "audio", "seconds"], result)
        self.assertEqual(result["flow"], flow)
        self.assertIs(result["met"], True)
        self.assertEqual([(s["f"], s["from"], s["to"], s["message"]) for s in result["steps"]], steps)
        self.assertEqual(result["audio"], {pair: True for pair in AUDIO[flow]})
        self.assertLess(result["seconds"], 10)

    def judge(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.judge_line(done.stdout.splitlines()[-1], "blind-transfer", STEPS)

    def test_all(self):
        done = subprocess.run([DEMO, "all", "--json"], capture_output=True, text=True, timeout=120, check=False,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), len(AUDIO) + 1)
        for line, flow in zip(lines, AUDIO):
            self.judge_line(line, flow, steps_of(flow))
        total = json.loads(lines[-1])
        self.assertEqual(list(total), ["flow", "met", "flows", "failed", "seconds"])
        self.assertEqual((total["flow"], total["met"], total["flows"], total["failed"]), ("all", True, len(AUDIO), []))

    def test_one_that_is_named(self):
        done = demo("hold", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.judge_line(done.stdout.splitlines()[-1], "hold", steps_of("hold"))
        self.assertIn("Bob hears nothing", done.stderr)

    def test_one_worker(self):
        self.judge(demo("--json", "--workers", "1"))

    def test_four_workers(self):
        self.judge(demo("--json", "--workers", "4"))

    def test_what_it_keeps(self):
        kept = os.path.join(self.folder, "kept")
        self.judge(demo("--json", "--keep", kept))
        for name, hz in WAVS.items():
            heard, seconds = crossings_hz(os.path.join(kept, name))
            self.assertAlmostEqual(heard, hz, delta=hz * 0.05, msg=name)
            self.assertGreater(seconds, 0.2, name)
        self.assertTrue(os.path.exists(os.path.join(kept, "data", "strowger.db")))
        for name in ("exchange", "alice", "bob", "carol"):
            self.assertGreater(os.path.getsize(os.path.join(kept, "logs", name + ".log")), 0, name)
        check = strowger("flow", os.path.join(kept, "capture.pcap"), "--check", "blind-transfer")
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        again = demo("--keep", kept)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is not empty", again.stderr)

    def test_for_people(self):
        done = demo()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for text in ("Alice calls Bob", "Carol hears Alice: 440 Hz", "F24", "all 24 steps"):
            self.assertIn(text, done.stdout)

    def test_it_stays_until_a_signal(self):
        kept = os.path.join(self.folder, "kept")
        with Program("the demo", [DEMO, "--stay", "--keep", kept], log=os.path.join(self.folder, "log")) as p:
            p.find(lambda: any("Ctrl-C" in line for line in p.lines), 30, "how to stop it")
            bindings = strowger("bindings", "--json", "--data", os.path.join(kept, "data"))
            self.assertEqual([b["number"] for b in sorted(json.loads(bindings.stdout)["bindings"], key=lambda b: b["number"])],
                             ["1001", "1002", "1003"])
            p.say("alice call 1003")
            p.find(lambda: any("Carol: incoming" in line for line in p.lines), 10, "Carol's phone rings")
            p.say("carol answer")
            p.find(lambda: any("Alice: answered" in line for line in p.lines), 10, "Alice is answered")
            calls = strowger("calls", "--json", "--data", os.path.join(kept, "data"))
            self.assertEqual([c["callee"] for c in json.loads(calls.stdout)["calls"]], ["1003"])
            p.signal(signal.SIGINT)
            self.assertEqual(p.process.wait(20), 0)

    def test_wrong_command_lines(self):
        for words, text in ((["--jsn"], "--jsn"), (["--workers", "0"], "1 to 64"), (["x"], "attended-transfer"),
                            (["all", "--stay"], "one flow")):
            done = demo(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(text, done.stderr)

    def test_a_step_that_fails_is_named(self):
        """A binary whose phones refuse to start: the demo says which event is missing, and fails."""
        fake = os.path.join(self.folder, "strowger")
        with open(fake, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\n[ "$1" = phone ] && { echo \'{"event":"ready"}\'; exit 1; }\nexec "%s" "$@"\n' % BINARY)
        os.chmod(fake, 0o755)
        done = subprocess.run([DEMO, "--json"], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "STROWGER_BINARY": fake}, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertIs(result["met"], False)
        self.assertIn("event 'registered' did not come before it ended (status 1); it told: ready", result["error"])


if __name__ == "__main__":
    begin(programs=["tcpdump"], root=True)
    unittest.main(verbosity=2)
