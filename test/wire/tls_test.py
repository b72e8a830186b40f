#!/usr/bin/env python3
"""SIP over TLS: our phones and baresip over it and over UDP, in one call with sound; the load generator; a certificate
of the exchange's own making, or one that it is given; and what it says of one that will not do."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from baresip import Baresip  # noqa: E402
from begin import begin  # noqa: E402
from exchange import BINARY, Exchange, free_port, strowger  # noqa: E402
from phone import Phone  # noqa: E402
from program import wait_until  # noqa: E402
from trunk_test import Office, call, hang_up  # noqa: E402

OPTIONS = ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.9:5061;branch=z9hG4bKwire-tls\r\nMax-Forwards: 70\r\n"
           "From: <sip:probe@127.0.0.9>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: wire-tls\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


class Secure(Exchange):
    """One that listens by TLS too."""

    def __init__(self, *options, **more):
        super().__init__(**more)
        self.tls_port = free_port(self.ip)
        self.secure = "%s:%d" % (self.ip, self.tls_port)
        self.options = ["--listen", "tls:" + self.secure, "--log", "info", *options]
        self.certificate = os.path.join(self.data, "keys", "tls.crt")

    def connect(self, settings):
        plain = socket.create_connection((self.ip, self.tls_port), 10)
        return settings.wrap_socket(plain, server_hostname=self.ip)

    def log_has(self, pattern):
        return re.search(pattern, self.program.errors())


def talk(test, caller, callee, started):
    """A call with sound both ways, which the caller ends."""
    for phone in (caller, callee):
        started.append(phone)
        phone.start()
        phone.registered()
    there = callee.user
    caller.say("call " + there)
    a = caller.wait("answered")["call"]
    b = callee.wait("answered")["call"]
    caller.hears(callee, a)
    callee.hears(caller, b)
    caller.say("hangup")
    test.assertEqual(callee.wait("ended")["why"], "far-hung-up")


class Phones(unittest.TestCase):
    def setUp(self):
        self.exchange = Secure()
        self.exchange.start()
        self.started = []
        for number in ("1001", "1002"):
            self.exchange.user(number, "secret-" + number)

    def tearDown(self):
        for phone in self.started:
            phone.quit() if isinstance(phone, Phone) else phone.stop()
        self.exchange.__exit__()

    def phone(self, number, secure, *options):
        where = self.exchange.secure if secure else self.exchange.where
        more = ["--tls", "--tls-trust", self.exchange.certificate] if secure else []
        return Phone("phone", number, "secret-" + number, where, "127.0.0.%s" % number[2:], tone=400 + 100 * int(number[-1]),
                     options=more + list(options), log=os.path.join(self.exchange.data, number + ".log"))

    def test_tls_calls_udp(self):
        talk(self, self.phone("1001", True), self.phone("1002", False, "--auto-answer"), self.started)

    def test_udp_calls_tls(self):
        talk(self, self.phone("1001", False), self.phone("1002", True, "--auto-answer"), self.started)

    def test_tls_calls_tls(self):
        talk(self, self.phone("1001", True), self.phone("1002", True, "--auto-answer"), self.started)
        bindings = self.exchange.ask("bindings")["bindings"]
        self.assertTrue(all("transport=tls" in b["contact"] for b in bindings), bindings)

    def test_who_is_not_trusted_gets_no_password(self):
        phone = Phone("careful", "1001", "secret-1001", self.exchange.secure, "127.0.0.11", options=["--tls"],
                      log=os.path.join(self.exchange.data, "careful.log"))
        self.started.append(phone)
        phone.start()
        phone.wait("registration-failed")
        self.assertIn("certificate", phone.errors())
        wait_until(lambda: self.exchange.log_has(r"ev=tls\.failed .*unknown ca"), 5, "the exchange says so")
        self.assertEqual(self.exchange.ask("bindings")["bindings"], [])

    def test_without_a_look_any_certificate_will_do(self):
        phone = Phone("careless", "1001", "secret-1001", self.exchange.secure, "127.0.0.11", options=["--tls", "--tls-insecure"])
        self.started.append(phone)
        phone.start()
        phone.registered()

    def test_baresip_calls_a_phone_by_udp(self):
        baresip = Baresip("A", "1001", "secret-1001", self.exchange.secure, "127.0.0.11", 500, self.exchange.data, transport="tls")
        phone = self.phone("1002", False, "--auto-answer")
        self.started += [baresip, phone]
        for one in (baresip, phone):
            one.start()
            one.registered()
        there = [b["contact"] for b in self.exchange.ask("bindings")["bindings"] if b["number"] == "1001"]
        self.assertIn("transport=tls", there[0])
        baresip.call("1002")
        call = phone.wait("answered")["call"]
        phone.hears(baresip, call)
        baresip.hang_up()
        phone.wait("ended", call=call, why="far-hung-up")

    def test_a_phone_by_udp_calls_baresip(self):
        baresip = Baresip("B", "1002", "secret-1002", self.exchange.secure, "127.0.0.12", 500, self.exchange.data, transport="tls")
        phone = self.phone("1001", False)
        self.started += [baresip, phone]
        for one in (baresip, phone):
            one.start()
            one.registered()
        phone.say("call 1002")
        baresip.answer()
        call = phone.wait("answered")["call"]
        phone.hears(baresip, call)
        phone.say("hangup")
        phone.wait("ended", call=call, why="hung-up")


class Load(unittest.TestCase):
    def test_calls(self):
        with Secure() as exchange, tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write("number,password\n" + "".join("%d,secret\n" % n for n in range(2000, 2040)))
            f.flush()
            self.assertEqual(strowger("user", "import", f.name, "--data", exchange.data).returncode, 0)
            done = strowger("load", "calls", "--server", exchange.secure, "--users", "2000-2039", "--password", "secret", "--transport",
                            "tls", "--tls-trust", exchange.certificate, "--rate", "40", "--for", "2", "--hold", "0.3")
            self.assertIn("80 done, 0 failed", done.stdout, done.stderr)
            done = strowger("load", "calls", "--server", exchange.secure, "--users", "2000-2039", "--password", "secret", "--transport",
                            "tls", "--rate", "40", "--for", "2", timeout_s=20)
            self.assertEqual(done.returncode, 1)
            self.assertIn("certificate", done.stderr)


class Trunk(unittest.TestCase):
    """Two exchanges that are each other's trunk, by TLS: each checks the other's certificate for its address."""

    HOSTS = (10, 20)

    def setUp(self):
        """One certificate, good for both."""
        address = "127.0.0.%d"
        maker = Exchange(address=address % 30)
        for host in self.HOSTS:
            maker.options += ["--listen", "tls:%s:%d" % (address % host, free_port(address % host))]
        with maker:
            self.keys = tempfile.TemporaryDirectory()
            for name in ("tls.crt", "tls.key"):
                shutil.copy(os.path.join(maker.data, "keys", name), self.keys.name)

    def tearDown(self):
        self.keys.cleanup()

    def office(self, host, user, tone, trusts):
        port = free_port("127.0.0.%d" % host)
        crt, key = (os.path.join(self.keys.name, name) for name in ("tls.crt", "tls.key"))
        office = Office(host, user, tone, ["--listen", "tls:127.0.0.%d:%d" % (host, port), "--tls-cert", crt, "--tls-key", key]
                        + (["--tls-trust", crt] if trusts else []))
        office.secure = "sip:127.0.0.%d:%d;transport=tls" % (host, port)
        return office

    def test_calls_both_ways(self):
        with self.office(10, "1001", 440, True) as x, self.office(20, "2001", 660, True) as y:
            x.exchange.ask("trunk", "add", "y", "server=" + y.secure, "dial=8xxxx/1", "did=1xxx", "main-number=1000", "address=127.0.0.20")
            y.exchange.ask("trunk", "add", "x", "server=" + x.secure, "dial=9xxxx/1", "did=2xxx", "address=127.0.0.10")
            wait_until(lambda: x.state("y") == "answers" and y.state("x") == "answers", 10, "that each knows of the other")
            hang_up(x, y, call(x, y, "82001")[1])
            hang_up(y, x, call(y, x, "91001")[1])

    def test_an_unknown_certificate_is_not_called(self):
        with self.office(10, "1001", 440, False) as x, self.office(20, "2001", 660, True) as y:
            x.exchange.ask("trunk", "add", "y", "server=" + y.secure, "dial=8xxxx/1", "did=1xxx", "main-number=1000", "address=127.0.0.20")
            x.phone.say("call 82001")
            self.assertGreaterEqual(x.phone.wait("ended", 40)["code"], 400)
            self.assertEqual(y.phone.has("incoming"), [])


class Certificates(unittest.TestCase):
    def ask(self, exchange, settings):
        with exchange.connect(settings) as s:
            s.sendall((OPTIONS % (exchange.ip, exchange.ip)).encode())
            self.assertTrue(s.recv(4096).startswith(b"SIP/2.0 200"))
            return s.getpeercert(binary_form=True), s.version()

    def test_one_of_its_own_making_is_good_for_its_address_and_stays(self):
        with Secure() as exchange:
            said = [line for line in exchange.program.lines if line.startswith("certificate ")][0]
            settings = ssl.create_default_context(cafile=exchange.certificate)   # the name is checked too
            before, version = self.ask(exchange, settings)
            self.assertEqual(version, "TLSv1.3")
            with open(exchange.certificate, encoding="ascii") as f:
                self.assertEqual(ssl.PEM_cert_to_DER_cert(f.read()), before)
            self.assertRegex(said, "own making.*SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$")
            key = os.path.join(exchange.data, "keys", "tls.key")
            self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
            exchange.stop()
            exchange.start()
            self.assertEqual(self.ask(exchange, settings)[0], before)

    def test_older_than_1_2_is_not_spoken(self):
        with Secure() as exchange:
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                exchange.connect(old)
            old.maximum_version = old.minimum_version = ssl.TLSVersion.TLSv1_2
            self.assertEqual(self.ask(exchange, old)[1], "TLSv1.2")

    def test_plain_sip_is_no_tls(self):
        with Secure() as exchange:
            with socket.create_connection((exchange.ip, exchange.tls_port), 10) as s:
                s.sendall((OPTIONS % (exchange.ip, exchange.ip)).encode())
                self.assertFalse(s.recv(4096).startswith(b"SIP"))
            wait_until(lambda: exchange.log_has(r"ev=tls\.failed"), 5, "the exchange says so")
            self.assertTrue(exchange.answers_options())

    def refused(self, data, *options):
        done = subprocess.run([BINARY, "serve", "--data", data, "--listen", "tls:127.0.0.10:%d" % free_port("127.0.0.10"), *options],
                              capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_what_will_not_do_is_said(self):
        with Secure() as exchange, Secure(address="127.0.0.13") as other, tempfile.TemporaryDirectory() as folder:
            crt, key = exchange.certificate, os.path.join(exchange.data, "keys", "tls.key")
            other_key, data = os.path.join(other.data, "keys", "tls.key"), os.path.join(folder, "data")
            self.assertIn("tls-key: %s/no.key cannot be read: No such file" % folder,
                          self.refused(data, "--tls-cert", crt, "--tls-key", folder + "/no.key"))
            self.assertIn("tls-cert: %s/no.crt cannot be read: No such file" % folder,
                          self.refused(data, "--tls-cert", folder + "/no.crt", "--tls-key", key))
            self.assertIn("tls-key: %s is not the key of that certificate" % other_key,
                          self.refused(data, "--tls-cert", crt, "--tls-key", other_key))
            self.assertIn("holds no private key", self.refused(data, "--tls-cert", crt, "--tls-key", crt))
            self.assertIn("holds no certificate", self.refused(data, "--tls-cert", key, "--tls-key", key))
            self.assertIn("tls-trust: %s holds no certificate" % key,
                          self.refused(data, "--tls-cert", crt, "--tls-key", key, "--tls-trust", key))

    def test_a_given_one_is_shown(self):
        with Secure() as other:
            crt, key = other.certificate, os.path.join(other.data, "keys", "tls.key")
            with Secure("--tls-cert", crt, "--tls-key", key, address="127.0.0.13") as exchange:
                self.assertFalse(os.path.exists(exchange.certificate))
                careless = ssl.create_default_context(cafile=crt)
                careless.check_hostname = False
                with open(crt, encoding="ascii") as f:
                    self.assertEqual(self.ask(exchange, careless)[0], ssl.PEM_cert_to_DER_cert(f.read()))

    def test_a_new_one_is_taken_while_it_runs(self):
        with Secure() as other, tempfile.TemporaryDirectory() as folder:
            crt, key = os.path.join(folder, "a.crt"), os.path.join(folder, "a.key")
            with Secure(address="127.0.0.14") as first:
                shutil.copy(first.certificate, crt)
                shutil.copy(os.path.join(first.data, "keys", "tls.key"), key)
            with Secure("--tls-cert", crt, "--tls-key", key, address="127.0.0.13") as exchange:
                careless = ssl.create_default_context()
                careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
                before = self.ask(exchange, careless)[0]
                with exchange.connect(careless) as goes_on:
                    shutil.copy(other.certificate, crt)
                    exchange.program.process.send_signal(signal.SIGHUP)
                    wait_until(lambda: "is not the key of that certificate" in exchange.program.errors(), 5, "the key is missing")
                    self.assertEqual(self.ask(exchange, careless)[0], before)
                    shutil.copy(os.path.join(other.data, "keys", "tls.key"), key)
                    exchange.program.process.send_signal(signal.SIGHUP)
                    wait_until(lambda: exchange.program.lines.count("configuration read again") == 2, 5, "all workers have it")
                    goes_on.sendall((OPTIONS % (exchange.ip, exchange.ip)).encode())
                    self.assertTrue(goes_on.recv(4096).startswith(b"SIP/2.0 200"))
                with open(other.certificate, encoding="ascii") as f:
                    self.assertEqual(self.ask(exchange, careless)[0], ssl.PEM_cert_to_DER_cert(f.read()))


if __name__ == "__main__":
    begin(programs=["baresip"])
    unittest.main(verbosity=2)
