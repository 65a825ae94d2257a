"""The daemon's own life: start, reload, stop, rights, store."""
import grp
import os
import re
import signal
import socket
import subprocess
import time
import unittest

import harness
from base import HouseTest, message, policy

ZONE = """
example.org        TXT "v=spf1 ip4:192.0.2.0/24 -all"
slow.example       TXT DELAY 1500ms
slow.example       TXT "v=spf1 ip4:192.0.2.0/24 -all"
"""


class Reload(HouseTest):
    policies = "open.conf"
    zone = ZONE

    def tearDown(self):
        self.gate.policies(policy("open.conf"))
        self.gate.zone(ZONE)
        self.gate.config()
        self.gate.reload()

    def send(self, c, subject):
        answer = c.send("a@example.org", ["b@example.com"], message(subject))
        c.command("RSET")
        return answer

    def test_a_new_policy_reaches_open_connections_at_the_next_mail(self):
        for how in (signal.SIGHUP, signal.SIGUSR1):
            with self.client() as c:
                self.assertEqual(self.send(c, "before reload")[0], 250)
                self.gate.policies(policy("closed.conf"))
                self.assertIn("reloaded: generation", self.gate.reload(how))
                code, text = self.send(c, "after reload")
                self.assertEqual(code, 550, text)
                self.assertIn("Closed for good", text)
            self.tearDown()

    def test_a_message_under_way_keeps_the_policy_it_began_with(self):
        with self.client() as c:
            self.assertEqual(c.mail("a@example.org")[0], 250)
            self.gate.policies(policy("closed.conf"))
            self.gate.reload()
            self.assertEqual(c.rcpt("b@example.com")[0], 250)
            self.assertEqual(c.data(message("one policy"))[0], 250)

    def test_a_policy_that_needs_a_step_given_away_sends_the_client_round_again(self):
        with self.client() as c:
            self.assertEqual(self.send(c, "no data step")[0], 250)
            self.gate.policies(policy("stages.conf"))
            self.gate.reload()
            code, text = c.mail("nodata@example.org")
            self.assertEqual(code, 421, text)
            self.assertIn("4.3.2", text)
        with self.client() as c:
            self.assertEqual(c.send("nodata@example.org", ["b@example.com"], message("x"))[0], 554)

    def test_a_wrong_policy_is_told_with_its_line_and_the_old_one_stays(self):
        self.gate.policies('rules = (\n  { name = "typo"; whenn = { }; then = { action = "reject"; }; }\n);\n')
        line = self.gate.reload()
        self.assertIn("reload refused", line)
        self.assertRegex(self.gate.log(), r"\"level\":\"error\".*10-test\.conf:2: .*whenn")
        with self.client() as c:
            self.assertEqual(self.send(c, "old policy stays")[0], 250)

    def test_a_wrong_option_is_told_with_its_line_and_the_old_ones_stay(self):
        self.gate.config(deadline='"soon"')
        self.assertIn("reload refused", self.gate.reload())
        self.assertRegex(self.gate.log(), r"\"level\":\"error\".*gatepost\.conf:\d+: deadline")
        self.gate.config(no_such_option="1")
        self.assertIn("reload refused", self.gate.reload())
        with self.client() as c:
            self.assertEqual(self.send(c, "old options stay")[0], 250)

    def test_an_option_that_needs_a_restart_says_so(self):
        self.gate.config(log=f'{{ target = "file:{self.gate.log_path}"; format = "json"; level = "debug"; }}')
        self.assertIn("reloaded", self.gate.reload())
        self.assertRegex(self.gate.log(), r"log\.level.*restart")

    def test_the_zone_file_is_read_again(self):
        with self.client("203.0.113.9") as c:
            self.send(c, "old zone")
        self.gate.zone(ZONE.replace("ip4:192.0.2.0/24", "ip4:203.0.113.0/24"))
        self.gate.reload()
        with self.client("203.0.113.9") as c:
            self.send(c, "new zone")
        self.assertEqual(self.gate.record_with(header__subject="old zone")["spf"]["result"], "fail")
        self.assertEqual(self.gate.record_with(header__subject="new zone")["spf"]["result"], "pass")


