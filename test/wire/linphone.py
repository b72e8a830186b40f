"""linphonec as a process without a sound card: it says a WAV and writes one; told by lines, heard by the lines it writes."""
import os
import re

from baresip import recorded, sounds, write_tone
from exchange import free_port
from program import Program, wait_until

CONFIG = """[sip]
sip_port={sip}
sip_tcp_port=0
sip_tls_port=0
bind_address={ip}
use_ipv6=0
default_proxy=0
guess_hostname=0
contact="{name}" <sip:{user}@{ip}>
media_encryption=none
[rtp]
audio_rtp_port={rtp}
bind_address={ip}
[sound]
echocancellation=0
[video]
enabled=0
[auth_info_0]
username={user}
userid={user}
passwd={password}
realm=strowger
[proxy_0]
reg_proxy=<sip:{server};transport=udp>
reg_identity=sip:{user}@{server}
reg_expires=600
reg_sendregister=1
publish=0
"""
INCOMING = r"Receiving new incoming call from .*, assigned id (\d+)"


class Linphone(Program):
    """One user of the exchange. Lines that were waited for are not given out again."""

    def __init__(self, name, user, password, server, bind, tone, folder):
        self.who, self.user, self.tone, self.server = name, user, tone, server
        self.folder = os.path.join(folder, "linphone-" + user)
        for part in (".local/share/linphone", ".config/linphone"):   # without them it has no transport, and says nothing about it
            os.makedirs(os.path.join(self.folder, part))
        with open(self.path("linphonerc"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(sip=free_port(bind), ip=bind, name=name, user=user, rtp=20000 + 2 * (int(user) % 1000) * 10,
                                  password=password, server=server))
        write_tone(self.path("tone.wav"), tone)
        self.seen = 0
        super().__init__("linphone as %s (%s)" % (name, user), ["linphonec", "-c", self.path("linphonerc")],
                         log=os.path.join(folder, "linphone-%s.log" % user), env={**os.environ, "HOME": self.folder})

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        super().start()
        for line in ("soundcard use files", "play " + self.path("tone.wav"), "record " + self.path("heard.wav")):
            self.say(line)

    def line(self, pattern, timeout_s=10):
        """The next line of that pattern: its match. Lines before it are passed over."""
        def find():
            for i in range(self.seen, len(self.lines)):
                m = re.search(pattern, self.lines[i])
                if m:
                    self.seen = i + 1
                    return m
            return None
        return self.find(find, timeout_s, "line '%s'" % pattern)

    def registered(self, timeout_s=20):
        return self.line("Registration on .* successful", timeout_s)

    def uri(self, number):
        return "sip:%s@%s" % (number, self.server)

    def hears(self, other, timeout_s=10):
        """What it writes ends in the tone of `other`."""
        wait_until(lambda: sounds(recorded(self.path("heard.wav")), other.tone), timeout_s,
                   "%s hears %d Hz from %s" % (self.name, other.tone, other.who))

    def quit(self):
        self.stop(10)
