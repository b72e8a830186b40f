#!/usr/bin/env python3
"""Our phones on real sockets: sound that is measured in the recording, keys, the command line, signals, the terminal."""
import math
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from exchange import BINARY, Exchange, strowger  # noqa: E402
from phone import Phone  # noqa: E402

RATE = 8000


def write_tone(path, hz, seconds):
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(b"".join(int(12000 * math.sin(2 * math.pi * hz * i / RATE)).to_bytes(2, "little", signed=True)
                               for i in range(int(seconds * RATE))))


def power_share(path, hz):
    """What part of a recording's power is at that frequency, and how long it is."""
    with wave.open(path, "rb") as w:
        assert w.getframerate() == RATE and w.getnchannels() == 1 and w.getsampwidth() == 2
        octets = w.readframes(w.getnframes())
    samples = [int.from_bytes(octets[i:i + 2], "little", signed=True) for i in range(0, len(octets), 2)]
    at_hz = total = 0.0
    block = RATE // 10   # whole periods of every multiple of 10 Hz
    for start in range(0, len(samples) - block + 1, block):
        part = samples[start:start + block]
        re = sum(s * math.cos(2 * math.pi * hz * i / RATE) for i, s in enumerate(part))
        im = sum(s * math.sin(2 * math.pi * hz * i / RATE) for i, s in enumerate(part))
        at_hz += 2 * (re * re + im * im) / block
        total += sum(s * s for s in part)
    return (at_hz / total if total else 0.0), len(samples) / RATE


class Calls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="strowger-phone-")
        self.exchange = Exchange()
        self.exchange.start()
        self.phones = []

    def tearDown(self):
        for p in self.phones:
            self.leave(p)
        self.exchange.stop()
        self.folder.cleanup()

    def phone(self, number, bind, tone=0, options=()):
        self.exchange.user(number, "pw" + number)
        p = Phone(number, number, "pw" + number, self.exchange.where, bind, tone, options)
        p.start()
        self.phones.append(p)
        p.registered()
        return p

    def leave(self, p):
        """It ends by itself after `quit`; a signal meanwhile would disturb the sanitizers' look at what is left."""
        try:
            if p.runs():
                p.say("quit")
                p.process.wait(10)
        finally:
            p.quit()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def test_sound_goes_both_ways_and_is_recorded(self):
        a = self.phone("1001", "127.0.0.21", tone=440, options=["--rtp-ports", "40000-40019"])
        b = self.phone("1002", "127.0.0.22", tone=650, options=["--auto-answer"])
        write_tone(self.path("played.wav"), 1000, 1.5)
        a.say("call 1002")
        a.wait("answered")
        b.wait("confirmed")
        a.say("record " + self.path("a.wav"))
        b.say("record " + self.path("b.wav"))
        a.wait("hears", hz=650)
        b.wait("hears", hz=440)
        a.say("play " + self.path("played.wav"))
        a.wait("played")
        b.wait("hears", hz=1000)
        a.say("dtmf 159#")
        for key in "159#":
            b.wait("dtmf", digit=key)
        a.say("hangup")
        said = a.wait("call-statistics")
        heard = b.wait("call-statistics")
        self.assertEqual(said["codec"], "G722")
        self.assertGreater(said["sent"], 100)
        self.assertLess(abs(said["sent"] - heard["received"]), 5)
        self.assertEqual(heard["lost"], 0)
        quality = b.wait("call-quality")
        self.assertGreater(quality["mos"], 4)
        self.assertEqual(quality["loss"], 0)
        share, seconds = power_share(self.path("a.wav"), 650)
        self.assertGreater(seconds, 1.5)
        self.assertGreater(share, 0.9)
        share, _ = power_share(self.path("b.wav"), 1000)
        self.assertGreater(share, 0.3)   # beside the tone before and after it

    def test_hold_is_silent_and_comes_back_over_tcp(self):
        a = self.phone("1001", "127.0.0.21", tone=440, options=["--tcp"])
        b = self.phone("1002", "127.0.0.22", tone=650, options=["--auto-answer=50"])
        a.say("call 1002")
        a.wait("hears", hz=650)
        a.say("hold")
        a.wait("on-hold")
        b.wait("held")
        a.say("resume")
        a.wait("off-hold")
        b.wait("resumed")
        a.wait("sound")
        b.say("hangup")
        self.assertEqual(a.wait("ended")["why"], "far-hung-up")

    def test_sigterm_hangs_up_and_unregisters(self):
        a = self.phone("1001", "127.0.0.21")
        b = self.phone("1002", "127.0.0.22", options=["--auto-answer"])
        a.say("call 1002")
        b.wait("confirmed")
        began = time.monotonic()
        a.signal(signal.SIGTERM)
        self.assertEqual(b.wait("ended")["why"], "far-hung-up")
        a.wait("unregistered")
        a.wait("bye")
        self.assertEqual(a.process.wait(5), 0)
        self.assertLess(time.monotonic() - began, 4)
        self.assertNotIn("1001", str(self.exchange.ask("bindings")))


    def test_p4_1_a_bye_outlives_kill_9_of_the_exchange(self):
        a = self.phone("1001", "127.0.0.21")
        b = self.phone("1002", "127.0.0.22", options=["--auto-answer"])
        a.say("call 1002")
        b.wait("confirmed")
        a.wait("confirmed")
        self.exchange.kill()
        a.say("hangup")
        a.wait("ended")
        self.exchange.start()
        self.assertEqual(b.wait("ended", 30)["why"], "far-hung-up")


