"""What an administrator sees of a running gateway agrees with the mail that was sent."""
import os
import re
import stat

import harness
from base import HouseTest, message, policy

ZONE = """
example.org        TXT "v=spf1 ip4:192.0.2.0/24 -all"
soft.example       TXT "v=spf1 ip4:192.0.2.0/24 ~all"
gone.example       TXT TIMEOUT
"""


class Status(HouseTest):
    policies = "roles.conf"

    @classmethod
    def setUpClass(cls):
        cls.port = harness.free_port()
        cls.rules = re.sub("sign +=.*;", "", policy(cls.policies))  # no key is needed here
        cls.house = harness.House(cls.rules, ZONE)
        cls.gate, cls.postfix, cls.folder = cls.house.gate, cls.house.postfix, cls.house.folder
        cls.socket = cls.folder("gate", "control.sock")
        cls.gate.config(http=f'{{ listen = [ "unix:{cls.socket}", "inet:{cls.port}@localhost" ]; }}')
        cls.house.start()
        cls.web, cls.admin = harness.Web(cls.port), harness.Web(cls.socket)

    def send(self, client, sender, subject):
        with self.client(client) as c:
            return c.send(sender, ["b@example.com"], message(subject, sender=sender))[0]

    def test_counts_are_those_of_the_mail_that_was_sent(self):
        before = self.web.metrics()
        self.assertEqual([self.send("192.0.2.1", "a@example.org", f"pass {n}") for n in range(3)], [250] * 3)
        self.assertEqual([self.send("198.51.100.1", "a@example.org", f"fail {n}") for n in range(2)], [550] * 2)
        self.assertEqual(self.send("198.51.100.1", "a@soft.example", "softfail"), 250)
        after = self.web.metrics()

        def more(name, **labels):
            key = (f"gatepost_{name}", *sorted(labels.items()))
            return after.get(key, 0) - before.get(key, 0)
        inbound = {"workflow": "none", "direction": "inbound"}
        self.assertEqual(more("messages_total", decision="accept", **inbound), 4)
        self.assertEqual(more("messages_total", decision="reject", **inbound), 2)
        self.assertEqual(more("results_total", method="spf", result="pass"), 3)
        self.assertEqual(more("results_total", method="spf", result="softfail"), 1)
        self.assertEqual(more("results_total", method="dkim", result="none"), 4)
        self.assertEqual(more("rule_decisions_total", rule="spf"), 2)
        self.assertEqual(more("stage_seconds_count", stage="end"), 4)
        self.assertGreaterEqual(after[("gatepost_dns_answer_seconds_count",)], 3)
        self.assertEqual(after[("gatepost_config_last_reload_successful",)], 1)

    def test_a_histogram_adds_up(self):
        self.send("192.0.2.1", "a@example.org", "timed")
        found = self.web.metrics()
        buckets = [v for k, v in found.items() if k[0] == "gatepost_stage_seconds_bucket" and ("stage", "end") in k]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], found[("gatepost_stage_seconds_count", ("stage", "end"))])
        self.assertGreater(found[("gatepost_stage_seconds_sum", ("stage", "end"))], 0)

    def test_who_may_ask(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        self.assertEqual(self.web.ask("/healthz")[::2], (200, "ok\n"))
        for host in (f"localhost:{self.port}", f"127.0.0.1:{self.port}", "[::1]:80", "LOCALHOST"):
            self.assertEqual(self.web.ask("/healthz", Host=host)[0], 200, host)
        for host in ("mx.example.com", "localhost.evil.example", f"evil.example:{self.port}", "", "127.0.0.1.evil.example"):
            self.assertEqual(self.web.ask("/metrics", Host=host)[0], 421, host)
            self.assertEqual(self.admin.ask("/metrics", Host=host)[0], 421, host)
        self.assertEqual(self.web.ask("/reload", "POST", Gatepost_Control="1")[0], 403)
        self.assertEqual(self.admin.ask("/reload", "POST")[0], 403, "a page in a browser could do that")
        self.assertEqual(self.admin.ask("/reload", "GET", Gatepost_Control="1")[0], 405)
        self.assertEqual(self.web.ask("/../etc/passwd")[0], 404)

    def test_a_reload_is_told_to_who_asked_for_it(self):
        self.addCleanup(lambda: (self.gate.policies(self.rules), self.gate.reload()))
        status, _, text = self.admin.ask("/reload", "POST", Gatepost_Control="1")
        self.assertEqual(status, 200)
        self.assertRegex(text, r"(?m)^reloaded: generation \d+, \d+ rules$")
        self.gate.policies("rules = 5;")
        status, _, text = self.admin.ask("/reload", "POST", Gatepost_Control="1")
        self.assertEqual(status, 409)
        self.assertIn("10-test.conf:1: error: rules:", text)
        self.assertEqual(self.web.metric("config_last_reload_successful"), 0)
        self.assertGreater(self.web.metric("reloads_total", outcome="refused"), 0)
