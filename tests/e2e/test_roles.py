"""Several listeners: a process for each, of which only the one for submission has keys."""
import base64
import os
import re
import signal
import subprocess
import time

import harness
from base import HouseTest, message, policy
from test_signing import new_key
from test_traffic import Traffic

ZONE = 'example.org TXT "v=spf1 ip4:192.0.2.0/24 -all"\n'


def memory_of(pid):
    """Everything that a process has mapped and may write: where a key would be."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            size = int(end, 16) - int(begin, 16)
            if not rights.startswith("rw") or size > 1 << 30:  # AddressSanitizer's notes about the memory are larger
                continue
            memory.seek(int(begin, 16))
            try:
                yield memory.read(size)
            except OSError:
                continue


def prime_of(path):
    """A secret prime of an RSA key as OpenSSL keeps it in memory: little-endian."""
    text = subprocess.run(["openssl", "rsa", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    digits = re.search(r"prime1:([\s0-9a-f:]+)prime2", text).group(1)
    return bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")[::-1]


class Roles(HouseTest):
    """Port 25 goes to the inbound listener, port 587 to the one for submission."""

    @classmethod
    def setUpClass(cls):
        folder = harness.Folder()
        cls.sockets = {"inbound": folder("gate", "inbound.sock"), "submission": folder("gate", "submission.sock")}
        listen = ", ".join(f'{{ socket = "unix:{path}"; role = "{role}"; group = "postfix"; }}'
                           for role, path in cls.sockets.items())
        keys = folder("gate", "keys")
        cls.gate = harness.Gatepost(folder, policy("roles.conf"), "", listen=listen)
        os.makedirs(keys, mode=0o700)
        record = new_key(keys + "/billing-rsa.pem", "rsa")
        cls.prime = prime_of(keys + "/billing-rsa.pem")
        cls.zone = ZONE + f'r1._domainkey.billing.example TXT "{record[:200]}" "{record[200:]}"\n'
        cls.gate.zone(cls.zone)
        cls.gate.config(http=f'{{ listen = "unix:{folder("gate", "control.sock")}"; }}')
        cls.web = harness.Web(folder("gate", "control.sock"))
        logins = harness.Logins(folder("logins"))
        cls.postfix = harness.Postfix(
            folder, f"unix:{cls.sockets['inbound']}", services={
                harness.free_port(): {},
                harness.free_port(): {**logins.settings(), "smtpd_milters": f"unix:{cls.sockets['submission']}"}})
        cls.house, cls.folder = harness.House.of(folder, cls.gate, cls.postfix), folder
        cls.house.start()

    def children(self):
        """Process ids by role, in the order of the configuration."""
        with open(f"/proc/{self.gate.process.pid}/task/{self.gate.process.pid}/children", encoding="ascii") as f:
            pids = [int(word) for word in f.read().split()]
        with open("/proc/net/unix", encoding="ascii") as f:
            rows = [line.split() for line in f.read().splitlines()[1:]]
        # Accepted connections show the path too: only the one that listens has the flag.
        listening = {f"socket:[{row[6]}]": row[7] for row in rows if len(row) == 8 and row[3] == "00010000"}
        found = {}
        for pid in pids:
            held = set()
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    held.add(listening.get(os.readlink(f"/proc/{pid}/fd/{fd}")))
            except OSError:
                pass  # it, or the file, is gone
            found.update({role: pid for role, path in self.sockets.items() if path in held})
        return found

    def submit(self, subject):
        with self.client("192.0.2.50", "app.example", port=self.postfix.ports[1]) as c:
            c.command("AUTH PLAIN " + base64.b64encode(b"\0billing\0billing").decode())
            return c.send("a@billing.example", ["b@example.com"], message(subject, sender="a@billing.example"))

    def test_each_port_has_its_role(self):
        with self.client("192.0.2.1") as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("came in"))[0], 250)
        with self.client("198.51.100.9") as c:
            self.assertEqual(c.mail("a@example.org")[0], 550)
        self.assertEqual(self.submit("goes out")[0], 250)
        came, goes = self.postfix.mail_with("came in"), self.postfix.mail_with("goes out")
        self.assertIn("spf=pass", came["Authentication-Results"])
        self.assertIsNone(came["DKIM-Signature"])
        self.assertIn("d=billing.example", goes["DKIM-Signature"])
        record = self.gate.record_with(header__subject="goes out")
        self.assertEqual((record["listener"]["role"], record["workflow"]["name"]), ("submission", "billing"))
        self.assertEqual(self.gate.record_with(header__subject="came in")["listener"]["role"], "inbound")

    def test_only_the_submission_process_has_the_key(self):
        self.assertEqual(self.submit("the key is in use")[0], 250)
        children = self.children()
        self.assertEqual(set(children), {"inbound", "submission"})

        def has_key(pid):
            return any(self.prime in piece for piece in memory_of(pid))
        self.assertTrue(has_key(children["submission"]), "this test would not find a key")
        self.assertFalse(has_key(children["inbound"]))
        self.assertFalse(has_key(self.gate.process.pid))

    def test_a_killed_process_comes_back_while_the_other_goes_on(self):
        traffic = Traffic(self.postfix)
        harness.wait_for("traffic", lambda: traffic.count(250) > 5, 60)
        before = self.children()
        os.kill(before["submission"], signal.SIGKILL)
        harness.wait_for("the submission process", lambda: self.children().get("submission") not in (None, before["submission"]))
        harness.wait_for("submission", lambda: self.submit("after the kill")[0] == 250)
        self.assertEqual(self.children()["inbound"], before["inbound"])
        self.assertFalse(traffic.stop())
        self.assertEqual({code for code, _ in traffic.answers.values()}, {250}, "inbound mail felt it")
        self.assertIn("submission: process", self.gate.log())
        self.assertIn("was killed by signal 9; it is started again in ", self.gate.log())

    def test_one_limit_of_all_listeners_that_outlives_their_processes(self):
        def send(service):
            with self.client("192.0.2.200", port=self.postfix.ports[service]) as c:
                return c.send("a@example.org", ["b@example.com"], message("limited"))
        self.assertEqual([send(service)[0] for service in (0, 1, 0)], [250] * 3)
        before = self.children()
        for role in before:
            os.kill(before[role], signal.SIGKILL)
            harness.wait_for("its return", lambda r=role: self.children().get(r) not in (None, before[r]))
        harness.wait_for("the fourth", lambda: send(1)[0] == 250)
        for service in (0, 1):
            code, text = send(service)
            self.assertEqual((code, text[:5]), (451, "4.7.1"), text)

    def test_one_set_of_figures_that_outlives_its_processes(self):
        with self.client("192.0.2.1") as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("counted"))[0], 250)
        self.assertEqual(self.submit("counted too")[0], 250)
        before = self.web.metrics()

        def value(name, **labels):
            return before[(f"gatepost_{name}", *sorted(labels.items()))]
        self.assertGreater(value("messages_total", workflow="none", direction="inbound", decision="accept"), 0)
        self.assertGreater(value("messages_total", workflow="billing", direction="submission", decision="accept"), 0)
        self.assertGreater(value("signatures_total", workflow="billing"), 0)
        self.assertEqual(value("listener_up", listener="inbound"), 1)
        restarts = value("listener_restarts_total", listener="inbound")
        children = self.children()
        for pid in children.values():
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("both again", lambda: all(self.web.metrics()[("gatepost_listener_up", ("listener", name))]
                                                   and self.children().get(name) not in (None, children[name])
                                                   for name in children))
        after = self.web.metrics()
        for key, number in before.items():
            if key[0].endswith("_total") and "records_lost" not in key[0]:
                self.assertGreaterEqual(after.get(key, -1), number, key)
        self.assertEqual(after[("gatepost_listener_restarts_total", ("listener", "inbound"))], restarts + 1)

    def test_the_killed_inbound_process_under_traffic(self):
        traffic = Traffic(self.postfix)
        for _ in range(2):
            mark = traffic.count(250)
            harness.wait_for("traffic", lambda m=mark: traffic.count(250) > m + 5, 60)
            os.kill(self.children()["inbound"], signal.SIGKILL)
            self.assertEqual(self.submit("meanwhile")[0], 250)
            harness.wait_for("the inbound process", lambda: "inbound" in self.children())
        mark = traffic.count(250)
        harness.wait_for("traffic afterwards", lambda: traffic.count(250) > mark + 5, 60)
        self.assertFalse(traffic.stop())
        self.assertLessEqual({code for code, _ in traffic.answers.values()}, {250, 451, 421})

    def test_reload_reaches_all_or_none(self):
        self.addCleanup(lambda: (self.gate.policies(policy("roles.conf")), self.gate.reload()))
        self.gate.policies(policy("roles.conf").replace("5.7.23 Not from there", "5.7.23 Changed"))
        self.assertIn("all 3 processes have the new configuration", self.gate.reload())
        with self.client("198.51.100.9") as c:
            self.assertIn("Changed", c.mail("a@example.org")[1])
        mark = len(self.gate.log())
        self.gate.policies("rules = ( { name = ")
        self.assertIn("reload refused", self.gate.reload())
        self.assertNotIn("inbound: ", self.gate.log()[mark:], "no process was asked")
        with self.client("198.51.100.9") as c:
            self.assertIn("Changed", c.mail("a@example.org")[1])

    def test_the_end_of_the_supervisor_is_the_end_of_all(self):
        children = self.children()
        self.addCleanup(self.gate.start)
        self.gate.kill()
        harness.wait_for("the children's end", lambda: not any(os.path.exists(f"/proc/{p}") and
                         "Z" not in open(f"/proc/{p}/stat", encoding="ascii").read().split()[2] for p in children.values()))


class Start(HouseTest):
    """A configuration that cannot work is told at once, in words, and nothing stays behind."""

    @classmethod
    def setUpClass(cls):
        cls.folder = harness.Folder()

    @classmethod
    def tearDownClass(cls):
        cls.folder.remove()

    def run_with(self, listen, policies="rules = ();"):
        gate = harness.Gatepost(self.folder, policies, listen=listen)
        return subprocess.run([gate.binary, "run", "-c", gate.config_path], capture_output=True, text=True, timeout=20,
                              check=False)

    def two(self, first, second):
        return f'{{ socket = "unix:{self.folder("gate", first)}"; }}, {{ socket = "unix:{second}"; role = "inbound"; }}'

    def test_a_mistake_in_the_policies(self):
        done = self.run_with(self.two("a.sock", self.folder("gate", "b.sock")), "rules = 5;")
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stderr, r"10-test.conf:1: error: rules: ")

    def test_a_socket_that_cannot_be_made(self):
        began = time.monotonic()
        done = self.run_with(self.two("a.sock", "/nonexistent/folder/b.sock"))
        self.assertEqual(done.returncode, 69)
        self.assertIn("/nonexistent/folder", done.stderr)
        self.assertLess(time.monotonic() - began, 15)
