"""The servers that ./run bench compares: started on loopback on free ports, stopped by pid, their folders removed."""
import atexit
import glob
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER_IP, CALLER_IP, CALLEE_IP = "127.0.0.1", "127.0.0.2", "127.0.0.3"
FIRST_USER, PASSWORD, REALM = 1000000, "secret", "bench"
START_S, STOP_S = 60, 20
KAMAILIO_TABLES = "/usr/share/kamailio/db_sqlite"


class CannotRun(Exception):
    """A server did not start, or a tool is missing: the text says why."""


def free_port(address):
    for _ in range(200):
        port = random.randint(20000, 32000)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((address, port))
                return port
        except OSError:
            continue
    raise CannotRun("no free port on " + address)


def children_of(pid):
    """Its processes, the first one included."""
    pids, seen = [pid], 0
    while seen < len(pids):
        for path in glob.glob("/proc/%d/task/*/children" % pids[seen]):
            try:
                with open(path, encoding="ascii") as f:
                    pids += [int(word) for word in f.read().split()]
            except OSError:
                pass
        seen += 1
    return pids


def rollup(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        return {name: int(n) for name, n in re.findall(r"(?m)^(\w+): +(\d+) kB", f.read())}


class Server:
    """Use as a context. cores: which it may use (None: all); where: IP:PORT; options for `strowger load` in .load."""
    name = None

    def __init__(self, binaries, cores=None, quota=None):
        self.binaries = binaries
        self.cores = cores
        self.quota = quota
        self.process = None
        self.folder = None
        self.port = free_port(SERVER_IP)
        self.where = "%s:%d" % (SERVER_IP, self.port)
        self.load = ["--local", "%s,%s" % (CALLER_IP, CALLEE_IP)]
        self.start_s = None

    def argv(self):
        raise NotImplementedError

    def is_ready(self, text):
        return "ready" in text

    def prepare(self):
        pass

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="strowger-bench-")
        atexit.register(shutil.rmtree, self.folder, True)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        began = time.monotonic()
        log = os.path.join(self.folder, "log")
        with open(log, "wb") as f:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=f, stderr=f, cwd=self.folder,
                                            preexec_fn=self.settle)
        atexit.register(self.stop)
        while True:
            ended = self.process.poll() is not None
            with open(log, encoding="utf-8", errors="replace") as f:
                text = f.read()
            if self.is_ready(text):
                break
            if ended or time.monotonic() - began > START_S:
                raise CannotRun("%s does not start: %s" % (self.name, text[-300:].strip() or "it says nothing"))
            time.sleep(0.002)
        self.start_s = time.monotonic() - began

    def settle(self):
        """In the child, before it becomes the server."""
        if self.quota:
            self.quota.join()
        if self.cores:
            os.sched_setaffinity(0, self.cores)

    def stop(self):
        process, self.process = self.process, None
        if not process:
            return
        pids = children_of(process.pid)[1:]
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in pids:   # they end with it, unless it was killed
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pids(self):
        return children_of(self.process.pid)

    def octets(self):
        """Memory that is this server's own, and what its processes share once."""
        total = 0
        for pid in self.pids():
            kb = rollup(pid)
            total += kb["Private_Dirty"] + (kb["Shared_Dirty"] if pid == self.process.pid else 0)
        return total * 1024

    def octets_with_files(self):
        """The same, and mapped files with all that is in them: whether their pages are dirty, or mapped just now, is chance."""
        return self.octets()


class Relay(Server):
    """The plain relay. `full`: it sends as many datagrams as a proxy does."""
    name = "relay"

    def __init__(self, binaries, full=True, **more):
        super().__init__(binaries, **more)
        self.full = full
        self.peers = ["%s:%d" % (ip, free_port(ip)) for ip in (CALLER_IP, CALLEE_IP)]
        self.load = ["--relay", "--local", ",".join(self.peers)]

    def argv(self):
        return [self.binaries.relay, self.where] + self.peers + (["3"] if self.full else [])


class Strowger(Server):
    name = "strowger"

    def __init__(self, binaries, digest=False, users=1000, workers=1, data=None, **more):
        super().__init__(binaries, **more)
        self.digest = digest
        self.users = users
        self.workers = workers
        self.kept = data

    def prepare(self):
        self.data = self.kept or os.path.join(self.folder, "data")
        if self.digest:
            self.import_users()

    def import_users(self):
        path = os.path.join(self.folder, "users.csv")
        with open(path, "w", encoding="ascii") as f:
            f.write("number,password\n")
            f.writelines("%d,%s\n" % (FIRST_USER + i, PASSWORD) for i in range(self.users))
        done = subprocess.run([self.binaries.strowger, "user", "import", path, "--data", self.data, "--realm", REALM],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotRun("strowger user import: " + done.stderr.strip())

    def argv(self):
        return ([self.binaries.strowger, "serve", "--data", self.data, "--listen", "udp:" + self.where, "--realm", REALM,
                 "--auth", "digest" if self.digest else "none"] +
                (["--workers", str(self.workers)] if self.workers else []))

    def is_ready(self, text):
        return re.search(r"(?m)^ready", text) is not None

    def octets_with_files(self):
        files = glob.glob(os.path.join(glob.escape(self.data), "*.map"))
        return rollup(self.process.pid)["Anonymous"] * 1024 + sum(os.stat(path).st_blocks * 512 for path in files)


class Kamailio(Server):
    name = "Kamailio"

    def __init__(self, binaries, digest=False, durable=False, users=1000, workers=1, **more):
        super().__init__(binaries, **more)
        del users   # it takes everybody
        self.digest = digest
        self.durable = durable
        self.workers = workers or os.cpu_count()

    def prepare(self):
        if self.durable:
            with sqlite3.connect(self.database()) as db:
                for name in ("standard", "usrloc"):
                    with open(os.path.join(KAMAILIO_TABLES, name + "-create.sql"), encoding="utf-8") as f:
                        db.executescript(f.read())

    def database(self):
        return os.path.join(self.folder, "location.db")

    def argv(self):
        more = []
        if self.digest:
            more += ["-A", "BENCH_PASSWORD=\"%s\"" % PASSWORD]
        if self.durable:
            more += ["-A", "BENCH_URL=\"sqlite:///%s\"" % self.database(), "-A", "BENCH_WAL=\"%s=WAL;\"" % self.database()]
        return [self.binaries.kamailio, "-f", os.path.join(HERE, "rivals", "kamailio.cfg"), "-DD", "-E", "-x", "tlsf", "-m", "2048",
                "-M", "64", "-A", "BENCH_CHILDREN=%d" % self.workers, "-A", "BENCH_LISTEN=udp:" + self.where, "-Y", self.folder,
                "-w", self.folder] + more

    def is_ready(self, text):
        """It says nothing: it is there when it answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.bind((CALLER_IP, 0))
            me = "%s:%d" % s.getsockname()
            s.sendto(("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nMax-Forwards: 0\r\nFrom: <sip:b@%s>;tag=b\r\n"
                      "To: <sip:%s>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" %
                      (self.where, me, time.monotonic_ns(), me, self.where, time.monotonic_ns())).encode(), (SERVER_IP, self.port))
            try:
                return s.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False
