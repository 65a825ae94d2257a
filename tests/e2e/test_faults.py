"""What fails beside the gate: resolver, store, log, policy files. Mail goes on, or hears why it must wait."""
import itertools
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import harness
from base import HouseTest, message, policy
from liar import Liar
from test_traffic import Traffic

ZONE = 'example.org TXT "v=spf1 ip4:192.0.2.0/24 -all"\n'
SHIPPED = os.path.join(harness.SOURCE, "policies")
DEADLINE = 3


class Resolver(HouseTest):
    """Whatever the name server says: an answer in time, with a reason, and never a pass."""
    policies = SHIPPED
    options = f'deadline = "{DEADLINE}s";\n'

    @classmethod
    def setUpClass(cls):
        cls.liar = Liar()
        cls.dns = f'{{ servers = [ "127.0.0.1@{cls.liar.port}" ]; timeout_ms = 1000; cache_entries = 100; breaker_percent = 0; }}'
        real = harness.Gatepost.config
        harness.Gatepost.config = lambda gate, **more: real(gate, **{"dns": cls.dns, **more})
        try:
            super().setUpClass()
        finally:
            harness.Gatepost.config = real
            cls.addClassCleanup(cls.liar.close)
        cls.gate.config = lambda **more: real(cls.gate, **{"dns": cls.dns, **more})

    def sent(self, mode, client="192.0.2.7", sender="a@example.org", forgets=True):
        """Answer and record of one message; the daemon remembers no earlier answer."""
        self.liar.mode = mode
        if forgets:
            self.assertEqual(self.gate.stop(), 0)
            self.gate.start()
        subject = f"resolver {mode} {client} {sender} {forgets}"
        began = time.monotonic()
        with self.client(client) as c:
            answer = c.send(sender, ["b@example.com"], message(subject, sender=sender))
        self.assertLess(time.monotonic() - began, DEADLINE + 4, mode)
        record = self.gate.record_with(header__subject=subject)
        return answer, record["spf"]["result"], record["dmarc"]["result"]

    def test_honest_and_slow(self):
        for mode in ("honest", "slow"):
            answer, *results = self.sent(mode)
            self.assertEqual((answer[0], *results), (250, "pass", "pass"), mode)
            answer, *results = self.sent(mode, "203.0.113.5")
            self.assertEqual((answer[0], *results), (550, "fail", "fail"), mode)

    def test_what_is_no_answer_is_a_temporary_error_with_its_reason(self):
        for mode in ("silent", "servfail", "wrong-id", "wrong-question", "truncated", "cut", "garbage", "cname-loop",
                     "long-chain"):
            with self.subTest(mode):
                answer, *results = self.sent(mode)
                self.assertEqual(results, ["temperror", "temperror"])
                self.assertEqual(answer[0], 451)
                self.assertRegex(answer[1], r"^4\.4\.3 Cannot look up the policy of example\.org now, .* \(id \w+\)$")

    def test_an_answer_without_records_for_the_name_is_none(self):
        for mode in ("nxdomain", "empty", "wrong-owner"):
            with self.subTest(mode):
                self.assertEqual(self.sent(mode)[1:], ("none", "none"))

    def test_what_was_not_asked_is_not_remembered(self):
        self.assertEqual(self.sent("unasked")[1:], ("pass", "pass"))
        self.assertEqual(self.sent("honest", sender="a@victim.example", forgets=False)[1:], ("none", "none"))

    def test_nobody_listens_there(self):
        try:
            self.gate.config(dns=self.dns.replace(str(self.liar.port), str(harness.free_port())))
            answer, *results = self.sent("closed")
            self.assertEqual((answer[0], *results), (451, "temperror", "temperror"))
        finally:
            self.gate.config()

    def test_while_all_questions_fail_mail_passes_with_that_result_and_recovers(self):
        self.gate.config(dns=self.dns.replace("breaker_percent = 0", "breaker_percent = 60"))
        try:
            self.assertEqual(self.sent("servfail")[0][0], 451)
            names = (f"a@n{n}.example.org" for n in itertools.count())  # each asks anew
            harness.wait_for("mail to be let in", lambda: self.sent("servfail", "192.0.2.7", next(names), False)[0][0] == 250)
            self.assertIn("dmarc=temperror", self.postfix.mail_with("resolver servfail")["Authentication-Results"])
            self.assertEqual(self.sent("honest")[1:], ("pass", "pass"))
        finally:
            self.gate.config()


