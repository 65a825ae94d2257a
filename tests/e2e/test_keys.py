"""Keys on their way from pending to gone, and many messages signed with them, behind Postfix."""
import json
import os
import random
import subprocess
import sys
import threading

import harness
from base import HouseTest, message
from signatures import all_delivered, delivered, delivered_files, delivered_with, signatures

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "suites"))
import sign_others  # noqa: E402

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

    @classmethod
    def setUpClass(cls):
        house = harness.House(POLICY, options='sign = { overlap = "1h"; };\n')
        logins = harness.Logins(house.folder("logins"))
        house.postfix = harness.Postfix(house.folder, house.gate.milter,
                                        settings=logins.settings())
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
        tries = iter(range(1000))

        def look():
            token = f"look-{'-'.join(wanted)}-{next(tries)}."
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


class Volume(KeysTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish("b1", "e1")

    def test_whatever_postfix_stores_verifies(self):
        """Folds, blanks, 8-bit, NUL, dots, blank lines, in header and body."""
        self.wait_for_selectors("b1", "e1")
        rng = random.Random(1)
        before = len(delivered_files(self.postfix))
        tokens = [f"shape-{i:04}." for i in range(int(100 * SCALE))]
        with self.connect() as c:
            for token in tokens:
                # libmilter loses a first field whose value begins with a fold.
                text = b"X-First: 1\n" + sign_others.made_message(rng, True) + b".\n" + token.encode() + b"\n"
                code, words = c.send("a@example.org", ["b@example.com"], text)
                self.assertEqual(code, 250, words)
        for raw in all_delivered(self.postfix, before + len(tokens)):
            self.assertEqual(self.selectors(raw), ["b1", "e1"])

    def test_none_of_many_leaves_unsigned_while_keys_come_and_go(self):
        self.wait_for_selectors("b1", "e1")
        before = len(delivered_files(self.postfix))
        per_thread = int(60 * SCALE)
        told = []

        def run(number):
            with self.connect() as c:
                for i in range(per_thread):
                    told.append(c.send("a@example.org", ["b@example.com"], message(f"many-{number}-{i}.")))

        threads = [threading.Thread(target=run, args=(n,)) for n in range(5)]
        for t in threads:
            t.start()
        selectors = ("b1", "e1")
        while any(t.is_alive() for t in threads):
            selectors = ("e1",) if selectors == ("b1", "e1") else ("b1", "e1")
            self.publish(*selectors)
            threads[0].join(0.3)
        self.publish("b1", "e1")
        for t in threads:
            t.join()
        self.assertEqual({code for code, _ in told} - {250, 451}, set())
        signed = sum(code == 250 for code, _ in told)
        self.assertGreater(signed, 0)
        self.assertGreater(len(told) - signed, 0)
        self.assertEqual({words[:5] for code, words in told if code == 451}, {"4.7.5"})
        for raw in all_delivered(self.postfix, before + signed, 120):
            self.assertEqual(self.selectors(raw), ["b1", "e1"])

