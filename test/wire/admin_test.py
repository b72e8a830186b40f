#!/usr/bin/env python3
"""Administration, with the exchange up and down: users, calls, bindings, CDRs, explain; JSON and words; wrong command lines;
an exchange that cannot start says in one line why."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from begin import begin  # noqa: E402
from exchange import BINARY, Exchange, free_port, strowger  # noqa: E402
from phone import Phone  # noqa: E402
from program import Program, wait_until  # noqa: E402
from scene import Scene  # noqa: E402


def may_mount():
    """May a process have mounts of its own here?"""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="strowger-wire-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def run_on(self, *words):
        return strowger(*words, "--data", self.data)

    def answer(self, *words, ok=True):
        """The JSON answer; ok says how it must have ended."""
        done = self.run_on(*words, "--json")
        self.assertEqual(done.returncode, 0 if ok else 1, (words, done.stdout, done.stderr))
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 1, done.stdout)
        answer = json.loads(lines[0])
        self.assertIs(answer["ok"], ok)
        return answer

    def users(self):
        return {u["number"]: u for u in self.answer("user", "list")["users"]}


class Users(Folder):
    """The same acts on the folder and by way of the running exchange."""

    def acts(self):
        self.assertEqual(self.answer("user", "add", "1001", "--name", "Alice", "--password", "secret-1001")["number"], "1001")
        made = self.answer("user", "add", "1002")["password"]
        self.assertGreaterEqual(len(made), 12)
        self.assertIn("there already", self.answer("user", "add", "1001", ok=False)["error"])
        self.assertIn("no user 1009", self.answer("user", "set", "1009", "--name", "X", ok=False)["error"])
        self.answer("user", "set", "1002", "--name", "Bob", "--digest", "both")
        self.assertEqual(self.users()["1002"]["settings"], {"digest": "both"})
        self.answer("user", "set", "1002", "--digest", "")
        self.assertIn("forward.busy", self.answer("user", "set", "1002", "--bogus", "1", ok=False)["error"])
        csv = self.file("in.csv", "number,name,password\n1003,Carol,secret-1003\n1001,Alice A.,\n\"1004\",\"D, Dora\",\n")
        imported = self.answer("user", "import", csv)
        self.assertEqual((imported["added"], imported["changed"]), (2, 1))
        self.assertEqual([p["number"] for p in imported["passwords"]], ["1004"])
        bad = self.file("bad.csv", "number,name\n1005,Eve\n!!,Nobody\n")
        self.assertIn("line 3", self.answer("user", "import", bad, ok=False)["error"])
        self.answer("user", "remove", "1004")
        self.assertIn("no user 1004", self.answer("user", "remove", "1004", ok=False)["error"])
        self.assertEqual({n: (u["name"], u["has-password"]) for n, u in self.users().items()},
                         {"1001": ("Alice A.", True), "1002": ("Bob", True), "1003": ("Carol", True)})
        export = self.run_on("user", "export").stdout
        self.assertEqual([line.split(",")[0] for line in export.splitlines()], ["number", "1001", "1002", "1003"])
        self.assertNotIn("ha1", export)
        self.assertIn("ha1-md5", self.run_on("user", "export", "--secrets").stdout)
        self.assertEqual(self.answer("explain", "1001", "1002")["code"], 480)
        self.assertEqual(self.answer("explain", "1001", "77")["code"], 404)
        for words in (["calls"], ["bindings"], ["bindings", "1001"], ["cdr"], ["cdr", "--party", "1001", "--max", "5"]):
            self.answer(*words)
            self.assertEqual(self.run_on(*words).returncode, 0)
        text = self.run_on("user", "list").stdout
        self.assertIn("Alice A.", text)
        self.assertNotIn("secret", text)

    def test_exchange_down(self):
        self.assertIn("there is no data", self.answer("user", "list", ok=False)["error"])
        self.assertFalse(os.path.exists(self.data))
        self.acts()
        self.assertIn("does not run", self.answer("calls", "end", "0-1", ok=False)["error"])

    def test_exchange_up(self):
        os.mkdir(self.data, 0o700)
        with Exchange(data=self.data, log=os.path.join(self.folder, "log")) as x:
            self.assertEqual(self.users(), {})
            self.acts()
            self.assertIn("error", self.answer("calls", "end", "0-1", ok=False))
            before = self.users()
            x.kill()
            self.assertEqual(self.users(), before)
            x.start()
            self.assertEqual(self.users(), before)

    def test_an_exported_folder_can_be_imported(self):
        self.run_on("user", "add", "1001", "--name", "Alice", "--password", "secret-1001")
        csv = self.file("out.csv", self.run_on("user", "export", "--secrets").stdout)
        other, self.data = self.data, os.path.join(self.folder, "other")
        self.assertEqual(self.answer("user", "import", csv)["added"], 1)
        with Exchange(data=self.data, log=os.path.join(self.folder, "log")) as x, \
                Phone("Alice", "1001", "secret-1001", x.where, "127.0.0.11") as phone:
            phone.registered()
            phone.quit()
        self.assertTrue(os.path.isdir(other))


class Calls(unittest.TestCase):
    def test_calls_bindings_cdrs(self):
        with Scene() as scene:
            x = scene.exchange
            bindings = {b["number"]: b for b in x.ask("bindings")["bindings"]}
            self.assertEqual(sorted(bindings), ["1001", "1002", "1003"])
            self.assertTrue(bindings["1002"]["contact"].startswith("sip:1002@127.0.0.12:"))
            self.assertEqual(len(x.ask("bindings", "1002")["bindings"]), 1)
            explained = x.ask("explain", "1001", "1002")
            self.assertEqual([t["contact"] for t in explained["targets"]], [bindings["1002"]["contact"]])
            calls = scene.talk()
            (call,) = x.ask("calls")["calls"]
            self.assertEqual((call["caller"], call["callee"], call["state"]), ("1001", "1002", "talking"))
            self.assertIn("1002", strowger("calls", "--data", x.data).stdout)
            self.assertIs(x.ask("calls", "end", call["id"])["ok"], True)
            for letter, number in calls.items():
                scene[letter].wait("ended", call=number, why="far-hung-up")
            wait_until(lambda: x.ask("cdr")["cdrs"], 10, "a CDR")
            (cdr,) = x.ask("cdr")["cdrs"]
            self.assertEqual((cdr["caller"], cdr["callee"], cdr["code"], cdr["ended-by"]), ("1001", "1002", 200, "admin"))
            self.assertEqual(x.ask("cdr", "--party", "1003")["cdrs"], [])
            self.assertEqual(x.ask("calls")["calls"], [])
            scene["C"].quit()
            wait_until(lambda: len(x.ask("bindings")["bindings"]) == 2, 10, "Carol is gone")
            self.assertEqual(x.ask("explain", "1001", "1003")["code"], 480)

    def test_a_new_password_counts_at_once(self):
        with Scene(letters="AB") as scene:
            scene["B"].quit()
            scene.exchange.ask("user", "set", "1002", "--password", "another")
            with Phone("Bob", "1002", scene.password("1002"), scene.exchange.where, "127.0.0.12") as old:
                self.assertIn(old.wait("registration-failed")["code"], (401, 403))
                old.quit()
            with Phone("Bob", "1002", "another", scene.exchange.where, "127.0.0.12") as new:
                new.registered()
                new.quit()


class Words(unittest.TestCase):
    WRONG = [([], "serve"), (["bogus"], "no command 'bogus'"), (["user"], "user add NUMBER"), (["user", "ad"], "user add NUMBER"),
             (["user", "add"], "number"), (["user", "list", "--bogus"], "--bogus"), (["user", "remove"], "number"),
             (["user", "import"], "file"), (["user", "add", "1", "--name"], "--name"), (["user", "add", "1", "2"], "2"),
             (["calls", "stop"], "calls end ID"), (["calls", "end"], "id"), (["bindings", "1", "2"], "2"),
             (["cdr", "--max"], "--max"), (["cdr", "--max", "many"], "--max"), (["explain", "1001"], "callee"),
             (["explain"], "caller"), (["serve", "--bogus"], "there are data, listen"), (["serve", "--listen"], "udp:ADDRESS:PORT"),
             (["serve", "--listen", "udp:nowhere:5060"], "udp:ADDRESS:PORT"), (["serve", "--workers", "0"], "1 to 64"),
             (["serve", "--auth", "maybe"], "digest or none"), (["serve", "--auth", "none", "--listen", "udp:0.0.0.0:5060"], "loopback"),
             (["serve", "extra"], "extra"), (["phone"], "--user"), (["phone", "--user", "1", "--bogus"], "--help"),
             (["phone", "--user", "1", "--tone", "x"], "HZ"), (["flow"], "FILE"), (["flow", "--format", "gif", "x"], "svg"),
             (["flow", "x", "--check"], "--check"), (["flow", "--bogus"], "--help"),
             (["sevre"], "did you mean 'serve'"), (["serve", "--dat", "x"], "did you mean 'data'"),
             (["flow", "x", "--story", "0"], "number from 1"), (["flow", "--live"], "--data says where"),
             (["phone", "--user", "1", "--server", "x:99999"], "HOST[:PORT]"),
             (["phone", "--usr", "1"], "did you mean '--user'"), (["flow", "--chek", "x"], "did you mean --check")]

    def test_wrong_ones_end_with_2_and_name_what_is_possible(self):
        for words, text in self.WRONG:
            with self.subTest(words=words), tempfile.TemporaryDirectory() as home:
                done = strowger(*words, env={**os.environ, "HOME": home, "XDG_DATA_HOME": home})
                self.assertEqual(done.returncode, 2, (words, done.stderr))
                self.assertIn(text, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertEqual(os.listdir(home), [])

    def test_help(self):
        for command in ("serve", "phone", "flow", "user", "calls", "bindings", "cdr", "explain"):
            done = strowger(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            self.assertIn(command if command not in ("serve", "phone", "flow") else "--", done.stdout)
        self.assertEqual(strowger("--help").returncode, 0)
        self.assertRegex(strowger("--version").stdout, r"^strowger \d+\.\d+")


class Start(Folder):
    """`strowger serve` that cannot start: status 1 or 2, one line that says why, nothing half done."""

    def refused(self, *words, status=1, text="", **options):
        done = strowger("serve", *words, timeout_s=20, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("ready", done.stdout)
        lines = [line for line in done.stderr.splitlines() if "--help" not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("strowger serve: "), lines[0])
        self.assertIn(text, lines[0])

    def listen(self):
        return "udp:127.0.0.10:%d" % free_port("127.0.0.10")

    def test_two_on_one_folder(self):
        os.mkdir(self.data, 0o700)
        with Exchange(data=self.data, log=os.path.join(self.folder, "log")) as x:
            self.refused("--data", self.data, "--listen", self.listen(), text=self.data)
            self.assertTrue(x.answers_options())
            self.assertIs(x.ask("user", "list")["ok"], True)

    def test_port_taken(self):
        for kind, taken in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
            with socket.socket(socket.AF_INET, taken) as s:
                s.bind(("127.0.0.10", 0))
                if kind == "tcp":
                    s.listen(1)
                where = "%s:127.0.0.10:%d" % (kind, s.getsockname()[1])
                self.refused("--data", self.data, "--listen", where, text=where)

    def test_port_taken_by_another_exchange(self):
        with Exchange(log=os.path.join(self.folder, "log")) as x:
            self.refused("--data", self.data, "--listen", "udp:" + x.where, text="udp:" + x.where)

    def test_address_of_another_machine(self):
        self.refused("--data", self.data, "--listen", "udp:192.0.2.1:5060", text="192.0.2.1:5060")

    def test_folder_cannot_be_made(self):
        self.refused("--data", "/proc/strowger", "--listen", self.listen(), text="/proc/strowger")
        path = self.file("file", "")
        self.refused("--data", path, "--listen", self.listen(), text=path + " cannot be made: there is a file of that name")
        self.assertIn("there is a file of that name", strowger("user", "add", "1001", "--data", path).stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_folder_not_writable(self):
        os.chmod(self.folder, 0o755)
        os.mkdir(self.data, 0o555)
        binary = shutil.copy(BINARY, os.path.join(self.folder, "strowger"))
        done = subprocess.run([binary, "serve", "--data", self.data, "--listen", self.listen()], capture_output=True, text=True,
                              timeout=20, check=False, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(self.data + "/lock: Permission denied; be the folder's owner, or choose another with --data", done.stderr)
        self.assertEqual(os.listdir(self.data), [])

    def test_bad_configuration(self):
        for name, text, parts in (("key", "workers = 2\nwrkers = 3\n", ("line 2", "wrkers", "workers")),
                                  ("value", "workers = many\n", ("line 1", "workers", "many", "1 to 64")),
                                  ("listen", "domain = example.com\nlisten = sctp:1.2.3.4\n", ("line 2", "listen", "udp:ADDRESS:PORT")),
                                  ("shape", "nonsense\n", ("line 1", "KEY = VALUE"))):
            path = self.file(name, text)
            done = strowger("serve", "--data", self.data, "--config", path, timeout_s=20)
            self.assertIn(done.returncode, (1, 2), name)
            for part in (path,) + parts:
                self.assertIn(part, done.stderr.splitlines()[0])
        self.refused("--data", self.data, "--config", "/nonexistent", text="/nonexistent")
        self.refused("--data", self.data, "--config", self.folder, text=self.folder + " is a folder")

    def test_damaged_database(self):
        self.run_on("user", "add", "1001")
        with open(os.path.join(self.data, "strowger.db"), "r+b") as f:
            f.write(b"not a database at all, whatever its name says" * 100)
        self.refused("--data", self.data, "--listen", self.listen(), text="strowger.db")

    def test_out_of_descriptors(self):
        done = subprocess.run(["sh", "-c", 'ulimit -n 10 && exec "$0" "$@"', BINARY, "serve", "--workers", "2", "--data", self.data,
                               "--listen", self.listen()], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    @unittest.skipUnless(may_mount(), "only root can mount a small disk, and not in every container")
    def test_disk_full(self):
        os.mkdir(self.data)
        done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=4k none "$1" && exec "$0" serve --data "$1" '
                               '--listen "$2"', BINARY, self.data, self.listen()], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("No space left", done.stderr)

    def test_a_file_of_settings_and_reload(self):
        where = self.listen()
        conf = self.file("conf", "# a laboratory\nlisten = %s\nworkers = 1\ndomain = one.example\n" % where)
        with Program("the exchange", [BINARY, "serve", "--data", self.data, "--config", conf],
                     log=os.path.join(self.folder, "log")) as p:
            p.find(lambda: "ready" in p.lines, 10, "'ready'")
            self.assertIn("listening on udp " + where[4:], p.lines)
            self.file("conf", "listen = %s\nworkers = 1\ndomain = two.example\n" % where)
            p.signal(signal.SIGHUP)
            p.find(lambda: any("read again" in line for line in p.lines), 10, "that the file was read again")
            self.file("conf", "bogus = 1\n")
            p.signal(signal.SIGHUP)
            wait_until(lambda: "nothing is changed" in p.errors(), 10, "that a bad file changes nothing")
            self.assertEqual(p.stop(), 0)


if __name__ == "__main__":
    begin()
    unittest.main(verbosity=2)