class Strained(HouseTest):
    """Traffic while something fails; then every 250 was delivered and the daemon says so."""
    policies = "open.conf"
    zone = ZONE

    def start_traffic(self):
        traffic = Traffic(self.postfix, threads=4)
        self.addCleanup(traffic.stop)
        return traffic

    def start_quietly(self):
        """Where the log cannot tell that it is ready."""
        self.gate.start(is_quiet=True)

        def sends():
            with self.client() as c:
                return c.send("a@example.org", ["b@example.com"], message("probe"))[0] == 250
        harness.wait_for("the first message", sends)

    def assert_flows(self, traffic, count=20, seconds=30):
        mark = traffic.count(250)
        harness.wait_for("mail to flow", lambda: traffic.count(250) >= mark + count, seconds)

    def end(self, traffic):
        """No message was refused, put off or lost."""
        self.assertFalse(traffic.stop(), "threads that do not end")
        self.assertEqual([a for a in traffic.answers.values() if a[0] != 250], [])
        self.postfix.flush()
        self.postfix.wait_until_empty(60)
        delivered = [m["Subject"] for m in self.postfix.mail()]
        self.assertEqual(set(traffic.answers) - set(delivered), set())

    def why(self, decision):
        return subprocess.run([self.gate.binary, "why", "-c", self.gate.config_path, decision], capture_output=True,
                              text=True, timeout=30, check=False).returncode == 0

    def wait_until_told(self, words, since=0):
        return harness.wait_for(words, lambda: re.search(words, self.gate.log(since)), 20)


