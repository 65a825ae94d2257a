"""A name server on loopback, UDP and TCP, that lies in the way it is told to."""
import socket
import struct
import threading
import time

TXT, CNAME, SOA = 16, 5, 6
RECORDS = {
    ("example.org", TXT): b"v=spf1 ip4:192.0.2.0/24 -all",
    ("_dmarc.example.org", TXT): b"v=DMARC1; p=reject",
}


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(owner, kind, data, ttl=60):
    return name_bytes(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


class Liar:
    """mode: honest, slow, silent, closed, servfail, nxdomain, empty, wrong-id, wrong-question, wrong-owner, truncated,
    cut, garbage, cname-loop, long-chain, unasked."""

    def __init__(self):
        self.mode = "honest"
        self.questions = 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(20)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def close(self):
        self.udp.close()
        self.tcp.close()

    def _serve_udp(self):
        while True:
            try:
                query, client = self.udp.recvfrom(4096)
            except OSError:
                return
            self.questions += 1
            threading.Thread(target=self._answer_udp, args=(query, client), daemon=True).start()

    def _answer_udp(self, query, client):
        try:
            reply = self.answer(query)
        except (IndexError, struct.error):
            return  # no question: what came to this port was for who had it before
        if reply is not None:
            try:
                self.udp.sendto(reply, client)
            except OSError:
                pass

    def _serve_tcp(self):
        while True:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            client.close()  # what is truncated stays so

    def answer(self, query):
        number, flags = struct.unpack(">HH", query[:4])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name, question, mode = ".".join(labels), query[12:at + 5], self.mode
        data = RECORDS.get((name, kind))
        answers = [record(name, kind, bytes([len(data)]) + data)] if data else []
        rcode = 0 if any(n == name or n.endswith("." + name) for n, _ in RECORDS) else 3
        bits = 0x8180 | (flags & 0x0100)
        if mode == "slow":
            time.sleep(0.15)
        elif mode == "silent":
            return None
        elif mode == "servfail":
            answers, rcode = [], 2
        elif mode == "nxdomain":
            answers, rcode = [], 3
        elif mode == "empty":
            answers, rcode = [], 0
        elif mode == "wrong-id":
            number ^= 0x5555
        elif mode == "wrong-question":
            question = name_bytes("attacker.example") + struct.pack(">HH", kind, 1)
        elif mode == "wrong-owner":
            answers, rcode = [record("attacker.example", kind, b"\x14v=spf1 ip4:0.0.0.0/0")], 0
        elif mode == "truncated":
            answers, bits = [], bits | 0x0200
        elif mode == "garbage":
            return query[:2] + b"\x81\x80" + bytes((i * 37 + 11) % 256 for i in range(300))
        elif mode == "cname-loop":
            answers, rcode = [record(name, CNAME, name_bytes("a." + name)), record("a." + name, CNAME, name_bytes(name))], 0
        elif mode == "long-chain":  # each name leads to a longer one, without end
            other = f"x{len(name)}.{name}"[-60:].lstrip(".")
            answers, rcode = [record(name, CNAME, name_bytes(other))], 0
        elif mode == "unasked":  # an answer, and what was not asked for, to be remembered
            answers.append(record("victim.example", TXT, b"\x0fv=spf1 ip4:0.0.0.0/0"[:16]))
        message = struct.pack(">HHHHHH", number, bits | rcode, 1, len(answers), 0, 0) + question + b"".join(answers)
        return message[:-5] if mode == "cut" else message
