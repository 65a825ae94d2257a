"""What an administrator sees of a running gateway agrees with the mail that was sent."""
import html.parser
import json
import os
import pty
import re
import stat
import subprocess
import time

import harness
from base import HouseTest, message, policy

ZONE = """
example.org        TXT "v=spf1 ip4:192.0.2.0/24 -all"
soft.example       TXT "v=spf1 ip4:192.0.2.0/24 ~all"
gone.example       TXT TIMEOUT
"""


class Page(html.parser.HTMLParser):
    """The figures of the status page, by card."""
    VOID = {"meta", "link", "br", "wbr", "img", "input"}

    def __init__(self, text):
        super().__init__()
        self.tiles, self.legends, self.tables, self.plots = {}, {}, {}, {}
        self.outside, self.scripts, self.stack, self.text, self.name = [], 0, [], "", None
        self.feed(text)
        self.close()
        if self.stack:
            raise AssertionError(f"not closed: {self.stack}")

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.scripts += tag == "script" or any(name.startswith("on") for name in attrs)
        for name in ("src", "href"):
            if not attrs.get(name, "/").startswith(("/", "#")):
                self.outside.append(attrs[name])
        if tag not in self.VOID:
            self.stack.append((tag, attrs))
        if tag in ("h3", "li", "td", "th", "title") or (tag == "p" and attrs.get("class") == "figure"):
            self.text = ""
        if tag == "tr":
            self.row = []

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        self.text += data.replace("\xa0", " ")

    @property
    def card(self):
        ids = [a["id"] for _, a in self.stack if "id" in a]
        return ids[-1] if ids else None

    def handle_endtag(self, tag):
        opened, attrs = self.stack[-1]
        if opened != tag:
            raise AssertionError(f"</{tag}> where {opened} is open")
        if tag == "h3":
            self.name = self.text
        elif tag == "p" and attrs.get("class") == "figure" and self.text.replace(",", "").isdigit():
            self.tiles[self.name] = int(self.text.replace(",", ""))
        elif tag == "li" and (match := re.match(r"([\w-]+) ([\d,]+)( |$)", self.text)):
            self.legends[self.card, match[1]] = int(match[2].replace(",", ""))
        elif tag == "title" and self.stack[-2][0] == "g":
            for word, number in re.findall(r", (\w+) (\d+)", self.text):
                self.plots[self.card, word] = self.plots.get((self.card, word), 0) + int(number)
        elif tag in ("td", "th"):
            self.row.append(self.text)
        elif tag == "tr" and self.stack[-2][0] == "tbody":
            self.tables.setdefault(self.card, []).append(self.row)
        self.stack.pop()

    def legend(self, card, word):
        return self.legends.get((card, word), 0)

    def bars(self, card, word):
        return self.plots.get((card, word), 0)

    def rows(self, card):
        return self.tables.get(card, [])


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

    def gatepost(self, *arguments):
        return subprocess.run([self.gate.binary, arguments[0], "-c", self.gate.config_path, *arguments[1:]], text=True,
                              capture_output=True, timeout=60, check=False)

    def test_the_page_shows_what_the_json_says_and_both_what_was_sent(self):
        before = json.loads(self.admin.ask("/status.json")[2])
        self.assertEqual(self.send("192.0.2.1", "a@example.org", "shown"), 250)
        self.assertEqual(self.send("198.51.100.1", "hidden.name@example.org", "refused and shown"), 550)
        status, headers, text = self.admin.ask("/")
        told = json.loads(self.admin.ask("/status.json")[2])
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        page = Page(text)
        for word in ("accept", "reject"):
            self.assertEqual(told["day"][word], before["day"][word] + 1)
            self.assertEqual(page.tiles[{"accept": "Accepted", "reject": "Refused"}[word]], told["day"][word])
            self.assertEqual(page.legend("day", word), told["day"][word])
            self.assertEqual(page.legend("hour", word), told["hour"][word])
            self.assertEqual(page.bars("day", word), told["day"][word], "the plot does not add up to it")
        for method, results in told["results"].items():
            for word, number in results.items():
                self.assertEqual(page.legend(method, word), number, (method, word))
        newest = page.rows("refusals")[0]
        self.assertEqual(newest[0], time.strftime("%H:%M:%S", time.gmtime(told["refusals"][0]["unix_ms"] / 1000)))
        self.assertIn("550 5.7.23", newest[1])
        self.assertIn("hidden.name@example.org", newest[2])
        self.assertEqual(newest[5], told["refusals"][0]["id"])
        self.assertEqual(self.gate.record_with(id=newest[5])["disposition"], "reject")
        self.assertEqual(page.rows("listeners")[0][1], "serves")
        self.assertIn("All is well", text)
        self.assertEqual(page.outside, [], "something would be loaded from elsewhere")

    def test_the_json_is_as_its_schema_says(self):
        self.assertEqual(self.send("198.51.100.1", "a@example.org", "refused"), 550)
        for door in (self.admin, self.web):
            told = self.folder("told.json")
            with open(told, "w", encoding="utf-8") as f:
                f.write(door.ask("/status.json")[2])
            check = os.path.join(harness.SOURCE, "tests", "check-record")
            done = subprocess.run([check, "--status", told], text=True, capture_output=True, timeout=60, check=False)
            self.assertIn(done.returncode, (0, 77), done.stdout + done.stderr)

    def test_on_loopback_nobody_is_named(self):
        self.assertEqual(self.send("198.51.100.77", "very.private@example.org", "secret"), 550)
        for path in ("/", "/status.json", "/metrics"):
            for word in ("very.private", "b@example.com", "198.51.100.77"):
                self.assertNotIn(word, self.web.ask(path)[2], path)
            self.assertEqual("example.org" in self.web.ask(path)[2], path != "/metrics")
        self.assertIn("very.private@example.org", self.admin.ask("/")[2])

    def test_hostile_text_stays_text(self):
        bad = '"<script>alert(1)</script>&\'"@example.org'
        with self.client("198.51.100.5") as c:
            self.assertEqual(c.mail(bad)[0], 550)
        text = self.admin.ask("/")[2]
        self.assertNotIn("<script", text)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;", text)
        self.assertEqual(Page(text).scripts, 0)
        self.assertIn("<script>alert(1)", json.loads(self.admin.ask("/status.json")[2])["refusals"][0]["from"])

    def test_the_status_command(self):
        done = self.gatepost("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^both +serves, process \d+, \d+ connections")
        self.assertRegex(done.stdout, r"(?m)^last 24 hours +accept \d+")
        self.assertEqual(json.loads(self.gatepost("status", "--json").stdout)["listeners"][0]["pid"], self.gate.process.pid)
        missing = subprocess.run([self.gate.binary, "status", "-c", "/nonexistent"], capture_output=True, text=True, check=False)
        self.assertEqual(missing.returncode, 78)

    def test_the_reload_command(self):
        self.addCleanup(lambda: (self.gate.policies(self.rules), self.gate.reload()))
        done = self.gatepost("reload")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^reloaded: generation \d+, \d+ rules$")
        self.gate.policies("rules = 5;")
        done = self.gatepost("reload")
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertIn("10-test.conf:1: error: rules:", done.stderr)
        done = self.gatepost("status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("The last reload was refused", done.stdout)
        self.assertIn("The last reload was refused", self.web.ask("/")[2])

    def test_top_in_a_terminal(self):
        self.assertEqual(self.send("192.0.2.1", "a@example.org", "on top"), 250)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(self.gate.binary, ["gatepost", "top", "-c", self.gate.config_path, "--every", "1"])
        shown = b""
        end = time.monotonic() + 20
        while shown.count(b"\x1b[H") < 2 and time.monotonic() < end:
            shown += os.read(terminal, 65536)
        self.assertIn(b"Gatepost ", shown)
        self.assertIn(b"\x1b[?1049h", shown)
        os.write(terminal, b"q")
        while b"\x1b[?1049l" not in shown and time.monotonic() < end:
            shown += os.read(terminal, 65536)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)
        done = self.gatepost("top", "--once")
        accepted = json.loads(self.admin.ask("/status.json")[2])["day"]["accept"]
        self.assertRegex(done.stdout, rf"(?m)^24 hours +{accepted} ")
        self.assertNotIn("\x1b", done.stdout)

    def test_without_a_daemon_the_commands_say_so(self):
        config = self.folder.write("gate/elsewhere.conf", f'http = {{ listen = "unix:{self.folder("gate", "nobody.sock")}"; }};\n')
        for command in ("status", "reload", "top"):
            done = subprocess.run([self.gate.binary, command, "-c", config], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 69, command)
            self.assertIn("the daemon is not running, or with another configuration. Type: systemctl start", done.stderr)
        config = self.folder.write("gate/new.conf", f'store = "sqlite:{self.folder("gate", "none", "new.db")}";\n')
        for command in (["retry", "list"], ["suppress", "list"], ["suppress", "export"], ["log"], ["why", "x"], ["backup", self.folder("b")]):
            done = subprocess.run([self.gate.binary, *command, "-c", config], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (69, ""), command)
            self.assertIn("there is no state yet: the daemon has not been started", done.stderr)
        config = self.folder.write("gate/none.conf", "\n")
        done = subprocess.run([self.gate.binary, "status", "-c", config], capture_output=True, text=True, check=False)
        self.assertIn('http = { listen = [ "unix:/run/gatepost/control.sock" ]; };', done.stderr)
