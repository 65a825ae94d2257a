"""Keys on their way from pending to gone, and what is sent meanwhile, behind Postfix."""
import itertools
import json
import os
import subprocess
import threading

import harness
from base import HouseTest, message
from signatures import all_delivered, delivered, delivered_files, delivered_with, signatures

SCALE = float(os.environ.get("E2E_SCALE", "1"))
POLICY = """
workflows = (
  { name     = "billing";
    match    = { auth = { login = "billing"; }; };
    identity = { mail_from = [ "*@example.org" ]; from = [ "*@example.org" ]; };
    sign     = ( { domain = "example.org"; key = "billing"; }, { domain = "example.org"; key = "second"; } ); }
);
"""


class KeysTest(HouseTest):
    """Two keys made by `gatepost key`, RSA and Ed25519, of a workflow that names no selector."""
    tries = itertools.count()

    @classmethod
    def setUpClass(cls):
        house = harness.House(POLICY, options='sign = { overlap = "1h"; };\n', mta=cls.mta)
        house.postfix = cls.mta(house.folder, house.gate.milter, settings=cls.mta.logins(house.folder).settings())
        cls.house, cls.gate, cls.postfix, cls.folder = house, house.gate, house.postfix, house.folder
        cls.key("new", "billing", "--domain", "example.org", "--selector", "b1")
        cls.key("new", "second", "--domain", "example.org", "--selector", "e1", "--type", "ed25519")
        house.start()

    @classmethod
    def key(cls, *args, code=0):
        done = subprocess.run([cls.gate.binary, "key", *args, "-c", cls.gate.config_path], capture_output=True, text=True,
                              check=False)
        if done.returncode != code:
            raise AssertionError(f"key {args}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout

    @classmethod
    def publish(cls, *selectors):
        """The zone has these records; the daemon reads it and looks for its keys again."""
        cls.records = {k["record_name"]: k["record"] for name in ("billing", "second")
                       for k in json.loads(cls.key("show", name, "--json")) if k.get("selector") in selectors}
        cls.gate.zone("".join(f'{name} TXT "{text[:200]}" "{text[200:]}"\n' for name, text in cls.records.items()))
        assert "reloaded" in cls.gate.reload()

    def connect(self):
        c = self.client("192.0.2.50", "app.example", timeout=120)
        c.login("billing", "billing")
        return c

    def send(self, text):
        with self.connect() as c:
            return c.send("a@example.org", ["b@example.com"], text)

    def selectors(self, raw):
        """Of the signatures, which must all be good."""
        found = signatures(raw, self.records)
        self.assertNotIn(None, found, raw.decode("latin-1"))
        return [selector for _, selector in found]

    def wait_for_selectors(self, *wanted):
        """Messages are sent until they are signed with these; none is ever sent unsigned."""
        def look():
            token = f"look-{'-'.join(wanted)}-{next(self.tries)}."
            code, words = self.send(message(token))
            self.assertIn(code, (250, 451), words)
            if code == 451:
                self.assertEqual(words[:5], "4.7.5")
                return False
            return self.selectors(delivered_with(self.postfix, token)) == list(wanted)
        harness.wait_for(f"signatures by {wanted}", look, every=0.2)


class Rotation(KeysTest):
    def test_from_pending_to_gone(self):
        # Nothing is published: nothing leaves, and the sender hears why.
        code, words = self.send(message("too early"))
        self.assertEqual((code, words[:5]), (451, "4.7.5"))
        self.assertIn("b1._domainkey.example.org: no such record", words)
        record = self.gate.record_with(sign__status="failed")
        self.assertIn("no such record", record["sign"]["reason"])

        # One of two is as good as none.
        self.publish("b1")
        code, words = harness.wait_for("the first key to be seen", lambda: (
            lambda a: a if "e1._domainkey" in a[1] else None)(self.send(message("half"))))
        self.assertEqual((code, words[:5]), (451, "4.7.5"))

        # Published: it signs at once; the state is written down by the command.
        self.publish("b1", "e1")
        self.wait_for_selectors("b1", "e1")
        self.assertIn("billing b1 is active", self.key("check"))
        self.assertEqual(self.send(message("before the change"))[0], 250)
        early = delivered_with(self.postfix, "before the change")

        # The next version, known to the daemon, signs only once it is published.
        self.key("rotate", "billing", "--selector", "b2")
        self.assertIn("reloaded", self.gate.reload())
        self.wait_for_selectors("b1", "e1")
        self.assertIn("not published", self.key("check", "billing", code=1))
        self.publish("b1", "e1", "b2")
        self.wait_for_selectors("b2", "e1")
        out = self.key("rotate", "billing")
        self.assertIn("billing b2 is active", out)
        self.assertIn("billing b1 is retiring: keep its record until", out)
        self.assertIn("reloaded", self.gate.reload())
        self.wait_for_selectors("b2", "e1")

        # What is on its way still verifies.
        self.assertEqual(self.selectors(early), ["b1", "e1"])
        listed = {(k["key"], k["selector"]): k for k in json.loads(self.key("list", "--json"))}
        self.assertEqual({name: k["state"] for name, k in listed.items()},
                         {("billing", "b1"): "retiring", ("billing", "b2"): "active", ("second", "e1"): "active"})

        # A record taken down by mistake stops the mail, putting it back lets it go.
        self.publish("b1", "e1")
        harness.wait_for("the loss to be seen", lambda: self.send(message("lost"))[0] == 451)
        self.publish("b1", "e1", "b2")
        self.wait_for_selectors("b2", "e1")
        self.assertIn("its record is published", self.gate.log())
        self.assertEqual([m for m in delivered(self.postfix) if b"DKIM-Signature" not in m], [])


class UnderTraffic(KeysTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish("b1", "e1")

    def test_none_of_many_leaves_unsigned_while_records_come_and_go(self):
        with self.nothing_unsigned() as told:
            for _ in range(int(6 * SCALE)):
                for selectors, code in ((("e1",), 451), (("b1", "e1"), 250)):
                    self.publish(*selectors)
                    told.wait_for(code)
        self.assertEqual({words[:5] for code, words in told.answers if code == 451}, {"4.7.5"})

    def test_none_of_many_leaves_unsigned_while_the_key_is_gone(self):
        path, kept = self.folder("gate", "keys", "billing.b1.pem"), self.folder("kept.pem")
        with open(path, encoding="ascii") as f:
            good = f.read()
        subprocess.run(["openssl", "genrsa", "-out", kept, "2048"], check=True, capture_output=True)
        with open(kept, encoding="ascii") as f:
            other = f.read()

        def write(text):
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        with self.nothing_unsigned() as told:
            # Removed: a reload is refused, and the key in memory goes on.
            os.unlink(path)
            self.assertIn("reload refused", self.gate.reload())
            self.assertIn("the file billing.b1.pem of key", self.gate.log())
            told.wait_for(250)
            # A daemon that starts without it serves all other mail.
            self.gate.kill()
            self.gate.start()
            told.wait_for(451)
            harness.wait_for("the reason", lambda: [words for _, words in told.answers if "could not be loaded" in words])
            self.assertTrue("restore it; what needs it is answered 451" in self.gate.log())
            with self.client("192.0.2.7") as c:
                c.mail("x@stranger.example")
                self.assertEqual(c.rcpt("b@example.com")[0], 250)
            # Another key under its name: its signatures would be bad.
            write(other)
            os.chmod(path, 0o600)
            self.assertIn("reloaded", self.gate.reload())
            told.wait_for(451)
            write(good)
            self.assertIn("reloaded", self.gate.reload())
            told.wait_for(250)

    def nothing_unsigned(self):
        self.wait_for_selectors("b1", "e1")
        return Sending(self)


class Sending:
    """Clients that send without a pause. At the end everything that was accepted is there, and signed twice."""

    def __init__(self, test):
        self.test, self.before = test, len(delivered_files(test.postfix))
        self.answers, self.is_stopping = [], threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(4)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def run(self):
        while not self.is_stopping.is_set():
            with self.test.connect() as c:
                for _ in range(10):
                    self.answers.append(c.send("a@example.org", ["b@example.com"], message("many")))
                    c.command("RSET")

    def wait_for(self, code):
        mark = len(self.answers)
        harness.wait_for(f"answers {code}", lambda: sum(c == code for c, _ in self.answers[mark:]) > 5)

    def __exit__(self, *failure):
        self.is_stopping.set()
        for t in self.threads:
            t.join()
        if failure[0]:
            return
        self.test.assertLessEqual({code for code, _ in self.answers}, {250, 451, 421})
        accepted = sum(code == 250 for code, _ in self.answers)
        count = 0
        for raw in all_delivered(self.test.postfix, self.before + accepted, 120):
            self.test.assertEqual(self.test.selectors(raw), ["b1", "e1"])
            count += 1
        self.test.assertEqual(count, self.before + accepted)
