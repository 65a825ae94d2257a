"""Under traffic: reload, kill and stop. What counts: every 250 is delivered exactly once and was judged."""
import collections
import os
import re
import signal
import smtplib
import threading
import time

import harness
from base import HouseTest, message, policy

ZONE = """
example.org        TXT "v=spf1 ip4:192.0.2.0/24 -all"
slow.example       TXT "v=spf1 ip4:192.0.2.0/24 -all"
slow.example       TXT DELAY 1000ms
"""
SCALE = float(os.environ.get("E2E_SCALE", "1"))


class Traffic:
    """Threads that send until stopped, and what each message was told."""

    def __init__(self, postfix, threads=6, sender="a@example.org"):
        self.postfix, self.sender = postfix, sender
        self.answers = {}        # token -> (code, text) of its last try
        self.is_stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, number):
        count = 0
        while not self.is_stopping.is_set():
            try:
                c = self.postfix.client(timeout=60)
            except (OSError, smtplib.SMTPException) as e:
                self.note(f"connect-{number}-{count}", (0, repr(e)))
                continue
            for _ in range(4):
                token = f"t{number}-{count:05d}-"
                count += 1
                try:
                    answer = c.send(self.sender, ["b@example.com"], message(token))
                    self.note(token, answer)
                    if answer[0] == 421:
                        break  # Postfix hangs up: the client is to come back on a new connection
                    c.command("RSET")
                except (OSError, smtplib.SMTPException) as e:
                    self.note(token, (0, repr(e)))
                    break
                if self.is_stopping.is_set():
                    break
            c.quit()

    def note(self, token, answer):
        with self.lock:
            self.answers[token] = answer

    def count(self, code):
        with self.lock:
            return sum(a[0] == code for a in self.answers.values())

    def stop(self):
        self.is_stopping.set()
        for t in self.threads:
            t.join(90)
        return {t.name for t in self.threads if t.is_alive()}


class UnderTraffic(HouseTest):
    policies = "open.conf"
    zone = ZONE

    def verify(self, traffic):
        """Delivered is what was told 250, exactly once, each with our results, each with its record."""
        self.assertFalse(traffic.stop(), "threads that do not end")
        self.assertEqual([a for a in traffic.answers.values() if a[0] == 0], [], "sessions that broke")
        self.assertEqual([a for a in traffic.answers.values()
                          if a[0] != 250 and not re.match(r"[45]\.\d+\.\d+ \S+ \S+", a[1])], [], "refusals without a reason")
        self.postfix.flush()
        self.postfix.wait_until_empty(90)
        told = {token for token, (code, _) in traffic.answers.items() if code == 250}
        delivered = collections.Counter()
        accepted = {r["id"] for r in self.gate.records() if r["disposition"] == "accept"}
        for m in self.postfix.mail():
            if not re.fullmatch(r"t\d+-\d+-", m["Subject"]) or m["Subject"] not in traffic.answers:
                continue
            delivered[m["Subject"]] += 1
            results = m.get_all("Authentication-Results") or []
            self.assertEqual(len(results), 1, m["Subject"])
            self.assertIn(re.search(r"\(id (\w+)\)", results[0]).group(1), accepted)
        self.assertEqual(set(delivered), told)
        self.assertEqual([t for t, n in delivered.items() if n != 1], [])
        return told

    def setUp(self):
        # Tokens start again with every test.
        for name in os.listdir(self.postfix.maildir + "/new") if os.path.isdir(self.postfix.maildir + "/new") else []:
            os.unlink(os.path.join(self.postfix.maildir, "new", name))

    def test_reload_under_traffic(self):
        traffic = Traffic(self.postfix)
        before = self.gate.log().count("reloaded: ")
        for n in range(12):
            self.gate.policies(policy("closed.conf" if n % 2 == 0 else "open.conf"))
            self.assertIn("reloaded", self.gate.reload((signal.SIGHUP, signal.SIGUSR1)[n % 2]))
            mark = traffic.count(550 if n % 2 == 0 else 250)
            harness.wait_for("mail judged by the new policy",
                             lambda m=mark, c=550 if n % 2 == 0 else 250: traffic.count(c) > m + 3, 60)
        told = self.verify(traffic)
        self.assertEqual(self.gate.log().count("reloaded: "), before + 12)
        self.assertLessEqual({code for code, _ in traffic.answers.values()}, {250, 550, 421})
        self.assertGreater(len(told), 20)

    def test_killed_under_traffic_nothing_is_lost_and_nothing_passes_unseen(self):
        traffic = Traffic(self.postfix)
        for _ in range(3):
            mark = traffic.count(250)
            harness.wait_for("traffic", lambda m=mark: traffic.count(250) > m + 10, 60)
            self.gate.kill()
            mark = traffic.count(451)
            harness.wait_for("clients that are told to come back", lambda m=mark: traffic.count(451) > m + 3, 60)
            self.gate.start()
        mark = traffic.count(250)
        harness.wait_for("traffic after the last start", lambda: traffic.count(250) > mark + 10, 60)
        told = self.verify(traffic)
        self.assertLessEqual({code for code, _ in traffic.answers.values()}, {250, 451, 421})
        self.assertGreater(len(told), 30)

    def test_stop_lets_messages_in_flight_finish(self):
        traffic = Traffic(self.postfix, threads=4, sender="a@slow.example")
        # The answer for slow.example takes a second, so that messages wait at their end.
        time.sleep(0.5 * SCALE)
        began = time.monotonic()
        self.assertEqual(self.gate.stop(), 0)
        self.assertLess(time.monotonic() - began, 15 * SCALE)
        self.gate.start()
        mark = traffic.count(250)
        harness.wait_for("traffic after the start", lambda: traffic.count(250) > mark + 3, 60)
        self.verify(traffic)
        self.assertEqual([r for r in self.gate.records() if r["disposition"] == "accept" and
                          r["header"]["subject"] not in traffic.answers and r["mail"]["from"] == "a@slow.example"], [])
        self.assertLessEqual({code for code, _ in traffic.answers.values()}, {250, 451, 421})