class Addresses(HouseTest):
    """What record_addresses leaves out is nowhere: not in the log, as lines or as JSON, and not in the store."""
    policies = "stages.conf"
    zone = ZONE

    def told(self):
        """Log and store, as bytes on the disk."""
        paths = [self.gate.log_path, self.gate.store_path, self.gate.store_path + "-wal"]
        return {path: open(path, "rb").read() for path in paths if os.path.exists(path)}

    def test_nothing_is_left_of_whom_it_is_about(self):
        private = [b"ann.private", b"bob.private", b"192.0.2.231", b"host-231"]
        for kept in ("domain", "none"):
            for form in ("text", "json"):
                with self.subTest(kept=kept, form=form):
                    self.gate.config(record_addresses=f'"{kept}"', log=f'{{ target = "file:{self.gate.log_path}"; format = "{form}"; }}')
                    self.gate.stop()
                    self.gate.start()
                    with self.client("192.0.2.231", "host-231.example.org") as c:
                        answers = [c.send("ann.private@example.org", ["bob.private@example.com"], message("kept " + kept + form)),
                                   c.send("nodata@example.org", ["bob.private@example.com"], message("x"))]
                    self.assertEqual([code for code, _ in answers], [250, 554])
                    self.gate.stop()
                    told = self.told()
                    for path, text in told.items():
                        for word in private:
                            self.assertNotIn(word, text, path)
                    self.assertIn(b"*@example.org" if kept == "domain" else b"disposition", b"".join(told.values()))
                    self.gate.start()


class Rights(HouseTest):
    policies = "open.conf"
    zone = ZONE
    options = 'user = "nobody";\nrecord_days = 0;\n'

    @classmethod
    def setUpClass(cls):
        real = harness.Gatepost.start

        def start(gate, *args):
            os.chown(gate.folder("gate"), 65534, 65534)
            real(gate, *args)
        harness.Gatepost.start = start
        try:
            super().setUpClass()
        finally:
            harness.Gatepost.start = real

    def test_the_daemon_is_nobody_and_postfix_may_connect(self):
        with open(f"/proc/{self.gate.process.pid}/status", encoding="ascii") as f:
            status = f.read()
        self.assertRegex(status, r"Uid:\t65534\t65534\t65534\t65534")
        self.assertRegex(status, r"CapEff:\t0{16}")
        self.assertRegex(status, r"NoNewPrivs:\t1")
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("as nobody"))[0], 250)

    def test_the_socket_has_the_mode_and_group_asked_for(self):
        st = os.stat(self.gate.socket_path)
        self.assertEqual(st.st_mode & 0o777, 0o660)
        self.assertEqual(grp.getgrgid(st.st_gid).gr_name, "postfix")

    def test_without_record_days_nothing_is_stored(self):
        with self.client() as c:
            c.send("a@example.org", ["b@example.com"], message("not stored"))
        record = self.gate.record_with(header__subject="not stored")
        done = subprocess.run([self.gate.binary, "why", "-c", self.gate.config_path, record["id"]],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("record_days is 0", done.stderr)


class Inet(HouseTest):
    """The milter socket is a TCP port."""
    policies = "stages.conf"
    zone = ZONE

    @classmethod
    def setUpClass(cls):
        cls.port = harness.free_port()
        cls.house_more = {"listen": f'{{ socket = "inet:{cls.port}@127.0.0.1"; }}', "milter": f"inet:127.0.0.1:{cls.port}"}
        super().setUpClass()

    def test_mail_passes_through_a_tcp_socket(self):
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("over tcp"))[0], 250)
            self.assertEqual(c.mail("refused@example.org")[0], 550)
        self.assertIn("Authentication-Results", self.postfix.mail_with("over tcp"))
        self.assertEqual(self.gate.record_with(header__subject="over tcp")["spf"]["result"], "pass")


class Limits(HouseTest):
    policies = "open.conf"
    zone = ZONE
    options = "limits = { connections = 2; };\n"

    def test_more_connections_than_the_limit_are_sent_away_and_room_is_given_back(self):
        with self.client() as first, self.client() as second:
            self.assertEqual(first.mail("a@example.org")[0], 250)
            self.assertEqual(second.mail("a@example.org")[0], 250)
            third = self.client()
            answer = third.ehlo_answer if third.ehlo_answer[0] != 250 else third.mail("a@example.org")
            third.quit()
            self.assertEqual(answer[0], 421, answer)
            self.assertIn("4.3.2 Too many connections", answer[1])
        def sends():
            with self.client() as c:
                return c.send("a@example.org", ["b@example.com"], message("room again"))[0] == 250
        harness.wait_for("room", sends)


