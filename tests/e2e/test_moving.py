"""From OpenDKIM: what contrib/from-opendkim makes of a configuration signs with the same keys, domains and selectors."""
import base64
import os
import re
import shutil
import subprocess

import dkim
import harness
from base import HouseTest, message
from test_signing import new_key, public_record

CONVERTER = os.path.join(harness.SOURCE, "contrib", "from-opendkim")
SUITE = os.path.join(harness.SOURCE, "tests", "suites", "opendkim")


class FromOpenDKIM(HouseTest):
    """The folders of suites/opendkim: etc/ as on the old host; keys: PATH DOMAIN SELECTOR; sends: who sends what."""
    policies = "open.conf"

    @classmethod
    def setUpClass(cls):
        house = harness.House('rules = ( { name = "none"; when = { helo = { name = "none"; }; }; then = { action = "tag"; tag = "x"; }; } );\n')
        logins = harness.Logins(house.folder("logins"))
        house.postfix = harness.Postfix(house.folder, house.gate.milter, settings=logins.settings())
        cls.house = house.start()
        cls.gate, cls.postfix, cls.folder = house.gate, house.postfix, house.folder

    def convert(self, name, code=0):
        """The old host's files, with new keys, and what comes of them in the folder `name`-new."""
        root = self.folder(name)
        shutil.copytree(os.path.join(SUITE, name), root)
        self.records = {}
        for line in self.lines(name, "keys"):
            path, domain, selector = line.split()
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            record = public_record(root + path) if os.path.exists(root + path) else new_key(root + path, "rsa")
            self.records[f"{selector}._domainkey.{domain}."] = record
        done = subprocess.run([CONVERTER, "--root", root, root + "-new"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        with open(root + "-new/REPORT", encoding="utf-8") as f:
            self.assertEqual(f.read(), done.stdout)
        return root + "-new", done.stdout

    def lines(self, name, file):
        path = os.path.join(SUITE, name, file)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            return [line.strip() for line in f if line.strip() and not line.startswith("#")]

    def start(self, folder):
        """The daemon with what was made, beside the shipped policies; only where it listens and asks is the test's."""
        for file in os.listdir(os.path.join(harness.SOURCE, "policies")):
            if re.match(r"\d\d-.*\.conf$|forwarders\.txt$", file):
                shutil.copy(os.path.join(harness.SOURCE, "policies", file), os.path.join(folder, "policies"))
        check = subprocess.run([self.gate.binary, "check", "-c", folder + "/gatepost.conf"], capture_output=True, text=True,
                               timeout=30, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        warnings = [line for line in check.stderr.splitlines() if " warning: " in line and "authserv_id" not in line]
        self.assertEqual(warnings, [])
        with open(folder + "/gatepost.conf", encoding="utf-8") as f:
            made = re.sub(r"^(listen|dns|authserv_id) = .*\n", "", f.read(), flags=re.M)
        zone = "".join(f'{name} TXT "{text[:200]}" "{text[200:]}"\n' for name, text in self.records.items())
        self.gate.stop()
        self.gate.policies(folder + "/policies")
        self.gate.zone(zone)
        self.gate.options = made.replace('policies = "policies";\n', "") + f'keys = "{folder}/keys";\n'
        self.gate.config()
        self.gate.start()

    def send(self, who, sender, author, token):
        """The SMTP answer, "" from sendmail(1)."""
        sender = "" if sender == "<>" else sender
        text = message(token, sender=author)
        if who == "local":
            self.postfix.sendmail(sender, ["b@example.com"], text)
            return 250
        with self.client("192.0.2.50" if who == "login" else who, "app.example") as c:
            if who == "login":
                c.command("AUTH PLAIN " + base64.b64encode(b"\0ann\0ann").decode())
            return c.send(sender, ["b@example.com"], text)[0]

    def signatures(self, token):
        """d/s of each signature; every one has to be good for dkimpy, with the record of the old key."""
        self.postfix.mail_with(token)
        for name in os.listdir(self.postfix.maildir + "/new"):
            with open(os.path.join(self.postfix.maildir, "new", name), "rb") as f:
                raw = f.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            if token.encode() in raw:
                break
        found = []
        verifier = dkim.DKIM(raw)
        for i in range(sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)):
            self.assertTrue(dkim.DKIM(raw).verify(idx=i, dnsfunc=lambda n, timeout=5: self.records[n.decode()].encode()))
            value = [v for n, v in verifier.headers if n.lower() == b"dkim-signature"][i].decode()
            found.append("/".join(re.search(rf"\b{tag}=([^;\s]+)", value).group(1) for tag in "ds"))
        return " ".join(found) or "none"

    def try_sends(self, name):
        for n, line in enumerate(self.lines(name, "sends")):
            who, sender, author, wanted = line.split(None, 3)
            token = f"{name}-{n}."
            with self.subTest(line=line):
                code = self.send(who, sender, author, token)
                if wanted == "refused":
                    self.assertEqual(code, 550)
                else:
                    self.assertEqual(code, 250)
                    self.assertEqual(self.signatures(token), wanted)

    def test_debians_file_with_one_key(self):
        folder, report = self.convert("single")
        self.start(folder)
        self.try_sends("single")
        self.assertIn("unix:/run/gatepost/milter.sock takes the place of local:/run/opendkim/opendkim.sock", report)
        self.assertEqual(os.stat(folder + "/keys").st_mode & 0o777, 0o700)
        self.assertEqual({os.stat(os.path.join(folder, "keys", n)).st_mode & 0o777 for n in os.listdir(folder + "/keys")}, {0o600})

    def test_tables_and_trusted_hosts(self):
        folder, report = self.convert("tables")
        self.start(folder)
        self.try_sends("tables")
        self.assertIn("InternalHosts: *.example.com (a name)", report)

    def test_a_key_in_each_domains_folder(self):
        folder, report = self.convert("percent")
        self.start(folder)
        self.try_sends("percent")
        self.assertIn("SignatureTTL: sign.expires", report)

    def test_several_signatures(self):
        folder, report = self.convert("multiple")
        self.start(folder)
        self.try_sends("multiple")
        self.assertIn("d=esp.example for authors *@news.example.com: no signature of theirs", report)
        self.assertIn("OversignHeaders x-campaign", report)
        self.assertIn("On-BadSignature reject: the rule", report)

    def test_lists_in_the_file_itself(self):
        folder, report = self.convert("inline")
        self.start(folder)
        self.try_sends("inline")
        self.assertIn("InternalHosts: !192.0.2.8", report)
        self.assertIn("PeerList 203.0.113.1: clients that are left out altogether", report)

    def test_subdomains_and_opendmarc(self):
        folder, report = self.convert("subdomains")
        self.start(folder)
        self.try_sends("subdomains")
        with open(folder + "/gatepost.conf", encoding="utf-8") as f:
            made = f.read()
        self.assertIn('trusted_networks = [ "10.0.0.0/8", "198.51.100.7/32" ];', made)
        self.assertIn('authserv_id = "mx.example.com";', made)
        for line in ("RejectString: the rule", "TrustedAuthservIDs: SPF and DKIM are checked here", "SendReports yes"):
            self.assertIn(line, report)
        zone = '_dmarc.bad.example TXT "v=DMARC1; p=reject"\nbad.example TXT "v=spf1 -all"\n_dmarc.partner.example TXT "v=DMARC1; p=reject"\n'
        self.gate.zone(zone)
        self.gate.reload()
        with self.client("192.0.2.99") as c:
            code, text = c.send("a@bad.example", ["b@example.com"], message("not wanted", sender="a@bad.example"))
        self.assertEqual(code, 550)
        self.assertIn("bad.example does not want this", text)
        with self.client("192.0.2.99") as c:
            self.assertEqual(c.send("a@x.example", ["b@example.com"], message("partner", sender="a@partner.example"))[0], 250)

    def test_what_cannot_be_read_is_told_and_exits_with_65(self):
        folder, report = self.convert("broken", code=65)
        self.assertIn("a data set of the type \"dsn\"", report)
        self.assertRegex(report, r"SigningTable: .*/etc/opendkim/missing: No such file")
        self.assertTrue(os.path.exists(folder + "/gatepost.conf"))

    def test_a_wrong_call_writes_nothing(self):
        for args in ([], ["--frob", "x"], [self.folder.path]):
            done = subprocess.run([CONVERTER, *args], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 64, done.stderr)
