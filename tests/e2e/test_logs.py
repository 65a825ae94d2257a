"""What is read afterwards: log lines by Fail2Ban, files through logrotate, `gatepost log` on the store."""
import collections
import glob
import gzip
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import harness
from base import HouseTest, message, policy
from test_traffic import Traffic

ZONE = 'example.org TXT "v=spf1 ip4:192.0.2.0/24 -all"\n'
POLICY = """
rules = (
  { name = "bad-helo"; when = { helo = { name = "bad*"; }; }; then = { action = "reject"; reply = "550 5.7.1 No"; }; },
  { name = "bad-sender"; when = { mail = { from = "bad@*"; }; }; then = { action = "reject"; reply = "550 5.7.1 No"; }; },
  { name = "busy"; when = { mail = { from = "busy@*"; }; }; then = { action = "defer"; reply = "451 4.7.1 Later"; }; },
  { name = "no-such-user"; when = { rcpt = { to = "nobody@*"; }; };
    then = { action = "reject"; reply = "550 5.1.1 Unknown"; }; },
  { name = "bad-subject"; when = { header = { subject = "*bad*"; }; };
    then = { action = "reject"; reply = "550 5.7.1 No"; }; }
);
"""


class TextLog(HouseTest):
    """The readable lines, in a file."""
    zone = ZONE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate.stop()
        cls.gate.policies(POLICY)
        cls.gate.config(log=f'{{ target = "file:{cls.gate.log_path}"; format = "text"; }}')
        cls.gate.start()

    policies = "open.conf"


