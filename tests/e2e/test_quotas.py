"""How much may be sent, behind Postfix: over restarts, over two gateways with one Redis, and while Redis is away."""
import signal
import subprocess
import threading
import time
import unittest

import harness
from base import message

LIMIT = 10
POLICY = f"""
workflows = (
  {{ name     = "shop";
    match    = {{ auth = {{ login = "shop-*"; }}; }};
    identity = {{ from = "*@example.org"; }};
    shared   = true;
    unsigned = true;
    limits   = {{ per_login = {{ messages = "{LIMIT}/1d"; }}; }}; }},
  {{ name     = "stream";
    match    = {{ auth = {{ login = "stream"; }}; }};
    identity = {{ from = "*@example.org"; }};
    shared   = true;
    unsigned = true;
    limits   = {{ messages = "1000000/1h"; }}; }}
);
"""
USED_UP = f"The limit of login %s is {LIMIT} messages in 1 day, and it is used up: try again in "


class Redis:
    """A redis-server of the test's own, on a UNIX socket."""

    def __init__(self, folder):
        self.socket = folder("redis.sock")
        self.config = folder.write("redis.conf", f"port 0\nunixsocket {self.socket}\ndir {folder.path}\nsave ''\n"
                                                 "appendonly yes\nappendfsync always\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["redis-server", self.config], stdout=subprocess.DEVNULL)
        harness.wait_for("Redis", lambda: self.tell("ping") == "PONG")

    def tell(self, *command):
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True, text=True,
                              check=False).stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self, is_frozen):
        self.process.send_signal(signal.SIGSTOP if is_frozen else signal.SIGCONT)


class QuotaTest(unittest.TestCase):
    gateways = 1
    redis = None

    @classmethod
    def setUpClass(cls):
        cls.folders = [harness.Folder() for _ in range(cls.gateways)]
        for folder in cls.folders:
            cls.addClassCleanup(folder.remove)
        cls.gates = [harness.Gatepost(folder, POLICY) for folder in cls.folders]
        logins = harness.Logins(cls.folders[0]("logins"))
        cls.postfix = harness.Postfix(cls.folders[0], "", settings=logins.settings(), services={
            harness.free_port(): {"smtpd_milters": gate.milter} for gate in cls.gates})
        cls.configure("local")
        for gate in cls.gates:
            gate.start()
        cls.postfix.start()

    @classmethod
    def configure(cls, unavailable):
        for gate in cls.gates:
            store = f'"redis:{cls.redis.socket}?prefix=t:"' if cls.redis else f'"sqlite:{gate.folder("gate", "records.db")}"'
            gate.config(store=store, limits=f'{{ store_unavailable = "{unavailable}"; }}')

    @classmethod
    def tearDownClass(cls):
        cls.postfix.stop()
        ends = [(gate.stop(), gate.stderr()) for gate in cls.gates]
        if ends != [(0, "")] * cls.gateways:
            raise AssertionError(f"the daemons ended with {ends}")

    def connect(self, login, gateway=0):
        c = self.postfix.client("192.0.2.1", "app.example.org", port=self.postfix.ports[gateway])
        self.assertEqual(c.login(login, login)[0], 235)
        return c

    def send(self, login, gateway=0, sender="a@example.org", text=None):
        with self.connect(login, gateway) as c:
            return c.send(sender, ["b@example.com"], text or message("quota"))

    def assert_used_up(self, login, *gateways):
        for gateway in gateways or range(self.gateways):
            code, words = self.send(login, gateway)
            self.assertEqual((code, words[:6]), (451, "4.7.1 "), words)
            self.assertIn(USED_UP % login, words)


class Restarts(QuotaTest):
    def test_what_was_sent_counts_after_a_stop_and_after_a_crash(self):
        self.assertEqual([self.send("shop-1")[0] for _ in range(4)], [250] * 4)
        self.assertEqual(self.gates[0].stop(), 0)
        self.gates[0].start()
        self.assertEqual([self.send("shop-1")[0] for _ in range(3)], [250] * 3)
        time.sleep(1.5)  # written within a second, conf/README.md says
        self.gates[0].kill()
        self.gates[0].start()
        self.assertEqual([self.send("shop-1")[0] for _ in range(3)], [250] * 3)
        self.assert_used_up("shop-1")
        self.assertEqual(self.send("shop-2")[0], 250)

    def test_what_was_refused_does_not_count(self):
        for _ in range(LIMIT + 1):
            self.assertEqual(self.send("shop-3", text=message("not mine", sender="x@example.net"))[0], 550)
        with self.connect("shop-3") as c:
            for _ in range(LIMIT + 1):  # begun and given up
                self.assertEqual(c.mail("a@example.org")[0], 250)
                self.assertEqual(c.command("RSET")[0], 250)
        self.assertEqual([self.send("shop-3")[0] for _ in range(LIMIT)], [250] * LIMIT)
        self.assert_used_up("shop-3")


