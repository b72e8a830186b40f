"""SIPp as a process: scenarios of test/wire/sipp, with a user of the exchange."""
import csv
import os
import socket

from exchange import SOURCE
from program import Missing, Program, wait_until
from scene import PEOPLE

RATE = 50                           # new calls a second
WAITING = ("callee", "forward")     # scenarios that begin when somebody calls


class Sipp:
    """One run of a scenario of test/wire/sipp."""

    def __init__(self, scene, scenario, letter, port, calls, transport="u1", other="1002"):
        self.folder = scene.path("sipp-%s-%s" % (scenario, letter))
        os.makedirs(self.folder)
        _, number, ip, _ = PEOPLE[letter]
        self.ends = (ip, port) if scenario in WAITING else None
        users = os.path.join(self.folder, "users.csv")
        with open(users, "w", encoding="utf-8") as f:
            f.write("SEQUENTIAL\n%s;[authentication username=%s password=%s];%s\n" % (number, number, scene.password(number), other))
        self.errors = os.path.join(self.folder, "errors")
        self.stat = os.path.join(self.folder, "stat.csv")
        self.program = Program("sipp " + scenario,
                               ["sipp", scene.exchange.where, "-sf", os.path.join(SOURCE, "test", "wire", "sipp", scenario + ".xml"), "-inf",
                                users, "-i", ip, "-p", str(port), "-mi", ip, "-mp", str(30000 + int(number) % 1000 * 10), "-t", transport,
                                "-m", str(calls), "-r", str(RATE), "-timeout", "60", "-timeout_error", "-nostdin", "-trace_err",
                                "-error_file", self.errors, "-trace_stat", "-stf", self.stat, "-fd", "1"], cwd=self.folder,
                               log=os.path.join(self.folder, "log"))

    def __enter__(self):
        self.program.start()
        if self.ends:
            wait_until(self.listens, 10, self.program.name + " listens")
        return self

    def __exit__(self, *_):
        self.program.stop()

    def listens(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(self.ends)
                return False
            except OSError:
                return True

    def finish(self):
        """It has ended by itself, without an error; its last line of figures."""
        wait_until(lambda: not self.program.runs(), 70, "%s ends" % self.program.name)
        said = ""
        if os.path.exists(self.errors):
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                said = f.read()[:3000]
        if self.program.process.returncode:
            raise Missing("%s failed: %s" % (self.program.name, said))
        with open(self.stat, encoding="utf-8") as f:
            return list(csv.DictReader(f, delimiter=";"))[-1]


def run(scene, scenario, letter, port, calls, transport="u1"):
    with Sipp(scene, scenario, letter, port, calls, transport) as sipp:
        return sipp.finish()
