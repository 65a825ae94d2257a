"""Real messages through a private Postfix and a private gatepost; called by contrib/try-it.

Shows for each message what the SMTP client saw, what was added, and the decision; ends with 1 if a verdict is not
the expected one.
"""
import os
import signal
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "e2e"))
sys.dont_write_bytecode = True

import dkim  # noqa: E402
import harness  # noqa: E402

ZONE = """\
# example.org does everything right.
example.org                 TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.example.org          TXT "v=DMARC1; p=reject"
s2026._domainkey.example.org TXT "v=DKIM1; k=rsa; p={key}"
mail.example.org            A   192.0.2.10
10.2.0.192.in-addr.arpa     PTR mail.example.org
# bank.example asks receivers to refuse what it did not send.
bank.example                TXT "v=spf1 ip4:192.0.2.20 -all"
_dmarc.bank.example         TXT "v=DMARC1; p=reject"
# shop.example has SPF, and no DMARC policy.
shop.example                TXT "v=spf1 ip4:192.0.2.30 -all"
# club.example asks for quarantine.
club.example                TXT "v=spf1 ip4:192.0.2.40 -all"
_dmarc.club.example         TXT "v=DMARC1; p=quarantine"
# The name servers of silent.example do not answer.
silent.example              *   SERVFAIL
_dmarc.silent.example       *   SERVFAIL
"""


class Message:
    """One message and what must become of it."""

    def __init__(self, title, sender, client, author, code, disposition, rule, results, is_signed=False):
        self.title, self.sender, self.client, self.author = title, sender, client, author
        self.code, self.disposition, self.rule, self.results = code, disposition, rule, results
        self.is_signed = is_signed

    def text(self, number):
        author = f"From: {self.author}\r\n" if self.author else ""
        return (f"{author}To: you@example.com\r\nSubject: {self.title} [try-{number}]\r\n"
                f"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <try-{number}@{self.sender.split('@')[1]}>\r\n"
                f"MIME-Version: 1.0\r\n\r\nHello,\r\nthis is message {number}.\r\n").encode()


MESSAGES = [
    Message("A legitimate message, signed by its domain", "ann@example.org", "192.0.2.10",
            "Ann <ann@example.org>", 250, "accept", None,
            {"spf": "pass", "dkim": "pass", "dmarc": "pass", "iprev": "pass"}, is_signed=True),
    Message("A spoof of a bank, which asks receivers to refuse such mail", "billing@bank.example", "198.51.100.66",
            "Your Bank <billing@bank.example>", 550, "reject", "dmarc-reject", {"spf": "fail", "dmarc": "fail"}),
    Message("A sender that SPF does not allow, of a domain without DMARC", "news@shop.example", "198.51.100.67",
            "Shop <news@shop.example>", 550, "reject", "spf-fail-no-dmarc", {"spf": "fail", "dmarc": "none"}),
    Message("A message without an author", "ann@example.org", "192.0.2.10", None, 550, "reject", "author-unclear", {}),
    Message("A failure for a domain that asks for quarantine: delivered with a mark", "list@club.example",
            "198.51.100.68", "Club <list@club.example>", 250, "accept", None, {"dmarc": "fail"}),
    Message("A message while the DNS of its domain fails", "bob@silent.example", "203.0.113.5",
            "Bob <bob@silent.example>", 451, "defer", "dmarc-not-known-yet", {"dmarc": "temperror"}),
]


def make_key(folder):
    path = folder("dkim.pem")
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", path, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout"], check=True, capture_output=True, text=True)
    with open(path, "rb") as f:
        return f.read(), "".join(public.stdout.splitlines()[1:-1])


def zone_with(key):
    """One TXT string holds 255 bytes at most."""
    return ZONE.replace("{key}", '" "'.join(textwrap.wrap(key, 200)))


def show(label, text):
    for i, line in enumerate(text.splitlines()):
        print(f"   {label if i == 0 else '':<12}{line}")


def show_added(delivered):
    for name, value in delivered.items():
        if name in ("Authentication-Results", "Received-SPF") or name.startswith("X-Gatepost"):
            show("added", f"{name}: {value}".replace("\t", "    "))


def explain(gate, decision_id):
    def why():
        return subprocess.run([gate.binary, "why", "-c", gate.config_path, decision_id],
                              capture_output=True, text=True, check=False).stdout
    return harness.wait_for("gatepost why", why)  # the store has it a moment after the log