class Stream:
    """Clients at each gateway that send without a pause; every answer, and how long it took."""

    def __init__(self, test):
        self.answers, self.is_stopping = [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(test, n), daemon=True)
                        for n in range(test.gateways)]
        test.addCleanup(self.is_stopping.set)
        for t in self.threads:
            t.start()

    def run(self, test, gateway):
        while not self.is_stopping.is_set():
            began = time.monotonic()
            code, words = test.send("stream", gateway)
            self.answers.append((code, words, time.monotonic() - began))

    def wait_for(self, code, count=10):
        mark = len(self.answers)
        harness.wait_for(f"answers {code}", lambda: sum(a[0] == code for a in self.answers[mark:]) > count)

    def stop(self):
        self.is_stopping.set()
        for t in self.threads:
            t.join()
        return self.answers


class TwoGateways(QuotaTest):
    gateways = 2

    @classmethod
    def setUpClass(cls):
        folder = harness.Folder()
        cls.addClassCleanup(folder.remove)
        cls.redis = Redis(folder)
        cls.redis.start()
        cls.addClassCleanup(cls.redis.kill)
        super().setUpClass()

    def setUp(self):
        self.redis.tell("flushall")

    def unavailable(self, how):
        self.configure(how)
        for gate in self.gates:
            self.assertIn("reloaded", gate.reload())

    def is_back(self):
        """Both count in Redis again: what one takes the other lacks."""
        login = f"shop-{time.monotonic_ns()}"

        def are_one():
            self.redis.tell("flushall")
            for n in range(LIMIT):
                self.send(login, n % 2)
            return self.send(login, 0)[0] == 451 and self.send(login, 1)[0] == 451
        harness.wait_for("one limit for both", are_one, 30, every=0.5)

    def test_one_limit_for_both(self):
        codes = [self.send("shop-1", n % 2)[0] for n in range(LIMIT)]
        self.assertEqual(codes, [250] * LIMIT)
        self.assert_used_up("shop-1")
        self.assertEqual(self.send("shop-2", 1)[0], 250)

    def test_both_at_once_take_no_more_than_there_is(self):
        codes = []

        def run(gateway):
            for _ in range(LIMIT):
                codes.append(self.send("shop-3", gateway)[0])
        threads = [threading.Thread(target=run, args=(n % 2,), daemon=True) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((codes.count(250), codes.count(451)), (LIMIT, 3 * LIMIT))

    def test_local_goes_on_while_redis_is_away(self):
        stream = Stream(self)
        stream.wait_for(250)
        self.assertEqual([self.send("shop-4", 0)[0] for _ in range(LIMIT)], [250] * LIMIT)
        self.redis.kill()
        stream.wait_for(250)
        # Each counts alone now.
        for gateway in (0, 1):
            self.assertEqual([self.send("shop-5", gateway)[0] for _ in range(LIMIT)], [250] * LIMIT)
        self.assert_used_up("shop-5")
        self.redis.start()
        self.is_back()
        self.redis.freeze(True)
        stream.wait_for(250)
        self.redis.freeze(False)
        self.is_back()
        answers = stream.stop()
        self.assertEqual({code for code, _, _ in answers}, {250})
        self.assertLess(max(seconds for _, _, seconds in answers), 5)
        for gate in self.gates:
            told = [line for line in gate.log().splitlines() if '"level":"error"' in line]
            self.assertIn("does not answer", told[0])
            self.assertLess(len(told), 16, told)  # a few for each time, not one for each message

    def test_defer_lets_nothing_pass_while_redis_is_away(self):
        self.unavailable("defer")
        try:
            stream = Stream(self)
            stream.wait_for(250)
            for away, back in ((self.redis.kill, self.redis.start),
                               (lambda: self.redis.freeze(True), lambda: self.redis.freeze(False))):
                away()
                stream.wait_for(451)
                mark = len(stream.answers)
                stream.wait_for(451)
                self.assertEqual({code for code, _, _ in stream.answers[mark:]}, {451})
                back()
                stream.wait_for(250)
            answers = stream.stop()
            self.assertEqual({code for code, _, _ in answers}, {250, 451})
            self.assertLessEqual({words.split(" (")[0] for code, words, _ in answers if code == 451},
                                 {"4.3.0 What was sent before cannot be looked up at present",
                                  "4.3.0 The suppression list cannot be looked up at present"})
            self.assertLess(max(seconds for _, _, seconds in answers), 5)
        finally:
            self.unavailable("local")
            self.is_back()