class CommandLine(unittest.TestCase):
    def refused(self, *words):
        done = strowger("phone", *words)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_what_is_wrong_is_said(self):
        self.assertIn("--user is missing", self.refused())
        self.assertIn("did you mean '--server'", self.refused("--sever", "x"))
        self.assertIn("--user needs a value", self.refused("--user"))
        self.assertIn("'70000' cannot be; expected: HZ (say a tone of 100 to 3900 Hz", self.refused("--user", "1", "--tone", "70000"))
        for server in ("127.0.0.1:99999", "[::1", "a b", "sip:1.2.3.4", ""):
            self.assertIn("HOST[:PORT]", self.refused("--user", "1", "--server", server))
        self.assertIn("expected: FROM-TO", self.refused("--user", "1", "--rtp-ports", "9"))
        self.assertIn("expected: nothing", self.refused("--user", "1", "--json=yes"))
        self.assertIn("expected: CODE|silent|unlisted", self.refused("--user", "1", "--refuse-refer", "200"))
        self.assertIn("usage: strowger phone", strowger("phone", "--help").stdout)

    def test_an_address_that_is_not_ours_is_refused(self):
        done = strowger("phone", "--user", "1", "--bind", "192.0.2.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot listen on 192.0.2.1: it is no address of this machine", done.stderr)

    def test_a_trace_that_cannot_be_written(self):
        done = strowger("phone", "--user", "1", "--bind", "127.0.0.23", "--trace", "/nonexistent/trace")
        self.assertEqual((done.returncode, done.stderr), (1, "strowger phone: cannot write /nonexistent/trace: not found\n"))

    def test_the_end_of_a_pipe_ends_it_and_of_nothing_does_not(self):
        done = subprocess.run([BINARY, "phone", "--user", "1", "--bind", "127.0.0.23"], input="status\nnonsense\n", text=True,
                              capture_output=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("sip:1@127.0.0.23, not registered", done.stdout)
        self.assertIn("no such command", done.stdout)
        with subprocess.Popen([BINARY, "phone", "--user", "1", "--bind", "127.0.0.23", "--json"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True) as p:
            self.assertIn("ready", p.stdout.readline())
            with self.assertRaises(subprocess.TimeoutExpired):
                p.wait(0.5)
            p.terminate()
            self.assertIn("bye", p.stdout.read())


class Terminal(unittest.TestCase):
    def read_until(self, fd, text, seconds=10):
        got = b""
        end = time.monotonic() + seconds
        while text not in got and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                got += os.read(fd, 4096)
        self.assertIn(text, got)

    def test_commands_are_completed_and_events_are_words(self):
        ours, theirs = pty.openpty()
        p = subprocess.Popen([BINARY, "phone", "--user", "1", "--bind", "127.0.0.23"], stdin=theirs, stdout=theirs,
                             stderr=theirs, env=dict(os.environ, TERM="xterm"))
        os.close(theirs)
        try:
            self.read_until(ours, b"listening on 127.0.0.23:")
            os.write(ours, b"sta\t\n")
            self.read_until(ours, b"not registered")
            os.write(ours, b"tran\t\n")
            self.read_until(ours, b"usage: transfer TARGET")
            os.write(ours, b"qui\t\n")
            self.read_until(ours, b"bye")
            self.assertEqual(p.wait(5), 0)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait(5)
            os.close(ours)


if __name__ == "__main__":
    unittest.main(verbosity=2)