class Store(Strained):
    def setUp(self):
        self.gate.stop()
        self.database = self.folder("gate", "records.db")
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.database + suffix):
                os.unlink(self.database + suffix)
        self.mark = len(self.gate.log().encode())

    def last_id(self):
        return self.gate.records()[-1]["id"]

    def do_what_the_log_says(self):
        """The administrator types it."""
        told = self.wait_until_told(r"store: .*damaged[^\"]*", self.mark).group(0)
        command = re.search(r"Type: (.*)$", told).group(1)
        self.assertIn(self.database, command)
        subprocess.run(["bash", "-c", command], check=False, capture_output=True)
        self.assertTrue(os.path.exists(self.database + ".damaged"))

    def test_a_file_locked_by_another_process(self):
        self.gate.start()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        other = sqlite3.connect(self.database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        self.assert_flows(traffic, 60)
        self.wait_until_told("records cannot be written, they are kept in memory: .*locked", self.mark)
        missed = self.last_id()
        self.assertFalse(self.why(missed))
        other.execute("ROLLBACK")
        other.close()
        self.wait_until_told("records are written again", self.mark)
        self.end(traffic)
        harness.wait_for("the record that waited", lambda: self.why(missed))

    def test_a_damaged_file_at_start(self):
        with open(self.database, "wb") as f:
            f.write(random.Random(1).randbytes(100000))
        self.gate.start()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        first = self.gate.records()[-1]["id"]
        self.do_what_the_log_says()
        self.wait_until_told("records are written again", self.mark)
        self.end(traffic)
        harness.wait_for("the record that waited", lambda: self.why(first))

    def test_rubbish_over_the_file_while_it_is_in_use(self):
        self.gate.start()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        for suffix in ("", "-wal"):
            with open(self.database + suffix, "r+b") as f:
                f.write(random.Random(2).randbytes(os.path.getsize(self.database + suffix)))
        self.assert_flows(traffic, 60)
        self.gate.stop()  # what is written over may be noticed now or at the next start
        self.mark = len(self.gate.log().encode())
        self.gate.start()
        self.assert_flows(traffic)
        self.do_what_the_log_says()
        self.wait_until_told("records are written again", self.mark)
        traffic.stop()
        self.assertLessEqual({code for code, _ in traffic.answers.values()}, {250, 451, 421})


    def test_the_file_is_moved_away_while_it_is_in_use(self):
        self.gate.start()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        old = self.last_id()
        harness.wait_for("its record", lambda: self.why(old))
        os.rename(self.database, self.database + ".away")
        self.assert_flows(traffic, 60)
        self.wait_until_told("records cannot be written, .*was moved away or replaced.*put it back", self.mark)
        self.wait_until_told("records are written again", self.mark)
        new = self.last_id()
        harness.wait_for("its record in the new file", lambda: self.why(new))
        self.assertFalse(self.why(old))
        with sqlite3.connect(self.database + ".away") as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(db.execute("SELECT count(*) FROM records WHERE id = ?", (old,)).fetchone(), (1,))
        db.close()
        self.mark = len(self.gate.log().encode())
        os.rename(self.database + ".away", self.database)
        self.wait_until_told("records are written again", self.mark)
        self.end(traffic)
        self.assertTrue(self.why(old))

    def test_the_folder_is_gone_while_it_is_in_use(self):
        folder = self.folder("gate", "state")
        os.makedirs(folder)
        self.gate.config(store=f'"sqlite:{folder}/records.db"')
        self.addCleanup(self.gate.config)
        self.gate.start()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        shutil.rmtree(folder)
        self.assert_flows(traffic, 60)
        told = self.wait_until_told(r"records cannot be written, .*is gone, and its folder\. Type: (install -d [^\"]*)", self.mark)
        missed = self.last_id()
        self.assertIn(folder, told.group(1))
        os.makedirs(folder)
        self.wait_until_told("records are written again", self.mark)
        self.end(traffic)
        harness.wait_for("the record that waited", lambda: self.why(missed))


class FullDisk(Strained):
    """State and log in a file system of their own, as small as it is full."""

    @classmethod
    def setUpClass(cls):
        cls.house_more = {"state": "state"}
        real = harness.Gatepost.start

        def start(gate, *args, **more):
            os.makedirs(gate.folder("state"), exist_ok=True)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", gate.folder("state")],
                                  capture_output=True, check=False)
            if done.returncode != 0:
                raise unittest.SkipTest("a small file system cannot be mounted here")
            real(gate, *args, **more)
        harness.Gatepost.start = start
        try:
            super().setUpClass()
        finally:
            harness.Gatepost.start = real

    @classmethod
    def tearDownClass(cls):
        state = cls.folder("state")
        cls.postfix.stop()
        cls.gate.stop()
        subprocess.run(["umount", "-l", state], check=False)
        super().tearDownClass()

    def setUp(self):
        if not self.gate.is_alive():
            self.gate.start()

    def fill(self):
        with open(self.folder("state", "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass

    def free(self):
        os.unlink(self.folder("state", "filler"))

    def test_full_under_traffic(self):
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        self.fill()
        self.assert_flows(traffic, 150)
        self.free()
        self.wait_until_told("records are written again")
        self.wait_until_told(r"log: \d+ lines could not be written and are lost")
        self.end(traffic)

    def test_full_at_start(self):
        self.gate.stop()
        for name in os.listdir(self.folder("state")):
            os.unlink(self.folder("state", name))
        open(self.gate.log_path, "wb").close()
        self.fill()
        os.truncate(self.folder("state", "filler"), os.path.getsize(self.folder("state", "filler")) - 4096)
        self.start_quietly()
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        self.free()
        self.assert_flows(traffic)
        self.wait_until_told("records are written again")
        self.end(traffic)

    def test_read_only_at_start(self):
        self.gate.stop()
        log, self.gate.log_path = self.gate.log_path, self.folder("gate", "log")
        self.gate.config()
        try:
            subprocess.run(["mount", "-o", "remount,ro", self.folder("state")], check=True)
            self.gate.start()
            traffic = self.start_traffic()
            self.assert_flows(traffic)
            self.wait_until_told("store: .*cannot be (used|written).*[Rr]ead-?only")
            subprocess.run(["mount", "-o", "remount,rw", self.folder("state")], check=True)
            self.wait_until_told("records are written again")
            self.end(traffic)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", self.folder("state")], check=True)
            self.gate.stop()
            self.gate.log_path = log
            self.gate.config()


class LogTarget(Strained):
    def test_a_pipe_nobody_reads(self):
        self.gate.stop()
        pipe = self.folder("gate", "pipe")
        os.mkfifo(pipe)
        self.gate.config(log=f'{{ target = "file:{pipe}"; format = "json"; }}')
        self.start_quietly()
        traffic = self.start_traffic()
        self.assert_flows(traffic, 150)
        lines = []

        def read():
            with open(pipe, "rb") as f:
                for line in f:
                    lines.append(line)
                    if b"stopped" in line:
                        return
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.assert_flows(traffic)
        self.end(traffic)
        self.assertEqual(self.gate.stop(), 0)
        reader.join(20)
        told = b"".join(lines)
        self.assertEqual([t for t in traffic.answers if t.encode() not in told], [])

    def test_a_pipe_nobody_ever_reads_does_not_hold_up_the_stop(self):
        self.gate.stop()
        pipe = self.folder("gate", "pipe2")
        os.mkfifo(pipe)
        self.gate.config(log=f'{{ target = "file:{pipe}"; format = "json"; }}')
        self.start_quietly()
        traffic = self.start_traffic()
        self.assert_flows(traffic, 150)
        self.end(traffic)
        began = time.monotonic()
        self.assertEqual(self.gate.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)


class LogDaemon:
    """What syslogd or journald is to the gate: a datagram socket, read until told to stop."""

    def __init__(self, path, stream_path=None):
        """stream_path: a second socket, that clients may connect to."""
        self.path, self.stream_path = path, stream_path
        self.is_reading = threading.Event()
        self.told = b""
        self.begin()

    def begin(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        if self.stream_path is not None:
            self.stream = socket.socket(socket.AF_UNIX)
            self.stream.bind(self.stream_path)
            self.stream.listen(5)
        self.is_reading.set()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while datagram := self.socket.recv(1 << 20):
            self.told += datagram + b"\n"
            self.is_reading.wait()

    def hang(self):
        self.is_reading.clear()

    def go_on(self):
        self.is_reading.set()

    def go_away(self):
        """What was taken is read."""
        self.socket.shutdown(socket.SHUT_RD)
        self.is_reading.set()
        self.thread.join()
        self.socket.close()
        os.unlink(self.path)
        if self.stream_path is not None:
            self.stream.close()
            os.unlink(self.stream_path)


# The daemon finds sockets of its own where the host has /dev/log and /run/systemd.
HOST = """
for device in null zero full random urandom; do touch $0/dev/$device; mount --bind /dev/$device $0/dev/$device; done
mount --rbind $0/dev /dev && mount --bind $0/run /run && exec "$@"
"""


@unittest.skipIf(subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode,
                 "a name space for mounts cannot be made here")
class LogSocket(Strained):
    TARGET = "syslog"

    def setUp(self):
        self.gate.stop()
        host = self.folder("host-" + self._testMethodName)
        os.makedirs(host + "/dev")
        os.makedirs(host + "/run/systemd/journal")
        self.daemon = self.log_daemon(host)
        self.addCleanup(self.daemon.go_away)
        self.gate.wrapper = ["unshare", "-m", "sh", "-euc", HOST, host]
        self.web = harness.Web(self.folder("gate", "control.sock"))
        self.gate.config(log=f'{{ target = "{self.TARGET}"; format = "json"; }}',
                         http=f'{{ listen = [ "unix:{self.web.where}" ]; }}')
        self.start_quietly()
        self.traffic = self.start_traffic()
        self.assert_flows(self.traffic)

    def log_daemon(self, host):
        return LogDaemon(host + "/dev/log")

    def lost(self):
        return self.web.metric("records_lost_total", sink="log")

    def memory_kb(self):
        with open(f"/proc/{self.gate.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def end_well(self):
        """All is told that was not counted as lost."""
        self.end(self.traffic)
        self.assertEqual(self.gate.stop(), 0)
        harness.wait_for("the last line", lambda: b"stopped" in self.daemon.told)

    def test_a_reader_that_stops(self):
        before_kb = self.memory_kb()
        self.daemon.hang()
        self.assert_flows(self.traffic, 150)
        self.assertLess(self.memory_kb() - before_kb, 48 * 1024)
        self.daemon.go_on()
        self.assert_flows(self.traffic)
        self.end_well()
        self.assertEqual([t for t in self.traffic.answers if t.encode() not in self.daemon.told], [])
        self.assertNotIn(b"are lost", self.daemon.told)

    def test_a_reader_that_goes_away(self):
        self.daemon.go_away()
        self.assert_flows(self.traffic, 50)
        harness.wait_for("lines that are counted", lambda: self.lost() >= 50)
        self.assertIn("log lines could not be written", self.web.ask("/")[2])
        self.daemon.begin()
        self.assert_flows(self.traffic)
        told = harness.wait_for("their number", lambda: re.search(rb"log: (\d+) lines could not be written and are lost",
                                                                  self.daemon.told))
        harness.wait_for("the same count", lambda: self.lost() == int(told.group(1)))
        self.end_well()
        missing = [t for t in self.traffic.answers if t.encode() not in self.daemon.told]
        self.assertLessEqual(len(missing), int(told.group(1)))


class JournalSocket(LogSocket):
    TARGET = "journal"

    def log_daemon(self, host):
        return LogDaemon(host + "/run/systemd/journal/socket", host + "/run/systemd/journal/stdout")


RUBBISH = {
    "bytes": random.Random(3).randbytes(20000),
    "zeros": b"\0" * 4096,
    "half a file": policy("open.conf").encode()[:70],
    "brackets": b"rules = " + b"(" * 200000,
    "a file that includes itself": b'@include "10-test.conf"\n',
    "a megabyte of one word": b"a" * (1 << 20),
    "no newline, no end": b'rules = ( { name = "x',
}


class PolicyFile(Strained):
    def test_rubbish_at_a_reload_under_traffic(self):
        path = self.folder("gate", "policies", "10-test.conf")
        traffic = self.start_traffic()
        self.assert_flows(traffic)
        try:
            for what, rubbish in RUBBISH.items():
                with open(path, "wb") as f:
                    f.write(rubbish)
                self.assertIn("reload refused", self.gate.reload(), what)
                self.assert_flows(traffic, 5)
            os.unlink(path)
            os.mkdir(path)
            self.assertIn("reload refused", self.gate.reload())
            self.assert_flows(traffic, 5)
        finally:
            if os.path.isdir(path):
                os.rmdir(path)
            self.gate.policies(policy("open.conf"))
        self.assertIn("reloaded", self.gate.reload())
        self.assert_flows(traffic, 5)
        self.end(traffic)
        self.assertGreaterEqual(self.gate.log().count("10-test.conf"), len(RUBBISH))


class Start(unittest.TestCase):
    """What keeps the daemon from starting: said on stderr, with what to type, and a code of sysexits(3)."""

    def setUp(self):
        self.folder = harness.Folder()
        self.addCleanup(self.folder.remove)
        self.gate = harness.Gatepost(self.folder, policy("open.conf"), ZONE)

    def refused(self, words, code=69, **config):
        self.gate.config(**config)
        done = subprocess.run([self.gate.binary, "run", "-c", self.gate.config_path], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, words)

    def test_the_state_folder_is_missing(self):
        self.refused(r"no/such.*is missing\. Type: install -d ", store=f'"sqlite:{self.folder("no", "such", "x.db")}"')

    def test_the_state_folder_belongs_to_somebody_else(self):
        os.makedirs(self.folder("state"), mode=0o700)
        self.refused(r"may not write into the folder\. Type: chown ", store=f'"sqlite:{self.folder("state", "x.db")}"',
                     user='"nobody"', log='{ target = "stderr"; }')

    def test_the_log_folder_is_missing(self):
        self.refused(r"log\.target.*No such file or directory", log=f'{{ target = "file:{self.folder("no", "log")}"; }}')

    def test_the_port_is_taken(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(1)
            self.refused(r"another process has this port.*Type: ss -ltnp",
                         listen=f'( {{ socket = "inet:{s.getsockname()[1]}@127.0.0.1"; }} )')

    def test_a_file_is_where_the_socket_should_be(self):
        with open(self.gate.socket_path, "w", encoding="ascii") as f:
            f.write("mine")
        self.refused(r"is in the way: it is no socket")
        with open(self.gate.socket_path, encoding="ascii") as f:
            self.assertEqual(f.read(), "mine")

    def test_the_folder_of_the_socket_cannot_be_made(self):
        self.refused(r"the folder cannot be made", listen=f'( {{ socket = "unix:{self.folder("a", "b", "s")}"; }} )')

    def test_policies_are_missing(self):
        self.refused(r"the folder cannot be read", code=78, policies=f'"{self.folder("none")}"')


if __name__ == "__main__":
    unittest.main()
