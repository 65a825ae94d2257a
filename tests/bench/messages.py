"""What is sent: keys, signed messages, the list that `load` reads, and the DNS records that belong to them.

Signatures are made with dkimpy, so that no verifier here judges its own work.
"""
import base64
import os
import subprocess

import dkim

CLIENT, HELO, DOMAIN, RECIPIENT = "192.0.2.7", "mx.sender.example", "sender.example", "<reader@recipient.example>"
DATE = "Mon, 23 Nov 2026 12:00:00 +0000"
VERIFIED = "dkim=pass,spf=pass,dmarc=pass"
SIGNED_FIELDS = [b"from", b"to", b"subject", b"date", b"message-id"]
WORDS = "It is a truth universally acknowledged that mail which nobody measures grows slow in silence ".split()


class Key:
    def __init__(self, folder, kind):
        self.kind = kind
        self.path = os.path.join(folder, f"bench-{kind}.pem")
        options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else ["-algorithm", "ED25519"]
        subprocess.run(["openssl", "genpkey", "-out", self.path, *options], check=True, capture_output=True)
        os.chmod(self.path, 0o600)
        public = self._der("-pubout")
        # RFC 8463 4.2: the bare key, without its twelve bytes of SubjectPublicKeyInfo
        public = public[12:] if kind == "ed25519" else public
        self.record = f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"

    def _der(self, *options):
        done = subprocess.run(["openssl", "pkey", "-in", self.path, "-outform", "DER", *options], check=True,
                              capture_output=True)
        return done.stdout

    def secret_base64(self):
        """Of an Ed25519 key: its 32 bytes."""
        return base64.b64encode(self._der()[-32:]).decode()

    def sign(self, raw, domain):
        if self.kind == "rsa":
            with open(self.path, "rb") as f:
                secret = f.read()
        else:
            secret = self.secret_base64().encode()
        algorithm = b"rsa-sha256" if self.kind == "rsa" else b"ed25519-sha256"
        return dkim.sign(raw, self.kind.encode(), domain.encode(), secret, include_headers=SIGNED_FIELDS,
                         canonicalize=(b"relaxed", b"relaxed"), signature_algorithm=algorithm)


ATTACHED = 100000  # a body of this size is no text that somebody wrote


def body(size):
    """Lines of text, the last one as long as it must be; a large one is an attachment in base64."""
    if size >= ATTACHED:
        return base64.encodebytes(os.urandom(size * 57 // 78)).decode().replace("\n", "\r\n")
    lines, used, i = [], 0, 0
    while used < size:
        line = " ".join(WORDS[(i + k) % len(WORDS)] for k in range(11))[:max(0, min(74, size - used - 2))]
        lines.append(line)
        used += len(line) + 2
        i += 7
    return "\r\n".join(lines) + "\r\n"


def header(domain, size, more=0):
    kind = ["Content-Type: application/pdf", "Content-Transfer-Encoding: base64"] if size >= ATTACHED \
        else ["Content-Type: text/plain; charset=us-ascii"]
    fields = [f"From: News <news@{domain}>", f"To: {RECIPIENT}", "Subject: What happened this week",
              f"Date: {DATE}", f"Message-ID: <{os.urandom(8).hex()}@{domain}>", "MIME-Version: 1.0",
              *kind, f"Received: from app.{domain} (app.{domain} [192.0.2.77])\r\n\tby {HELO} with ESMTPS id 4F2A;\r\n\t{DATE}"]
    fields += [f"X-Campaign-{i:02}: {'value ' * (i % 9 + 1)}{i}" for i in range(max(0, more - len(fields)))]
    return "\r\n".join(fields) + "\r\n\r\n"


class Messages:
    """Files and lists below a folder."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.keys = {kind: Key(folder, kind) for kind in ("rsa", "ed25519")}
        self.records = {}
        self._publish(DOMAIN, f"v=spf1 ip4:{CLIENT} -all")
        self.records[(HELO, "TXT")] = f"v=spf1 ip4:{CLIENT} -all"
        self.records[(HELO, "A")] = CLIENT
        self.records[(".".join(reversed(CLIENT.split("."))) + ".in-addr.arpa", "PTR")] = HELO

    def _publish(self, domain, spf):
        self.records[(domain, "TXT")] = spf
        self.records[(f"_dmarc.{domain}", "TXT")] = "v=DMARC1; p=reject"
        for kind, key in self.keys.items():
            self.records[(f"{kind}._domainkey.{domain}", "TXT")] = key.record

    def _write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def zone(self):
        return self._write("records", "".join(f"{name} {kind} {text}\n" for (name, kind), text in self.records.items()))

    def message(self, name, size, kinds, domain=DOMAIN, fields=0):
        raw = (header(domain, size, fields) + body(size)).encode()
        signatures = b"".join(self.keys[kind].sign(raw, domain) for kind in kinds)
        return self._write(name + ".eml", signatures + raw)

    def list(self, name, rows):
        """rows: (domain, login or None, expected or None, path)"""
        lines = ["\t".join((CLIENT, HELO, f"<news@{domain}>", RECIPIENT, login or "-", expected or "-", path))
                 for domain, login, expected, path in rows]
        return self._write(name + ".list", "\n".join(lines) + "\n")

    def verify(self, name, size, kinds, expected=VERIFIED, fields=0):
        return self.list(name, [(DOMAIN, None, expected, self.message(name, size, kinds, fields=fields))])

    def sign(self, name, size, login, signatures):
        return self.list(name, [(DOMAIN, login, f"signatures={signatures}", self.message("plain-" + name, size, []))])

    def tampered(self, dkim_word="dkim=fail"):
        path = self.message("tampered", 2000, ["rsa"])
        with open(path, "rb") as f:
            raw = f.read()
        self._write("tampered.eml", raw + b"One line more.\r\n")
        return self.list("tampered", [(DOMAIN, None, f"{dkim_word},spf=pass,dmarc=pass", path)])

    def cold(self, name, count, is_nested):
        """Lists of messages, each from a domain that nobody has asked for yet; SPF behind three includes, which stand
        in each other (four answers depend on each other) or side by side (two)."""
        rows = []
        for i in range(count):
            domain = f"{name}{i}.cold.example"
            parts = [f"{part}.{domain}" for part in ("a", "b", "c")]
            if is_nested:
                texts = [f"v=spf1 include:{parts[0]} -all", f"v=spf1 include:{parts[1]} -all",
                         f"v=spf1 include:{parts[2]} -all", f"v=spf1 ip4:{CLIENT} -all"]
            else:
                texts = ["v=spf1 " + " ".join(f"include:{p}" for p in parts) + " -all", "v=spf1 ip4:192.0.2.1 -all",
                         "v=spf1 ip4:192.0.2.2 -all", f"v=spf1 ip4:{CLIENT} -all"]
            self._publish(domain, texts[0])
            for part, text in zip(parts, texts[1:]):
                self.records[(part, "TXT")] = text
            rows.append((domain, None, VERIFIED, self.message(f"{name}{i}", 2000, ["rsa"], domain)))
        return rows