def differences(message, answer, record):
    """What is not as it should be."""
    if answer[0] != message.code:
        yield f"the client saw {answer[0]}, not {message.code}"
    if record["disposition"] != message.disposition:
        yield f"the disposition is {record['disposition']}, not {message.disposition}"
    rule = record["decision"].get("rule")
    if message.rule and rule != message.rule:
        yield f"rule {rule} decided, not {message.rule}"
    for method, result in message.results.items():
        if record[method]["result"] != result:
            yield f"{method} is {record[method]['result']}, not {result}"


def send(house, key, number, message):
    text = message.text(number)
    if message.is_signed:
        text = dkim.sign(text, b"s2026", b"example.org", key, canonicalize=(b"relaxed", b"relaxed")) + text
    name = "mail.example.org" if message.client == "192.0.2.10" else None
    helo = "mail." + message.sender.split("@")[1]
    seen = len(house.gate.records())
    with house.postfix.client(message.client, name, helo=helo) as client:
        answer = client.send(message.sender, ["you@example.com"], text)
    record = harness.wait_for("the record", lambda: house.gate.records()[seen:])[0]
    return answer, record


def run_one(house, key, number, message):
    print(f"\n{number}. {message.title}")
    show("from", f"<{message.sender}> at {message.client}, From: {message.author or '(none)'}")
    answer, record = send(house, key, number, message)
    show("client saw", f"{answer[0]} {answer[1]}")
    if answer[0] == 250:
        show_added(house.postfix.mail_with(f"try-{number}"))
    show("decision", explain(house.gate, record["id"]))
    wrong = list(differences(message, answer, record))
    for difference in wrong:
        print(f"   WRONG: {difference}")
    return not wrong


HOW_TO_GO_ON = """
Both keep running until Ctrl-C.

   Postfix listens on 127.0.0.1:{port}; mail for anyone@example.com goes to {inbox}/new
   gatepost.conf, zone, records and log are in {gate}
   policies: {policies}

Send something (XCLIENT lets Postfix take you for another client):

   printf 'EHLO x\\r\\nXCLIENT ADDR=198.51.100.9 NAME=[UNAVAILABLE]\\r\\nEHLO client.example\\r\\nMAIL FROM:<a@shop.example>\\r\\nRCPT TO:<you@example.com>\\r\\nDATA\\r\\nFrom: a@shop.example\\r\\nSubject: hi\\r\\n\\r\\nhello\\r\\n.\\r\\nQUIT\\r\\n' \\
       | python3 -c 'import socket,sys,time; s=socket.create_connection(("127.0.0.1",{port})); [(time.sleep(.2), s.send(l)) for l in sys.stdin.buffer]; print(s.recv(9999).decode())'

Ask why:      {binary} why -c {gate}/gatepost.conf ID
Change it:    edit {gate}/zone or gatepost.conf, then kill -HUP {pid}
"""


def keep_running(house):
    gate = house.gate
    print(HOW_TO_GO_ON.format(port=house.postfix.port, inbox=house.postfix.maildir, gate=house.folder("gate"),
                              policies=gate.policy_folder, binary=gate.binary, pid=gate.process.pid), flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        for again in (signal.SIGINT, signal.SIGTERM):  # an impatient second Ctrl-C would leave Postfix running
            signal.signal(again, signal.SIG_IGN)
        print("\nStopping both.")


def main():
    if sys.argv[1:] not in ([], ["--keep"]):
        print("usage: contrib/try-it [--keep]", file=sys.stderr)
        return 64
    missing = harness.need_root_and_postfix()
    if missing:
        print(missing, file=sys.stderr)
        return 77
    print("Starting a private Postfix and gatepost on loopback ...")
    house = harness.House(os.path.join(harness.SOURCE, "policies"))
    key, public = make_key(house.folder)
    house.gate.zone(zone_with(public))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        house.start()
        right = sum(run_one(house, key, number, message) for number, message in enumerate(MESSAGES, 1))
        print(f"\n{right} of {len(MESSAGES)} messages got the right verdict.")
        if "--keep" in sys.argv:
            keep_running(house)
    finally:
        house.stop()
    return 0 if right == len(MESSAGES) else 1


if __name__ == "__main__":
    sys.exit(main())
