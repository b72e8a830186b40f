"""baresip as a process without a sound card: told and heard over its control socket (netstrings of JSON)."""
import json
import math
import os
import socket
import struct
import threading
import time
import wave

from exchange import free_port
from program import Missing, Program, wait_until

RATE = 8000
LOUD = 500      # amplitude of what is heard: a twelfth of how loud it is said
MODULES = "/usr/lib/baresip/modules"
CONFIG = """poll_method epoll
sip_listen {ip}:{sip}
net_interface {ip}
rtp_ports {rtp}-{rtp_end}
rtp_timeout 0
call_max_calls 4
audio_source aufile,{tone}
audio_player aubridge,n
audio_alert aubridge,r
ausrc_srate {rate}
auplay_srate {rate}
ctrl_tcp_listen {ip}:{control}
snd_path {folder}
module_path {modules}
module stdio.so
module g711.so
module aubridge.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app contact.so
module_app ctrl_tcp.so
"""


def write_tone(path, hz, channels=1, seconds=60):
    with wave.open(path, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * hz * i / RATE))) * channels
                               for i in range(RATE * seconds)))


def amplitude_at(samples, hz, rate):
    """Of the sine of that frequency in it (Goertzel's recurrence, under Hann's window)."""
    n = len(samples)
    c, s1, s2 = 2 * math.cos(2 * math.pi * hz / rate), 0.0, 0.0
    for i, x in enumerate(samples):
        s1, s2 = x * (0.5 - 0.5 * math.cos(2 * math.pi * i / n)) + c * s1 - s2, s1
    return math.sqrt(max(0.0, s1 * s1 + s2 * s2 - c * s1 * s2)) * 4 / n


def sounds(recordings, hz):
    """A recording ends in a tone that is that high, give or take 3 %, among others perhaps: any of these readings of it."""
    for rate, channels, data in recordings:
        size = 2 * channels
        n = min(len(data) // size, rate // 10)
        if n < rate // 20:
            continue
        samples = struct.unpack("<%dh" % (n * channels), data[len(data) // size * size - size * n:len(data) // size * size])
        if max(amplitude_at(samples[::channels], hz * (1 + k / 100), rate) for k in range(-3, 4)) > LOUD:
            return True
    return False


def recorded(path):
    """A WAV of 16 bits that is being written, as (rate, channels, samples). The sizes in its head are not there yet; linphone
    writes no head before the end, at the rate of the codec: then it is one of three."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError:
        return []
    at = data.find(b"data", 0, 200)
    if at < 36:
        return [(rate, 1, data[44:]) for rate in (8000, 16000, 48000)]
    channels, rate = struct.unpack("<HI", data[22:28])
    return [(rate, channels, data[at + 8:])]


class Baresip(Program):
    """One user of the exchange; it says a tone from a file, and writes down what it hears."""

    def __init__(self, name, user, password, server, bind, tone, folder, transport="udp", modules=(), contacts="", told_to_register=False,
                 codec=None, mediaenc=None):
        self.who, self.user, self.tone, self.ip = name, user, tone, bind
        self.folder = os.path.join(folder, "baresip-" + user)
        os.makedirs(self.folder)
        self.control = free_port(bind)
        rtp = 10000 + 2 * (int(user) % 1000) * 10
        write_tone(os.path.join(self.folder, "tone.wav"), tone, channels=2 if codec and codec.endswith("/2") else 1)
        with open(os.path.join(self.folder, "config"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(ip=bind, sip=free_port(bind), rtp=rtp, rtp_end=rtp + 18, rate=RATE, control=self.control,
                                  tone=os.path.join(self.folder, "tone.wav"), folder=self.folder, modules=MODULES))
            f.writelines("module_app %s.so\n" % m for m in modules)
            if codec:
                f.write("module %s.so\n" % codec.split("/")[0].lower())
            if mediaenc:
                f.write("module srtp.so\n")
        self.account = ("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;regint=600;answermode=manual;call_transfer=yes"
                        % (user, server, transport, user, password) + (";audio_codecs=" + codec if codec else "")
                        + (";mediaenc=" + mediaenc if mediaenc else ""))
        with open(os.path.join(self.folder, "accounts"), "w", encoding="utf-8") as f:
            f.write("# it is told later\n" if told_to_register else self.account + "\n")
        with open(os.path.join(self.folder, "contacts"), "w", encoding="utf-8") as f:
            f.write(contacts)
        self.server = server
        self.events, self.answers = [], []
        self.given = set()
        self.socket = None
        super().__init__("baresip as %s (%s)" % (name, user), ["baresip", "-4", "-f", self.folder],
                         log=os.path.join(folder, "baresip-%s.log" % user), env={**os.environ, "HOME": self.folder})

    def start(self):
        super().start()
        self.socket = wait_until(self._connect, 10, self.name + ": its control socket")
        threading.Thread(target=self._listen, args=(self.socket,), daemon=True).start()

    def _connect(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            s.connect((self.ip, self.control))
            return s
        except OSError:
            s.close()
            return None

    def _listen(self, s):
        data = b""
        while True:
            try:
                more = s.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b":" in data:
                size, rest = data.split(b":", 1)
                if len(rest) < int(size) + 1:
                    break
                text, data = rest[:int(size)], rest[int(size) + 1:]
                with self.heard:
                    item = json.loads(text.decode("utf-8", "replace"))
                    (self.events if item.get("event") else self.answers).append(item)
                    self.heard.notify_all()

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": str(time.monotonic())}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

    def came(self):
        return "it told: " + ("; ".join("%s %s" % (e.get("type"), e.get("param", "")) for e in self.events[-8:]) or "nothing")

    def wait(self, kind, timeout_s=10):
        """The next event of that type that was not given out yet."""
        def find():
            for i, e in enumerate(self.events):
                if i not in self.given and e.get("type") == kind:
                    self.given.add(i)
                    return e
            return None
        return self.find(find, timeout_s, "event " + kind)

    def register(self):
        """With told_to_register: now. Its mwi module misses a registration that is there within a millisecond of the start."""
        self.command("uanew", self.account)

    def registered(self, timeout_s=10):
        """Its event may come before the control socket is open, so its words count."""
        return self.find(lambda: [x for x in self.lines if "200 OK" in x and "binding" in x], timeout_s, "its registration")

    def uri(self, number):
        return "sip:%s@%s" % (number, self.server)

    def call(self, number):
        self.command("dial", self.uri(number))

    def accept(self):
        self.command("accept")
        self.wait("CALL_ESTABLISHED")

    def answer(self):
        self.wait("CALL_INCOMING")
        self.accept()

    def transfer(self, number):
        self.command("transfer", self.uri(number))

    def hang_up(self):
        self.command("hangup")

    def hears(self, other, timeout_s=10):
        """A recording of what it decodes ends in the tone of `other`."""
        def check():
            for name in os.listdir(self.folder):
                if name.endswith("-dec.wav") and sounds(recorded(os.path.join(self.folder, name)), other.tone):
                    return True
            return False
        wait_until(check, timeout_s, "%s hears %d Hz from %s" % (self.name, other.tone, other.who))

    def stop(self, grace_s=10):
        if self.socket:
            self.socket.close()
            self.socket = None
        try:
            return super().stop(grace_s)
        except Missing:
            return None     # it has been killed

    def quit(self):
        self.stop()
