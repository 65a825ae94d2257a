#!/usr/bin/python3
"""Our signatures before verifiers that share no code with us.

Every message of tests/suites/dkim and a few hundred made ones are signed by the program sign_check, with RSA and
Ed25519, and both signatures verified by dkimpy; a change of header or body has to break both. As root also by
opendkim-testmsg, with a DNS server of this script in a network namespace of its own.

Needs python3-dkim and python3-nacl; opendkim-tools for the second part. Skipped (77) without the first.
"""
import glob
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

SKIP = 77
SOURCE = os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("builddir", os.path.join(SOURCE, "build"))

WORDS = [b"word", b"  two", b"\ttab", b"  ", b"\t", b".", b"..", b"", b"line ", b"\xc3\xa4\xff\x80", b"=20", b"From me",
         b"a" * 900, b"\x00nul", b"\x01", b"--", b"\xe2\x80\xa8", b"\x0b\x0c"]
NAMES = [b"From", b"To", b"Cc", b"Subject", b"Date", b"Reply-To", b"Message-ID", b"MIME-Version", b"Content-Type",
         b"List-Unsubscribe", b"List-Unsubscribe-Post", b"References", b"Sender", b"Received", b"X-Any", b"List-Id"]
BLANKS = [b"", b" ", b"  ", b"\t", b"\n ", b"\n\t", b"\n \n\t "]


def case_of(rng, name):
    return rng.choice([name, name, name.lower(), name.upper()])


def made_message(rng, is_strict):
    """A header and a body that strain folding, blanks, repetition and empty lines; is_strict: no repetition."""
    names = [name for name in NAMES[1:] for _ in range(1 if is_strict else rng.choice([0, 1, 1, 1, 2]))] + [b"From"]
    rng.shuffle(names)
    fields = []
    for name in names:
        value = rng.choice(BLANKS)
        for _ in range(rng.randrange(5)):
            value += rng.choice([b"word", b"a@example.org", b"\xc3\xa4", b";", b"b=x", b"\"q\"", b"x" * 200])
            value += rng.choice(BLANKS)
        if is_strict and name in (b"From", b"Sender", b"Reply-To"):
            value = rng.choice([b" ", b"", b"\n\t"]) + b"Alice <a@example.org>"
        fields.append(case_of(rng, name) + rng.choice([b":", b":", b":", b" :"]) + value + b"\n")
    lines = [b"".join(rng.choice(WORDS) for _ in range(rng.randrange(4))) for _ in range(rng.randrange(12))]
    lines += [b""] * rng.choice([0, 0, 1, 3])
    return b"".join(fields) + b"\n" + b"".join(line + b"\n" for line in lines)


class Records:
    def __init__(self, path):
        with open(path, encoding="ascii") as f:
            self.texts = dict(line.rstrip("\n").split(" ", 1) for line in f)

    def txt(self, name, timeout=5):
        text = self.texts.get(name.decode().rstrip("."))
        return None if text is None else text.encode()


def verify(message, records):
    """Results of the first two signatures."""
    import dkim
    results = []
    for index in (0, 1):
        try:
            results.append(dkim.DKIM(message).verify(idx=index, dnsfunc=records.txt))
        except Exception as e:  # what dkimpy cannot read is no pass
            results.append(repr(e))
    return results


def changed(message):
    """The same with another Subject added, and with another body."""
    yield b"Subject: another\r\n" + message
    yield message + b"more\r\n"


class DnsServer(threading.Thread):
    """Answers TXT questions on 127.0.0.1:53 of this namespace."""

    def __init__(self, records):
        super().__init__(daemon=True)
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))

    def run(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(packet), peer)

    def answer(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]])
            at += 1 + packet[at]
        text = self.records.txt(b".".join(labels))
        question = packet[12:at + 5]
        if text is None:
            return packet[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question
        strings = b"".join(bytes([len(text[i:i + 255])]) + text[i:i + 255] for i in range(0, len(text), 255))
        return (packet[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + question + b"\xc0\x0c" +
                struct.pack(">HHIH", 16, 1, 60, len(strings)) + strings)


def verify_with_opendkim(folder, names):
    """Runs in namespaces of its own: this script with --inside."""
    has_all = all(shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") for tool in ("opendkim-testmsg", "unshare", "ip"))
    if not has_all or subprocess.run(["unshare", "-n", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("opendkim-testmsg: not tried (needs root, opendkim-tools and iproute2)")
        return 0
    command = ["unshare", "-n", "-m", sys.executable, os.path.abspath(__file__), "--inside", folder, *names]
    return subprocess.run(command, check=False).returncode


def inside(folder, names):
    resolv = os.path.join(folder, "resolv.conf")
    with open(resolv, "w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", resolv, os.path.realpath("/etc/resolv.conf")], check=True)
    DnsServer(Records(os.path.join(folder, "records"))).start()
    failed = 0
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            message = f.read()
        for is_good, text in [(True, message)] + [(False, text) for text in changed(message)]:
            done = subprocess.run(["/usr/sbin/opendkim-testmsg"], input=text, capture_output=True, check=False)
            if (done.returncode == 0) != is_good:
                print(f"{name}: opendkim-testmsg says {done.returncode} {done.stderr!r}, want a pass: {is_good}")
                failed += 1
    print(f"opendkim-testmsg: {len(names)} messages, {failed} wrong")
    return 1 if failed else 0


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], sys.argv[3:])
    try:
        import dkim  # noqa: F401
        import nacl  # noqa: F401
    except ImportError as e:
        print(e)
        return SKIP
    rng = random.Random(6376)
    with tempfile.TemporaryDirectory(prefix="gatepost-sign-") as folder:
        made = os.path.join(folder, "made")
        os.mkdir(made)
        for i in range(400):
            kind = "strict" if i % 5 == 0 else "made"  # opendkim-testmsg wants one Date, one From, ...
            with open(os.path.join(made, f"{kind}-{i:03}"), "wb") as f:
                f.write(made_message(rng, kind == "strict"))
        out = os.path.join(folder, "out")
        os.mkdir(out)
        sources = sorted(glob.glob(os.path.join(SOURCE, "tests/suites/dkim/*.eml")) + glob.glob(made + "/*"))
        program = os.path.join(BUILD, "tests/suites/sign_check")
        signing = subprocess.run([program, out, *sources], stdout=subprocess.PIPE, text=True, check=False)
        names = sorted(set(os.listdir(out)) - {"records"})
        records = Records(os.path.join(out, "records"))
        failed = 0
        for name in names:
            with open(os.path.join(out, name), "rb") as f:
                message = f.read()
            if (results := verify(message, records)) != [True, True]:
                print(f"{name}: dkimpy says {results}")
                failed += 1
            for text in changed(message):
                if True in verify(text, records):
                    print(f"{name}: dkimpy passes a changed message")
                    failed += 1
        reasons = re.sub(r"^.*?: ", "", signing.stdout, flags=re.MULTILINE).splitlines()
        print(f"dkimpy: {len(names)} messages with two signatures, {failed} wrong; {len(reasons)} not signed:",
              ", ".join(sorted(set(reasons))))
        if failed or len(names) < 500 or signing.returncode:
            return 1
        return verify_with_opendkim(out, [name for name in names if name.startswith("strict-")])


if __name__ == "__main__":
    sys.exit(main())
