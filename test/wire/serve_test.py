#!/usr/bin/env python3
"""A running exchange: what it logs, its control socket and what was recorded, a disk that fills up, and its end."""
import base64
import json
import os
import re
import resource
import signal
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import strowger  # noqa: E402
from phone import Phone  # noqa: E402
from program import wait_until  # noqa: E402
from scene import Scene  # noqa: E402

SOON_S = 2.0  # how long its end may take, whatever goes on
CLIENTS = 16  # administrators at once


class Control:
    """A connection to the control socket: JSON lines."""

    def __init__(self, exchange):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(os.path.join(exchange.data, "control.sock"))
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def hear(self):
        line = self.lines.readline()
        return json.loads(line) if line else None

    def ask(self, **request):
        self.say(json.dumps(request))
        return self.hear()

    def trace(self, **request):
        """What was recorded, and the line that ends it."""
        entries = []
        self.say(json.dumps({"act": "trace", **request}))
        while True:
            line = self.hear()
            if line is None or line.get("end"):
                return entries, line
            entries.append(line)


def logged(program, event=None):
    """The lines of the log as dictionaries, all or those of one event."""
    found = [{k: v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|\S*)', line)} for line in program.errors().splitlines()]
    return [line for line in found if event in (None, line.get("ev"))]


class Log(unittest.TestCase):
    def test_at_the_usual_level_only_what_somebody_should_look_at(self):
        with Scene() as scene:
            program = scene.exchange.program
            scene.hang_up("A", scene.transfer(scene.talk()))
            self.assertEqual(logged(program), [])
            with Phone("Eve", "1001", "guessed", scene.exchange.where, "127.0.0.14") as eve:
                eve.wait("registration-failed")
            wrong = logged(program)[0]
            self.assertEqual([wrong[k] for k in ("lvl", "ev", "method", "number")], ["warn", "auth.wrong", "REGISTER", "1001"])
            self.assertTrue(wrong["from"].startswith("127.0.0.14:"))

    def test_at_level_info_the_story_of_each_call(self):
        scene = Scene()
        scene.exchange.options = ["--log", "info"]
        with scene:
            program = scene.exchange.program
            scene.hang_up("A", scene.transfer(scene.talk()))
            wait_until(lambda: len(logged(program, "call.ended")) == 2, 10, "the end of both calls")
            first, second = (line["call"] for line in logged(program, "call.begun"))
            wait_until(lambda: {line["call"] for line in logged(program, "call.quality")} == {first, second}, 10,
                       "the phones' word on how both calls sounded")
            self.assertLessEqual({line["heard_by"] for line in logged(program, "call.quality")}, {"caller", "callee"})

            def said_of(call):   # reports come when phones send them, some after the end
                return [line["ev"] for line in logged(program) if line.get("call") == call and line["ev"] != "call.quality"]

            story = said_of(first)
            self.assertEqual(story[:3], ["call.begun", "call.answered", "transfer.accepted"])
            self.assertEqual(sorted(story[3:]), ["call.ended", "transfer.done"])  # BYE and NOTIFY come from two ends
            self.assertEqual(said_of(second), ["call.begun", "call.answered", "call.ended"])
            self.assertEqual(sorted(line["number"] for line in logged(program, "binding.new")), ["1001", "1002", "1003"])
            self.assertEqual(scene.exchange.ask("user", "set", "1003", "--password", "quite-new")["ok"], True)
            self.assertEqual(logged(program, "admin.act")[-1]["act"], "user.set")
            for secret in ("secret-", "quite-new", "nonce"):
                self.assertNotIn(secret, program.errors())

    def test_sighup_changes_the_level(self):
        scene = Scene(letters="")
        conf = scene.path("conf")

        def level(name):
            with open(conf, "w", encoding="utf-8") as f:
                f.write("log = %s\n" % name)

        level("error")
        scene.exchange.options = ["--config", conf]
        with scene:
            program = scene.exchange.program
            scene.exchange.ask("user", "list")
            level("info")
            program.signal(signal.SIGHUP)
            program.find(lambda: "configuration read again" in program.lines, 10, "that the file was read again")
            scene.exchange.ask("calls")
            self.assertEqual([line.get("act", line["ev"]) for line in logged(program)], ["serve.reload", "calls"])


class Socket(unittest.TestCase):
    def test_acts_and_what_is_none(self):
        with Scene(letters="") as scene, Control(scene.exchange) as control:
            status = control.ask(act="status")
            self.assertEqual([status[k] for k in ("ok", "running", "users", "bindings", "calls")], [True, True, 3, 0, 0])
            for line, text in (("{", "JSON"), ("[]", "act"), ('{"act":"dance"}', "dance"), ('{"act":7}', "act")):
                control.say(line)
                answer = control.hear()
                self.assertIs(answer["ok"], False)
                self.assertIn(text, answer["error"])
            self.assertEqual(os.stat(os.path.join(scene.exchange.data, "control.sock")).st_mode & 0o777, 0o600)

    def test_what_was_recorded(self):
        with Scene(letters="AB") as scene, Control(scene.exchange) as control:
            scene.hang_up("A", scene.talk())

            def ended():
                entries, _ = control.trace()
                return sum(base64.b64decode(e.get("octets", "")).startswith(b"SIP/2.0 200") and b" BYE\r\n" in
                           base64.b64decode(e["octets"]) for e in entries) == 2
            wait_until(ended, 10, "both answers to BYE")
            entries, end = control.trace()
            self.assertEqual([e["n"] for e in entries], list(range(1, len(entries) + 1)))
            self.assertEqual([end["ok"], end["n"], end["lost"]], [True, len(entries), False])
            messages = [base64.b64decode(e["octets"]) for e in entries if "octets" in e]
            self.assertTrue(any(m.startswith(b"INVITE sip:1002@") for m in messages))
            self.assertTrue(all(set(e) >= {"out", "transport", "local", "remote", "t"} for e in entries if "octets" in e))
            self.assertTrue(all(e["text"] and e["call-id"] for e in entries if "code" in e))
            self.assertTrue(any("code" in e for e in entries), "there are reasons")
            later, end = control.trace(after=len(entries))
            self.assertEqual((later, end["n"]), ([], len(entries)))

    def test_what_proves_a_password_stays_inside(self):
        with tempfile.TemporaryDirectory(prefix="strowger-wire-") as folder:
            told, saved, drawn = (os.path.join(folder, name) for name in ("phone", "pcap", "drawn"))
            with Scene(letters="AB", options={"A": ["--trace", told]}) as scene, Control(scene.exchange) as control:
                scene.hang_up("A", scene.talk())
                entries, _ = control.trace()
                exports = {"socket": b"".join(base64.b64decode(e.get("octets", "")) for e in entries)}
                for words in (["--pcap", saved], *(["--format", name, "-o", drawn] for name in ("text", "json", "svg", "html"))):
                    done = strowger("flow", "--live", "--data", scene.exchange.data, *words)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    exports[words[1]] = Path(words[-1]).read_bytes()
            exports["phone"] = Path(told).read_bytes()
        for name, text in exports.items():
            self.assertIsNone(re.search(rb'(response|cnonce|rspauth)="?[^*"]', text), name)
        for name in ("socket", saved, "phone"):
            self.assertIn(b'response="' + 32 * b"*" + b'"', exports[name], name)

    def test_following_goes_on_until_something_is_said(self):
        with Scene(letters="AB") as scene, Control(scene.exchange) as control:
            _, end = control.trace()
            control.say(json.dumps({"act": "trace", "follow": True, "after": end["n"]}))
            scene.hang_up("A", scene.talk())
            seen = b""
            while b" BYE\r\n" not in seen:
                seen += base64.b64decode(control.hear().get("octets", ""))
            self.assertIn(b"INVITE sip:1002@", seen)
            control.say('{"act":"status"}')
            line = control.hear()
            while "octets" in line or "code" in line:
                line = control.hear()
            self.assertIs(line["end"], True)
            self.assertIn("users", control.hear())

    def test_too_many_at_once(self):
        with Scene(letters="") as scene:
            clients = [Control(scene.exchange) for _ in range(CLIENTS)]
            for client in clients:
                self.assertIs(client.ask(act="status")["ok"], True)
            with Control(scene.exchange) as one_more:
                self.assertIn("too many", one_more.hear()["error"])
            clients.pop().__exit__()

            def another():
                with Control(scene.exchange) as c:
                    return c.ask(act="status")["ok"]
            wait_until(another, 10, "room for another")
            for client in clients:
                client.__exit__()


class Disk(unittest.TestCase):
    def test_full_and_well_again(self):
        """A limit on the size of files stands for the full disk: no new binding, old ones and calls go on."""
        with Scene(letters="AB") as scene:
            program = scene.exchange.program
            pid = program.process.pid
            calls = scene.talk()
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            with Phone("Carol", "1003", scene.password("1003"), scene.exchange.where, "127.0.0.13") as carol:
                self.assertEqual(carol.wait("registration-failed")["code"], 500)
                wait_until(lambda: logged(program, "store.fault"), 10, "that the log says so")
                self.assertEqual(len(scene.exchange.ask("bindings")["bindings"]), 2)
                self.assertIs(scene.exchange.ask("user", "add", "1009")["ok"], False)
                scene.hang_up("A", calls)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                self.assertIs(scene.exchange.ask("user", "add", "1009")["ok"], True)
                wait_until(lambda: logged(program, "store.well"), 10, "that all is well again")
                carol.quit()
            scene.exchange.stop()
            scene.exchange.start()
            wait_until(lambda: scene.exchange.ask("cdr")["cdrs"], 10, "the CDR of the call that ended meanwhile")


class End(unittest.TestCase):
    def test_soon_whatever_goes_on(self):
        with Scene(letters="AB") as scene:
            calls = scene.talk()
            idle, slow = Control(scene.exchange), Control(scene.exchange)
            self.assertIs(idle.ask(act="status")["ok"], True)
            slow.say('{"act":"trace","follow":true}')  # and never reads
            program = scene.exchange.program
            began = time.monotonic()
            self.assertEqual(program.stop(), 0)
            self.assertLess(time.monotonic() - began, SOON_S)
            self.assertFalse(os.path.exists(os.path.join(scene.exchange.data, "control.sock")))
            self.assertIsNone(idle.hear())
            for client in (idle, slow):
                client.__exit__()
            scene.exchange.start()  # the call goes on, and ends by the exchange that knows it again
            self.assertEqual([c["state"] for c in scene.exchange.ask("calls")["calls"]], ["talking"])
            scene.hang_up("A", calls)
            wait_until(lambda: scene.exchange.ask("cdr")["cdrs"], 10, "its CDR")
            self.assertEqual(scene.exchange.ask("cdr")["cdrs"][0]["ended-by"], "caller")


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