class Life(unittest.TestCase):
    """Start and stop without Postfix; every test has a daemon of its own."""

    def setUp(self):
        self.folder = harness.Folder()
        self.gate = harness.Gatepost(self.folder, policy("open.conf"), ZONE)

    def tearDown(self):
        code, words = self.gate.stop(), self.gate.stderr() if os.path.exists(self.folder("gate", "stderr")) else ""
        self.folder.remove()
        self.assertIn(code, (0, None))
        if not getattr(self, "may_talk", False):
            self.assertEqual(words, "")

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(self.gate.socket_path)
        return s

    def test_sigterm_stops_at_once_with_0(self):
        for _ in range(3):
            self.gate.start()
            began = time.monotonic()
            self.assertEqual(self.gate.stop(), 0)
            self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(self.gate.log().count("stopped"), 3)

    def test_a_socket_left_by_a_killed_daemon_is_taken_over(self):
        self.gate.start()
        self.gate.kill()
        self.assertTrue(os.path.exists(self.gate.socket_path))
        self.gate.start()
        self.connect().close()

    def test_a_second_daemon_does_not_take_a_living_socket(self):
        self.gate.start()
        done = subprocess.run([self.gate.binary, "run", "-c", self.gate.config_path], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("milter.sock", done.stderr)
        self.connect().close()
        self.assertTrue(self.gate.is_alive())

    def test_connect_and_go_is_harmless(self):
        self.gate.start()
        for rubbish in (b"", b"\0", b"\0\0\0\1", b"\xff" * 200, b"GET / HTTP/1.0\r\n\r\n",
                        b"\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0\0\1X"):
            s = self.connect()
            s.sendall(rubbish)
            s.close()
        self.assertTrue(self.gate.is_alive())
        self.connect().close()

    def test_a_wrong_configuration_does_not_start_and_names_every_line(self):
        self.may_talk = True
        self.gate.config(deadline='"soon"', authserv_idd='"x"')
        done = subprocess.run([self.gate.binary, "run", "-c", self.gate.config_path], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 78)
        self.assertEqual(len(re.findall(r"gatepost\.conf:\d+: error:", done.stderr)), 2, done.stderr)
        check = subprocess.run([self.gate.binary, "check", "-c", self.gate.config_path], capture_output=True, text=True,
                               timeout=30, check=False)
        self.assertEqual(check.returncode, 78)
        self.assertEqual(sorted(re.findall(r":\d+: error: (\w+)", check.stdout + check.stderr)),
                         ["authserv_idd", "deadline"])

    def test_the_log_is_opened_again_after_rotation(self):
        self.gate.start()
        rotated = self.gate.log_path + ".1"
        os.rename(self.gate.log_path, rotated)
        self.gate.process.send_signal(signal.SIGHUP)
        harness.wait_for("the new log", lambda: "reloaded" in self.gate.log())

    def test_workflows_that_would_fail_at_receivers_are_told_beside_the_mail(self):
        self.gate.policies("""workflows = (
            { name = "news"; match = { auth = { login = "news"; }; }; identity = { from = [ "a@example.org" ]; };
              unsigned = true; } );""")
        self.gate.config(egress='[ "192.0.2.10" ]', preflight_on_reload="true")
        self.gate.zone('_dmarc.example.org TXT "v=DMARC1; p=reject"\nexample.org TXT "v=spf1 ip4:192.0.2.11 -all"\n')
        self.gate.start()
        wanted = 'workflow \\"news\\" would pass DMARC at the receiver: no: example.org: SPF fail for example.org'
        harness.wait_for("the warning", lambda: wanted in self.gate.log())
        size = len(self.gate.log())
        self.gate.zone('_dmarc.example.org TXT "v=DMARC1; p=reject"\nexample.org TXT SERVFAIL\n')
        self.gate.reload()
        harness.wait_for("another warning", lambda: "cannot be told now" in self.gate.log(size))

    def test_log_level_error_hides_life_cycle_lines(self):
        self.gate.config(log=f'{{ target = "file:{self.gate.log_path}"; level = "error"; format = "json"; }}')
        self.gate.start(is_quiet=True)
        self.assertEqual(self.gate.stop(), 0)
        self.assertEqual(self.gate.log(), "")


class Why(HouseTest):
    policies = "stages.conf"
    zone = ZONE

    def why(self, *args):
        return subprocess.run([self.gate.binary, "why", "-c", self.gate.config_path, *args], capture_output=True,
                              text=True, timeout=30, check=False)

    def test_the_id_in_the_reply_leads_to_rule_file_and_line(self):
        with self.client() as c:
            _, text = c.send("a@example.org", ["b@example.com"], message("refuse-end why"))
        decision = re.search(r"\(id (\w+)\)", text).group(1)
        done = harness.wait_for("the stored record", lambda: self.why(decision) if not self.why(decision).returncode else None)
        self.assertIn("end-refused", done.stdout)
        self.assertRegex(done.stdout, r"10-test\.conf:\d+")
        self.assertIn("550", done.stdout)

    def test_the_id_in_the_header_and_the_queue_id_lead_to_the_same_record(self):
        with self.client() as c:
            _, text = c.send("a@example.org", ["b@example.com"], message("explain me"))
        queue_id = re.search(r"queued as (\w+)", text).group(1)
        header = self.postfix.mail_with("explain me")["Authentication-Results"]
        decision = re.search(r"\(id (\w+)\)", header).group(1)
        harness.wait_for("the stored record", lambda: self.why("--json", decision).returncode == 0)
        self.assertEqual(self.why("--json", decision).stdout, self.why("--json", queue_id).stdout)
        self.assertNotEqual(self.why("0" * 16).returncode, 0)


if __name__ == "__main__":
    unittest.main()