@unittest.skipUnless(shutil.which("fail2ban-regex"), "fail2ban-regex is not installed: apt-get install fail2ban")
class Fail2Ban(TextLog):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The configuration of the package without its jails, and ours where its first lines say.
        cls.config = cls.folder("fail2ban")
        shutil.copytree("/etc/fail2ban", cls.config, ignore=lambda folder, names: names if "jail.d" in folder else [])
        for name in ("filter", "jail"):
            shutil.copy(os.path.join(harness.SOURCE, "contrib", "fail2ban", name + ".conf"),
                        os.path.join(cls.config, name + ".d", "gatepost.conf"))
        with cls.postfix.client("192.0.2.11") as c:
            c.command("EHLO bad.example.org")
            c.mail("a@example.org")
        with cls.postfix.client("192.0.2.12") as c:
            c.mail("bad@example.org")
        with cls.postfix.client("192.0.2.13") as c:
            c.send("a@example.org", ["nobody@example.com"], message("unknown recipient"))
        with cls.postfix.client("192.0.2.14") as c:
            c.send("a@example.org", ["b@example.com"], message("bad subject"))
        # These count for nobody.
        with cls.postfix.client("192.0.2.15") as c:
            c.mail("busy@example.org")
        with cls.postfix.client("192.0.2.16") as c:
            c.send("a@example.org", ["b@example.com"], message("fine"))
        # What a client says is no other client's address.
        forged = "x client=forged[192.0.2.99] code=550 esc=5.7.1 rule=bad"
        for helo in (forged, forged.replace(" ", "\t"), "[192.0.2.99]", "x\\x20client=f[192.0.2.99]"):
            with cls.postfix.client("192.0.2.17", "forged", helo=helo) as c:
                c.mail('"x client=forged[192.0.2.99] code=550"@example.org')
                c.command("RSET")
                c.send("a@example.org", ["b@example.com"], message("bad " + forged))

    def found(self, lines, parameters=""):
        """The addresses that the filter finds."""
        path = self.folder.write("lines", "".join(lines))
        done = subprocess.run(["fail2ban-regex", "-c", self.config, "-o", "ip", path, "gatepost" + parameters],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(done.stdout.split())

    def lines(self, prefix=""):
        """The daemon's lines, with the time and name in front that the way to Fail2Ban gives them."""
        lines = self.gate.log().replace("[192.0.2.13]", "[2001:db8::13]").splitlines(keepends=True)
        return [re.sub(r"^\S+ ", prefix, line) for line in lines] if prefix else lines

    def test_every_refusal_counts_for_the_client_and_for_nobody_else(self):
        for prefix in ("", "Nov 23 10:12:00 mx gatepost[123]: ", "2026-11-23T10:12:00.123456+01:00 mx gatepost[123]: "):
            with self.subTest(prefix=prefix):
                self.assertEqual(self.found(self.lines(prefix)),
                                 {"192.0.2.11", "192.0.2.12", "2001:db8::13", "192.0.2.14", "192.0.2.17"})

    def test_stages_and_rules_can_be_named(self):
        self.assertEqual(self.found(self.lines(), '[stage="(?:connect|helo|mail|rcpt)"]'),
                         {"192.0.2.11", "192.0.2.12", "2001:db8::13"})
        self.assertEqual(self.found(self.lines(), '[rule="bad-subject"]'), {"192.0.2.14", "192.0.2.17"})

    def test_who_has_a_login_is_not_banned(self):
        with_login = [line.replace(" helo=", " login=alice helo=") for line in self.lines()]
        self.assertEqual(self.found(with_login), set())

    def test_the_jail_is_right_and_names_the_stages_as_they_are(self):
        done = subprocess.run(["fail2ban-client", "-c", self.config, "-t"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(os.path.join(self.config, "jail.d", "gatepost.conf"), encoding="utf-8") as f:
            parameters = re.search(r"^filter = gatepost(\[.*\])$", f.read(), re.M).group(1)
        self.assertEqual(self.found(self.lines(), parameters), {"192.0.2.11", "192.0.2.12", "2001:db8::13"})


@unittest.skipUnless(shutil.which("logrotate"), "logrotate is not installed: apt-get install logrotate")
class Rotation(HouseTest):
    policies = "open.conf"
    zone = ZONE

    def test_no_line_is_lost_while_files_change(self):
        with open(os.path.join(harness.SOURCE, "conf", "gatepost.logrotate"), encoding="utf-8") as f:
            rules = f.read()
        log = self.folder("gate", "rotated.log")
        # The same rules for this file and this process.
        rules, count = re.subn(r"^/var/log/gatepost/\*\.log", log, rules, flags=re.M)
        self.assertEqual(count, 1)
        rules, count = re.subn(r"^\s*systemctl kill .*$", f"kill -HUP $(cat {self.folder('pid')})", rules, flags=re.M)
        self.assertEqual(count, 1)
        config = self.folder.write("logrotate.conf", rules)
        os.chmod(self.folder("gate"), 0o755)
        self.gate.stop()
        self.gate.log_path = log
        self.gate.config()
        self.gate.start()
        self.folder.write("pid", str(self.gate.process.pid))

        traffic = Traffic(self.postfix, threads=4)
        for n in range(5):
            mark = traffic.count(250)
            harness.wait_for("traffic", lambda m=mark: traffic.count(250) > m + 5, 60)
            done = subprocess.run(["logrotate", "-f", "-s", self.folder("state"), config], capture_output=True, text=True,
                                  timeout=60, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            harness.wait_for("the new file", lambda: "reloaded" in self.gate.log(), 20)
        self.assertEqual(traffic.stop(), set())
        told = sum(code in (250, 550) for code, _ in traffic.answers.values())
        time.sleep(0.2)

        lines = []
        for path in glob.glob(log + "*"):
            with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
                lines += f.read().splitlines()
        self.assertEqual(len(glob.glob(log + "*")), 6)
        records = [json.loads(line) for line in lines]
        ids = collections.Counter(r["id"] for r in records if r.get("disposition") == "accept")
        self.assertEqual(len(ids), told)
        self.assertEqual(set(ids.values()), {1})
        self.assertGreater(told, 25)


class LogTest(HouseTest):
    """gatepost log"""
    policies = "open.conf"
    zone = ZONE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate.policies(POLICY)
        cls.gate.reload()

    @classmethod
    def command(cls, *args):
        return [cls.gate.binary, "log", "-c", cls.gate.config_path, *args]

    @classmethod
    def log(cls, *args, code=0):
        done = subprocess.run(cls.command(*args), capture_output=True, text=True, timeout=30, check=False)
        if done.returncode != code:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
        return done.stdout.splitlines()


class Follow(LogTest):
    def test_following_shows_what_comes_an_hour_late(self):
        with self.client("192.0.2.23") as c:
            c.mail("bad@late.example")
        harness.wait_for("the record", lambda: self.log("--domain", "late.example", "--json"))
        record = json.loads(self.log("--domain", "late.example", "--json")[0])
        record.update(id="late000000000000", unix_ms=record["unix_ms"] - 3600000)
        process = subprocess.Popen(self.command("-f", "--since", "2h", "--domain", "late.example", "--json"),
                                   stdout=subprocess.PIPE, text=True)
        patience = threading.Timer(20, process.kill)
        patience.start()
        try:
            self.assertNotEqual(json.loads(process.stdout.readline())["id"], record["id"])
            with sqlite3.connect(self.gate.store_path, timeout=10) as store:
                store.execute("INSERT INTO records (id, unix_ms, json) VALUES (?, ?, ?)",
                              (record["id"], record["unix_ms"], json.dumps(record)))
            self.assertEqual(json.loads(process.stdout.readline())["id"], record["id"])
        finally:
            patience.cancel()
            process.terminate()
            process.wait(10)
            process.stdout.close()

    def test_following_shows_what_comes_with_colour_on_a_terminal(self):
        master, slave = pty.openpty()
        process = subprocess.Popen(self.command("-f", "--decision", "reject"), stdout=slave,
                                   env={k: v for k, v in os.environ.items() if k != "NO_COLOR"},
                                   # Ctrl-C ends it, also where whoever started the tests ignores that.
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        os.close(slave)
        try:
            time.sleep(0.5)
            for sender in ("bad@follow.example", "fine@follow.example", "bad@follow2.example"):
                with self.client("192.0.2.23") as c:
                    c.mail(sender)
                time.sleep(0.7)
            seen = b""
            while seen.count(b"\n") < 2:
                seen += os.read(master, 65536)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)
            os.close(master)
        lines = seen.decode().splitlines()
        self.assertEqual([re.search(r"<(\S+)>", line).group(1) for line in lines],
                         ["bad@follow.example", "bad@follow2.example"])
        self.assertIn("\033[1;31mreject\033[0m", lines[0])


class Log(LogTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.postfix.client("192.0.2.21") as c:
            c.send("a@example.org", ["b@example.com"], message("first"))
        with cls.postfix.client("192.0.2.22") as c:
            c.send("a@sub.example.org", ["nobody@example.com"], message("second"))  # refused, and then aborted
        with cls.postfix.client("192.0.2.22") as c:
            c.mail("bad@example.org")
        harness.wait_for("the records", lambda: len(cls.log()) >= 4)

    def stages(self, *args):
        return [re.search(r" stage=(\w+)", line).group(1) for line in self.log(*args)]

    def test_lines_come_in_order_and_as_the_log_has_them(self):
        lines = self.log()
        self.assertEqual(self.stages(), ["end", "rcpt", "rcpt", "mail"])
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\dT[\d:.]+Z [0-9A-Za-z]+: accept: stage=end client=mx\.example\.org"
                                   r"\[192\.0\.2\.21\] .*from=<a@example\.org> to=<b@example\.com> ")
        self.assertRegex(lines[3], r" NOQUEUE: reject: stage=mail client=\S+\[192\.0\.2\.22\] code=550 esc=5\.7\.1 "
                                   r"rule=bad-sender from=<bad@example\.org> ")
        self.assertNotIn("\033", "".join(lines))

    def test_filters_must_all_fit(self):
        for args, wanted in ((["--decision", "reject"], ["rcpt", "mail"]),
                             (["--decision", "reject", "--sender", "bad@*"], ["mail"]),
                             (["--domain", "sub.example.org"], ["rcpt", "rcpt"]), (["--decision", "aborted"], ["rcpt"]),
                             (["--domain", "example.com"], ["end", "rcpt", "rcpt"]),
                             (["--recipient", "b@example.com"], ["end"]),
                             (["--client", "192.0.2.22"], ["rcpt", "rcpt", "mail"]),
                             (["--rule", "no-such-user"], ["rcpt", "rcpt"]), (["--workflow", "x"], []),
                             (["--since", "1d"], ["end", "rcpt", "rcpt", "mail"]), (["--since", "2999-01-01"], [])):
            with self.subTest(args=args):
                self.assertEqual(self.stages(*args), wanted)

    def test_an_id_finds_its_line_and_json_is_the_record(self):
        line = self.log()[0]
        queue_id = line.split()[1].rstrip(":")
        decision = re.search(r" id=(\w+)", line).group(1)
        self.assertEqual(self.log("--id", decision), [line])
        self.assertEqual(self.log("--id", queue_id), [line])
        record = json.loads(self.log("--id", decision, "--json")[0])
        self.assertEqual((record["v"], record["id"], record["header"]["subject"]), (1, decision, "first"))

    def test_the_records_in_the_log_are_as_the_schema_says(self):
        check = os.path.join(harness.SOURCE, "tests", "check-record")
        done = subprocess.run([check, self.gate.log_path], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (0, 77), done.stdout + done.stderr)

    def test_what_is_wrong_is_said(self):
        self.log("--decision", "rejected", code=64)
        self.log("--since", "yesterday", code=64)
        self.log("word", code=64)


if __name__ == "__main__":
    unittest.main()
