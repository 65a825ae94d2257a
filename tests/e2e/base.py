"""What the tests share: a house for each class, and messages."""
import os
import unittest

import harness

POLICIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policies")


def policy(name):
    """The text of a policy file, or a folder as it is."""
    path = os.path.join(POLICIES, name)
    if os.path.isdir(path):
        return path
    with open(path, encoding="utf-8") as f:
        return f.read()


def message(subject, body=None, sender="a@example.org"):
    """A plain message; the subject finds it again."""
    body = f"body of {subject}\n" if body is None else body
    return f"From: Someone <{sender}>\nTo: b@example.com\nSubject: {subject}\nMessage-ID: <{abs(hash(subject))}@example.org>\n" \
           f"Date: Mon, 23 Nov 2026 12:00:00 +0000\n\n{body}"


class HouseTest(unittest.TestCase):
    """One daemon and one Postfix for all tests of the class; at the end the daemon must stop cleanly and silently."""
    policies = None      # name of a file in policies/, or a folder
    zone = ""
    options = ""
    settings = None      # of Postfix
    ports = 1
    mta = harness.Postfix
    house_more = {}      # further arguments of Gatepost

    @classmethod
    def setUpClass(cls):
        cls.house = harness.House(policy(cls.policies), cls.zone, cls.options, cls.settings, cls.ports,
                                 cls.mta, **cls.house_more).start()
        cls.gate, cls.postfix, cls.folder = cls.house.gate, cls.house.postfix, cls.house.folder

    @classmethod
    def tearDownClass(cls):
        cls.postfix.stop()
        code, words = cls.gate.stop(), cls.gate.stderr()
        panics = [line for line in cls.postfix.log().splitlines() if " fatal: " in line or " panic: " in line]
        if os.environ.get("KEEP"):
            print("kept:", cls.folder.path)
        else:
            cls.house.stop()
        if code not in (0, None) or words or panics:
            raise AssertionError(f"the daemon ended with {code} and said: {words}; Postfix said: {panics}")

    def client(self, *args, **more):
        return self.postfix.client(*args, **more)
