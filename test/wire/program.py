"""A process that a test drives: its lines are read as they come and waited for, its end is by its own pid."""
import signal
import subprocess
import threading
import time


class Missing(Exception):
    """What was waited for has not come; the text says what, and what came instead."""


def wait_until(check, timeout_s, what):
    """The first true value of check(), asked for often; Missing after timeout_s."""
    end = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() >= end:
            raise Missing("%s: not within %g s" % (what, timeout_s))
        time.sleep(0.005)   # the pace of asking; what ends the wait is the condition


class Program:
    """argv runs from start() to stop(). Lines of its standard output are kept in `lines`, and go to the file `log` where one
    is given; then standard error goes to `log`.err. Use as a context, or call both."""

    def __init__(self, name, argv, log=None, env=None, cwd=None):
        self.name = name
        self.argv = argv
        self.log = log
        self.env = env
        self.cwd = cwd
        self.process = None
        self.lines = []
        self.heard = threading.Condition()
        self.open = False
        self.reader = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        errors = open(self.log + ".err", "ab") if self.log else subprocess.DEVNULL
        try:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            env=self.env, cwd=self.cwd)
        finally:
            if self.log:
                errors.close()
        self.open = True
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def _read(self, pipe):
        log = open(self.log, "ab") if self.log else None
        for octets in pipe:
            line = octets.decode("utf-8", "replace").rstrip("\r\n")
            if log:
                log.write(octets)
                log.flush()
            with self.heard:
                self.take(line)
                self.heard.notify_all()
        if log:
            log.close()
        with self.heard:
            self.open = False
            self.heard.notify_all()

    def take(self, line):
        self.lines.append(line)

    def find(self, find, timeout_s, what):
        """The first true value of find(), asked again after each line that comes; Missing when it stays false."""
        end = time.monotonic() + timeout_s
        with self.heard:
            while True:
                value = find()
                if value:
                    return value
                left = end - time.monotonic()
                if not self.open or left <= 0:
                    break
                self.heard.wait(left)
        why = "within %g s" % timeout_s if self.open else "before it ended%s" % self.how_it_ended()
        raise Missing("%s: %s did not come %s; %s" % (self.name, what, why, self.came()))

    def errors(self):
        """What it has written to standard error (with a log)."""
        with open(self.log + ".err", encoding="utf-8", errors="replace") as f:
            return f.read().strip()

    def came(self):
        return "it said: " + (" | ".join(self.lines[-5:]) or "nothing")

    def how_it_ended(self):
        try:
            return " (status %d)" % self.process.wait(5)
        except subprocess.TimeoutExpired:
            return ""

    def say(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as e:
            raise Missing("%s cannot be told '%s': it has ended%s" % (self.name, line, self.how_it_ended())) from e

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.runs():
            self.process.send_signal(number)

    def stop(self, grace_s=20):
        """SIGTERM, SIGKILL after grace_s; the exit status (None: it was not running)."""
        if not self.process:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        late = False
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            late = True
        return self._end(late, "%s did not end within %g s of SIGTERM" % (self.name, grace_s))

    def kill(self):
        """kill -9."""
        if self.process:
            self._end(True, None)

    def _end(self, kill, complaint):
        if kill:
            self.process.kill()
        status = self.process.wait()
        self.reader.join(5)
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self.process.stdout.close()
        self.process = None
        if kill and complaint:
            raise Missing(complaint)
        return status
