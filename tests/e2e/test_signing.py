"""What workflows send is signed so that an independent verifier agrees, or it does not leave."""
import base64
import os
import re
import subprocess
import unittest

import harness
from base import HouseTest, message, policy
from signatures import delivered_with, signatures

BODIES = {
    "plain": "hello\n",
    "empty": "",
    "blank lines at the end": "hello\n\n\n\n",
    "leading dots": ".\n..two\n.hello\n",
    "long": "x" * 900 + "\n" + "word " * 100 + "\n" * 3,
    "8-bit": "Gr\u00fc\u00dfe aus K\u00f6ln\n",
    "blanks": "a  b\t\tc  \n \n",
}


def new_key(path, kind):
    """A private key file; its record."""
    options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else ["-algorithm", "ED25519"]
    subprocess.run(["openssl", "genpkey", "-out", path, *options], check=True, capture_output=True)
    os.chmod(path, 0o600)
    return public_record(path, kind)


def public_record(path, kind="rsa"):
    """What its record says."""
    done = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], check=True, capture_output=True, text=True)
    public = "".join(done.stdout.splitlines()[1:-1])
    if kind == "ed25519":  # RFC 8463 4.2: the bare key, without its twelve bytes of SubjectPublicKeyInfo
        public = base64.b64encode(base64.b64decode(public)[12:]).decode()
    return f"v=DKIM1; k={kind}; p={public}"


class Signing(HouseTest):
    policies = "signing.conf"

    @classmethod
    def setUpClass(cls):
        house = harness.House(policy(cls.policies), mta=cls.mta)
        house.postfix = cls.mta(house.folder, house.gate.milter, settings=cls.mta.logins(house.folder).settings())
        keys = house.folder("gate", "keys")
        os.makedirs(keys, mode=0o700)
        cls.records = {
            "r1._domainkey.billing.example": new_key(keys + "/billing-rsa.pem", "rsa"),
            "e1._domainkey.billing.example": new_key(keys + "/billing-ed.pem", "ed25519"),
            "n1._domainkey.news.example": new_key(keys + "/news-rsa.pem", "rsa"),
        }
        cls.keys = keys
        house.gate.zone(cls.zone_of(cls.records))
        cls.house = house.start()
        cls.gate, cls.postfix, cls.folder = house.gate, house.postfix, house.folder

    @staticmethod
    def zone_of(records):
        return "".join(f'{name} TXT "{text[:200]}" "{text[200:]}"\n' for name, text in records.items())

    def send(self, login, sender, text):
        with self.client("192.0.2.50", "app.example") as c:
            c.login(login, login)
            code, words = c.command(f"MAIL FROM:<{sender}> BODY=8BITMIME")
            if code != 250:
                return code, words
            c.rcpt("b@example.com")
            return c.data(text)

    def verify(self, raw):
        """How many signatures there are, and domain and selector of those that are good."""
        found = signatures(raw, self.records)
        return len(found), [s for s in found if s]

    def test_two_signatures_verify_whatever_the_body(self):
        for number, (name, body) in enumerate(BODIES.items()):
            with self.subTest(name):
                token = f"sign-{number}"
                text = message(token, body, "invoices@billing.example")
                code, words = self.send("billing", "bounce@billing.example", text)
                self.assertEqual(code, 250, words)
                count, good = self.verify(delivered_with(self.postfix, token))
                self.assertEqual(count, 2)
                self.assertEqual(good, [("billing.example", "r1"), ("billing.example", "e1")])

    def test_folded_and_repeated_fields(self):
        text = message("folded", "x\n", "invoices@billing.example").replace(
            "To: b@example.com", "To: b@example.com,\n\tc@example.com,\n  d@example.com\nX-Long: " + "word " * 60 +
            "\nList-Unsubscribe: <https://billing.example/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click")
        self.assertEqual(self.send("billing", "bounce@billing.example", text)[0], 250)
        raw = delivered_with(self.postfix, "Subject: folded")
        self.assertEqual(self.verify(raw)[1], [("billing.example", "r1"), ("billing.example", "e1")])
        signed = re.search(rb"\sh=([^;]*);", raw).group(1).lower()
        for name in (b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"subject"):
            self.assertIn(name, re.sub(rb"\s", b"", signed).split(b":"))
        self.assertNotIn(b"received", signed)

    def test_an_added_from_breaks_the_signature(self):
        self.assertEqual(self.send("billing", "bounce@billing.example",
                                   message("oversigned", "x\n", "invoices@billing.example"))[0], 250)
        raw = delivered_with(self.postfix, "Subject: oversigned")
        self.assertEqual(len(self.verify(raw)[1]), 2)
        self.assertEqual(self.verify(raw.replace(b"Subject: ", b"From: boss@bank.example\r\nSubject: ", 1))[1], [])

    def test_each_workflow_signs_with_its_own_key_and_strangers_with_none(self):
        self.assertEqual(self.send("news", "n@news.example", message("own-key", "x\n", "n@news.example"))[0], 250)
        self.assertEqual(self.verify(delivered_with(self.postfix, "Subject: own-key")), (1, [("news.example", "n1")]))
        with self.client() as c:
            c.send("x@example.org", ["b@example.com"], message("from-outside", "x\n"))
        self.assertEqual(self.verify(delivered_with(self.postfix, "Subject: from-outside")), (0, []))

    def test_another_workflows_author_and_unknown_logins_are_refused(self):
        code, words = self.send("news", "n@news.example", message("other", "x\n", "invoices@billing.example"))
        self.assertEqual(code, 550, words)
        code, words = self.send("nobody", "n@news.example", message("nobody", "x\n", "n@news.example"))
        self.assertEqual(code, 550, words)

    def test_a_record_that_does_not_match_and_a_missing_key_defer(self):
        wrong = dict(self.records)
        wrong["n1._domainkey.news.example"] = self.records["r1._domainkey.billing.example"]
        self.gate.zone(self.zone_of(wrong))
        self.assertIn("reloaded", self.gate.reload())

        def answer():
            return self.send("news", "n@news.example", message("unsignable", "x\n", "n@news.example"))
        code, words = harness.wait_for("the refusal", lambda: (lambda a: a if a[0] != 250 else None)(answer()))
        self.assertEqual((code, words[:5]), (451, "4.7.5"), words)
        self.gate.zone(self.zone_of(self.records))
        self.assertIn("reloaded", self.gate.reload())
        harness.wait_for("the key to sign again", lambda: answer()[0] == 250)
        os.rename(self.keys + "/news-rsa.pem", self.keys + "/away")
        self.assertIn("reload refused", self.gate.reload())
        self.assertEqual(answer()[0], 250)  # the configuration before goes on, with its key in memory
        os.rename(self.keys + "/away", self.keys + "/news-rsa.pem")


if __name__ == "__main__":
    unittest.main()
