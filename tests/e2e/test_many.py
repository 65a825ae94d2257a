"""Many signed messages of all shapes through Postfix; E2E_MESSAGES says how many, see ten-thousand."""
import collections
import email.utils
import os
import random
import re
import sys
import tempfile
import threading
import time

import harness
from signatures import delivered_files, signatures
from test_keys import KeysTest

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "suites"))
import sign_others  # noqa: E402

COUNT = int(os.environ.get("E2E_MESSAGES", "200"))
CONNECTIONS = 6
PER_CONNECTION = 50
SAMPLE = 20
FOREIGN = (b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=elsewhere.example; s=x%d;\n\th=from:to:subject;\n"
           b"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\tb=" + b"Zm9v" * 60 + b"\n")


def fields(rng, token, more=b""):
    return (more + b"From: Alice <a@example.org>\nTo: b@example.com\nSubject: " + token + b"\nMessage-ID: <" + token +
            b"@example.org>\nDate: " + email.utils.formatdate().encode() + b"\n")


def plain(rng, token):
    return fields(rng, token), b"Hello,\nhere is nothing special.\n" * rng.randrange(1, 20)


def folded(rng, token):
    to = b",\n\t".join(b"\"Person %d\" <p%d@example.com>" % (i, i) for i in range(rng.randrange(1, 40)))
    return fields(rng, token, b"X-First: 1\nCc: " + to + b"\nReferences:" + b"\n <1234567890@example.org>" * 20 + b"\n"), b"x\n"


def eight_bit(rng, token):
    mime = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return fields(rng, token, mime), "Gr\u00fc\u00dfe aus K\u00f6ln \u2028 \u20ac\n".encode() * rng.randrange(1, 50)


def leading_dots(rng, token):
    return fields(rng, token), b"".join(rng.choice([b".\n", b"..\n", b".word\n", b"...\n", b"\n"]) for _ in range(30)) + b"end\n"


def empty_body(rng, token):
    return fields(rng, token), b""


def blank_lines(rng, token):
    return fields(rng, token), rng.choice([b"", b"text \t\n", b" \n"]) + b"\n" * rng.randrange(1, 20)


def long_lines(rng, token):
    return fields(rng, token), (b"w" * 998 + b"\n") * rng.randrange(1, 30)


def large(rng, token):
    return fields(rng, token), b"".join(b"line %d of a large message\n" % i for i in range(rng.randrange(1000, 8000)))


def signed_by_others(rng, token):
    more = b"".join(FOREIGN % i for i in range(rng.randrange(1, 20)))
    more += b"Authentication-Results: mx.example.com; dkim=pass header.d=bank.example\n" * rng.randrange(3)
    return fields(rng, token, more), b"Seen by many.\n"


def many_fields(rng, token):
    return fields(rng, token, b"".join(b"X-Field-%d: %s\n" % (i, b"v" * rng.randrange(200)) for i in range(200))), b"x\n"


def made(rng, token):
    """Folds, blanks, NUL, 8-bit, everywhere."""
    # libmilter loses a first field whose value begins with a fold.
    header, body = sign_others.made_message(rng, True).split(b"\n\n", 1)
    return b"X-First: " + token + b"\n" + header + b"\n", body


SHAPES = (plain, folded, eight_bit, leading_dots, empty_body, blank_lines, long_lines, large, signed_by_others, many_fields,
          made)


class Many(KeysTest):
    shapes = SHAPES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish("b1", "e1")

    def setUp(self):
        self.bodies = {}    # what was sent, by token
        self.accepted, self.refused = [], []
        self.threads = []

    def run_client(self, numbers):
        rng = random.Random(numbers[0])
        for start in range(0, len(numbers), PER_CONNECTION):
            with self.connect() as c:
                for number in numbers[start:start + PER_CONNECTION]:
                    token = b"m%06d." % number
                    header, body = self.shapes[number % len(self.shapes)](rng, token)
                    self.bodies[token] = body
                    answer = c.send("a@example.org", ["b@example.com"], header + b"\n" + body)
                    (self.accepted if answer[0] == 250 else self.refused).append(token)

    def verify(self, path):
        """The token, and what is wrong with the message or None."""
        with open(path, "rb") as f:
            raw = f.read()
        token = re.search(rb"^(?:Subject|X-First): (m\d{6}\.)$", raw, re.MULTILINE)
        if token is None:
            return None, "nobody sent this"
        header, _, body = raw.partition(b"\n\n")
        if body != self.bodies[token.group(1)]:
            return token.group(1), "the body is another"
        found = signatures(raw.replace(b"\n", b"\r\n"), self.records)
        if found[:2] != [("example.org", "b1"), ("example.org", "e1")]:
            return token.group(1), f"signatures: {found}"
        return token.group(1), None

    def say(self, words):
        if COUNT > 1000:
            print(f"{time.monotonic() - self.began:6.0f} s  {words}", flush=True)

    def test_each_is_delivered_unchanged_and_verifies(self):
        self.wait_for_selectors("b1", "e1")
        seen = set(delivered_files(self.postfix))
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self.run_client, args=(range(n, COUNT, CONNECTIONS),), daemon=True)
                        for n in range(CONNECTIONS)]
        for t in self.threads:
            t.start()
        count, wrong, sample = collections.Counter(), [], []
        told = self.began
        while any(t.is_alive() for t in self.threads) or sum(count.values()) < len(self.accepted):
            new = [path for path in delivered_files(self.postfix) if path not in seen]
            seen.update(new)
            for path in new:
                token, trouble = self.verify(path)
                count[token] += 1
                if trouble:
                    wrong.append((token, trouble))
            if len(sample) < SAMPLE:
                sample += new[:SAMPLE - len(sample)]
            if not new:
                self.assertLess(time.monotonic() - told, 60, "nothing has come for a minute")
                time.sleep(0.1)
            elif time.monotonic() - told > 5:
                told = time.monotonic()
                self.say(f"{len(self.accepted)} accepted, {sum(count.values())} delivered and verified, {len(wrong)} wrong")
        self.assertEqual((self.refused, wrong), ([], []))
        self.assertEqual(len(self.accepted), COUNT)
        self.assertEqual(count, collections.Counter(self.accepted), "each exactly once")
        self.say(f"{COUNT} messages, {2 * COUNT} signatures good by dkimpy, none lost, changed or unsigned: "
                 f"{COUNT / (time.monotonic() - self.began):.0f} messages/s")
        self.verify_with_opendkim(sample)

    def verify_with_opendkim(self, paths):
        with tempfile.TemporaryDirectory(prefix="gatepost-many-") as folder:
            with open(os.path.join(folder, "records"), "w", encoding="ascii") as f:
                f.write("".join(f"{name} {text}\n" for name, text in self.records.items()))
            names = []
            for path in paths:
                with open(path, "rb") as f:
                    raw = f.read().replace(b"\n", b"\r\n")
                if b"elsewhere.example" in raw or b"X-First" in raw:
                    continue  # opendkim-testmsg looks at all signatures, and takes one To only
                names.append(os.path.basename(path))
                with open(os.path.join(folder, names[-1]), "wb") as f:
                    f.write(raw)
            self.assertEqual(sign_others.verify_with_opendkim(folder, names), 0)
