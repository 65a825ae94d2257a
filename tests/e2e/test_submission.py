"""The shipped example of workflows and ports behind real STARTTLS, SMTPS and SASL: who may send, and what others hear."""
import email.utils
import glob
import json
import os
import re
import shutil
import ssl
import subprocess

import harness
import logins
from base import HouseTest
from signatures import delivered, delivered_with, signatures

SHIPPED = os.path.join(harness.SOURCE, "policies")
HOST, RELAY, SMTPS, SUBMISSION = harness.mail_ports()
KEYS = {"billing-rsa": ("billing.example.com", "b2026", "rsa"), "billing-ed": ("billing.example.com", "e2026", "ed25519"),
        "news-rsa": ("news.example.com", "n2026", "rsa"), "staff-rsa": ("example.com", "s2026", "rsa"),
        "host-rsa": ("host.example.com", "h2026", "rsa")}
INVOICE = ("bounce+4711@billing.example.com", "invoices@billing.example.com")
ONE_CLICK = "List-Unsubscribe: <https://news.example.com/u/1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"


def example():
    """policies/examples/50-workflows.conf, at our ports."""
    with open(os.path.join(SHIPPED, "examples", "50-workflows.conf"), encoding="utf-8") as f:
        text = f.read()
    for known, port in ((25, RELAY), (465, SMTPS), (587, SUBMISSION)):
        text = re.sub(rf"\b{known}\b", str(port), text)
    return text


def mail(subject, sender, more=""):
    return (f"From: {sender}\nTo: b@example.com\nSubject: {subject}\nMessage-ID: <{subject}@example.com>\n"
            f"Date: {email.utils.formatdate()}\n{more}\nbody of {subject}\n")


class Submission(HouseTest):
    @classmethod
    def setUpClass(cls):
        folder = harness.Folder()
        cls.authority, cls.others = (logins.Authority(folder, name) for name in ("Partner CA 1", "Any CA"))
        certificate, key = cls.authority.issue("mx.example.com")
        cls.dovecot = logins.Dovecot(folder, ["billing-app", "news-2", "ann", "old-app"])
        policies = folder("gate", "policies")
        os.makedirs(policies)
        for path in glob.glob(SHIPPED + "/*.conf") + [SHIPPED + "/forwarders.txt"]:
            shutil.copy(path, policies)
        cls.workflows = policies + "/50-workflows.conf"
        cls.gate = harness.Gatepost(folder, policies)
        # Whatever a careless main.cf lets through is here for Gatepost to refuse.
        settings = {
            **cls.dovecot.settings(), "smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "no",
            "smtpd_tls_cert_file": certificate, "smtpd_tls_key_file": key,
            "smtpd_tls_CAfile": cls.authority.certificate, "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_protocols": ">=TLSv1", "smtpd_tls_ciphers": "low", "tls_low_cipherlist": "ALL:@SECLEVEL=0",
            "smtpd_tls_mandatory_protocols": ">=TLSv1", "smtpd_tls_mandatory_ciphers": "low",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "internal_mail_filter_classes": "bounce", "myorigin": "host.example.com"}
        cls.postfix = harness.Postfix(
            folder, cls.gate.milter, ("example.com", "billing.example.com", "host.example.com"), settings=settings,
            services={RELAY: {}, SUBMISSION: {}, SMTPS: {"smtpd_tls_wrappermode": "yes"}}, host=HOST)
        cls.house, cls.folder = harness.House.of(folder, cls.gate, cls.postfix), folder
        cls.write(example())
        for name, (domain, selector, kind) in KEYS.items():
            cls.gatepost("key", "new", name, "--domain", domain, "--selector", selector, "--type", kind)
        cls.records = {k["record_name"]: k["record"] for name in KEYS
                       for k in json.loads(cls.gatepost("key", "show", name, "--json"))}
        cls.gate.zone("".join(f'{name} TXT "{text[:200]}" "{text[200:]}"\n' for name, text in cls.records.items()))
        cls.dovecot.start()
        cls.house.start()

    @classmethod
    def tearDownClass(cls):
        cls.dovecot.stop()
        super().tearDownClass()

    @classmethod
    def gatepost(cls, *args):
        return subprocess.run([cls.gate.binary, *args, "-c", cls.gate.config_path], check=True, capture_output=True,
                              text=True).stdout

    @classmethod
    def write(cls, text):
        with open(cls.workflows, "w", encoding="utf-8") as f:
            f.write(text)

    def connect(self, port, login=None, tls=True, address="192.0.2.10"):
        """tls: a context, the usual one (True) or none."""
        context = self.authority.context() if tls is True else tls
        if context:
            context.check_hostname = False  # the name is of the address, not of the test
        c = self.client(address, "app.example.com", port=port, tls=context if port == SMTPS else None)
        if context and port != SMTPS:
            c.starttls(context)
        if login is not None:
            self.assertEqual(c.login(login, self.dovecot.password(login))[0], 235)
        return c

    def send(self, port, login, sender, text, recipient="b@example.com", **more):
        with self.connect(port, login, **more) as c:
            return c.send(sender, [recipient], text)

    def refused(self, answer, code, words):
        """All that the client reads, but for the id at its end."""
        self.assertEqual((answer[0], re.sub(r"\bid \w{16}\)$", "id)", answer[1])), (code, words))

    # Who may send.

    def test_three_workflows_each_sign_with_their_own_keys(self):
        for port, tls_port in ((SUBMISSION, "starttls"), (SMTPS, "smtps")):
            for login, (sender, author), more, wanted in (
                    ("billing-app", INVOICE, "Reply-To: support@example.com\n",
                     [("billing.example.com", "b2026"), ("billing.example.com", "e2026")]),
                    ("news-2", ("x@news.example.com", "list@news.example.com"), ONE_CLICK, [("news.example.com", "n2026")]),
                    ("ann", ("ann@example.com", "ann@example.com"), "", [("example.com", "s2026")])):
                token = f"{login}-{tls_port}"
                code, words = self.send(port, login, sender, mail(token, author, more))
                self.assertEqual(code, 250, words)
                self.assertEqual(signatures(delivered_with(self.postfix, token), self.records), wanted)
                record = self.gate.record_with(header__subject=token)
                self.assertEqual((record["listener"]["port"], record["auth"]["login"], record["auth"]["method"],
                                  record["tls"]["version"]), (port, login, "PLAIN", "TLSv1.3"))

    def test_a_partner_is_known_by_a_certificate_that_was_verified(self):
        partner = ("bounces@partner.example", mail("partner", "orders@partner.example"))
        good = self.authority.issue("relay.partner.example")
        code, words = self.send(RELAY, None, *partner, tls=self.authority.context(certificate=good))
        self.assertEqual(code, 250, words)
        record = self.gate.record_with(header__subject="partner")
        self.assertEqual(record["workflow"]["name"], "partner")
        self.assertEqual((record["tls"]["cert_subject"], record["tls"]["cert_issuer"]),
                         ("relay.partner.example", "Partner CA 1"))
        self.refused(self.send(RELAY, None, *partner, tls=self.authority.context(ssl.TLSVersion.TLSv1_2, certificate=good)),
                     554, "5.7.0 The TLS version is not good enough: it is TLSv1.2, needed is TLSv1.3 (id)")

        # The same name by an authority that Postfix does not know, another name by the right one, no certificate.
        for certificate in (self.others.issue("relay.partner.example"), self.authority.issue("other.example"), None):
            answer = self.send(RELAY, None, *partner, tls=self.authority.context(certificate=certificate))
            self.refused(answer, 550, "5.7.1 Mail from orders@partner.example is taken from its "
                         "own system only, or signed by it (DKIM) (id)")

    def test_mail_of_this_host_is_one_workflow(self):
        self.postfix.sendmail("root@host.example.com", ["b@example.com"], mail("cron", "root@host.example.com"))
        self.assertEqual(signatures(delivered_with(self.postfix, "Subject: cron"), self.records),
                         [("host.example.com", "h2026")])
        self.postfix.sendmail("root@host.example.com", ["b@example.com"], mail("forged-here", INVOICE[1]))
        returned = delivered_with(self.postfix, "forged-here")
        self.assertIn("From: Mail Delivery System <MAILER-DAEMON@host.example.com>", returned.decode())
        self.assertIn("The From address invoices@billing.example.com may not be used here",
                      " ".join(returned.decode().split()))

    def test_bounces_are_signed_where_a_workflow_says_so(self):
        token = "bounce-of-the-list"
        code, words = self.send(SMTPS, "news-2", "", mail(token, "mailer@news.example.com", ONE_CLICK))
        self.assertEqual(code, 250, words)
        self.assertEqual(signatures(delivered_with(self.postfix, token), self.records), [("news.example.com", "n2026")])
        # Postfix's own, about a recipient that nobody delivers to.
        self.postfix.sendmail("root@host.example.com", ["x@example.net"], mail("to-nobody", "root@host.example.com"))
        bounce = delivered_with(self.postfix, "no mail leaves this instance")
        self.assertIn(b"From: Mail Delivery System <MAILER-DAEMON@host.example.com>", bounce)
        self.assertEqual(signatures(bounce, self.records), [("host.example.com", "h2026")])

    # What others hear.

    def test_wrong_identity(self):
        allowed = "may not be used here, allowed is "
        billing = " (rule workflow:billing, id)"
        for login, sender, text, code, words in (
                ("billing-app", "invoices@billing.example.com", mail("x", INVOICE[1]), 550,
                 "5.7.1 The envelope sender <invoices@billing.example.com> " + allowed +
                 "bounce+*@billing.example.com" + billing),
                ("billing-app", INVOICE[0], mail("x", "boss@example.com"), 550,
                 "5.7.1 The From address boss@example.com " + allowed + "invoices@billing.example.com" + billing),
                ("billing-app", INVOICE[0], mail("x", INVOICE[1], "Reply-To: thief@example.org\n"), 550,
                 "5.7.1 The Reply-To address thief@example.org " + allowed +
                 "*@billing.example.com or support@example.com" + billing),
                ("billing-app", "", mail("x", INVOICE[1]), 550,
                 "5.7.1 An empty envelope sender " + allowed + "bounce+*@billing.example.com" + billing),
                ("news-2", "x@news.example.com", mail("x", "list@news.example.com"), 550,
                 "5.6.0 Bulk mail needs List-Unsubscribe with an https address (RFC 8058) "
                 "(rule outbound-bulk-no-address, id)"),
                ("old-app", "ann@example.com", mail("x", "ann@example.com"), 550,
                 f"5.7.1 The login old-app may not send mail here on port {SUBMISSION}: no workflow is for it, ask the postmaster "
                 "(rule workflows, id)")):
            answer = self.send(SUBMISSION, login, sender, text)
            with self.subTest(login=login, answer=answer):
                self.refused(answer, code, words)

    def test_a_client_of_another_network(self):
        answer = self.send(SUBMISSION, "billing-app", INVOICE[0], mail("x", INVOICE[1]), address="198.51.100.9")
        self.refused(answer, 550, "5.7.1 This mail may not be sent so: client.ip is 198.51.100.9, wanted 192.0.2.0/24 "
                     "or 2001:db8:1::/48 (rule workflow:billing, id)")

    def test_a_login_on_the_relay_port_hears_which_port_to_use(self):
        answer = self.send(RELAY, "ann", "ann@example.com", mail("x", "ann@example.com"))
        low, high = sorted((SMTPS, SUBMISSION))
        self.refused(answer, 550, f"5.7.1 Mail with a login is not taken on port {RELAY}, send it on port {low} or {high} "
                     "(rule ports:relay, id)")

    def test_submission_without_tls_or_login(self):
        or_smtps = ", or use port 465" if SMTPS == 465 else ""
        for login, rule in ((None, ""), ("ann", "rule ports:submission, ")):
            answer = self.send(SUBMISSION, login, "ann@example.com", mail("x", "ann@example.com"), tls=None)
            self.refused(answer, 530, f"5.7.0 Must issue a STARTTLS command first{or_smtps}: mail is taken over TLS only "
                         f"({rule}id)")
        for port in (SUBMISSION, SMTPS):
            answer = self.send(port, None, "ann@example.com", mail("x", "ann@example.com"))
            self.refused(answer, 530, "5.7.0 Authentication required: log in with AUTH first; mail servers use port "
                         "25 (id)")

    def test_old_tls(self):
        old = self.authority.context(ssl.TLSVersion.TLSv1_1)
        for port in (SUBMISSION, SMTPS):
            self.refused(self.send(port, "ann", "ann@example.com", mail("x", "ann@example.com"), tls=old), 538,
                         "5.7.11 The TLS version is not good enough: it is TLSv1.1, needed is TLSv1.2 or TLSv1.3 "
                         "(rule ports:submission, id)")

    def test_stricter_workflows_and_ports(self):
        """A port, an authentication mechanism and bits that the example does not ask for."""
        text = example().replace("min_bits = 128", "min_bits = 256")
        text = text.replace('login = [ "ann", "bob" ]; }; };', 'login = [ "ann", "bob" ]; }; };\n'
                            f'    require  = {{ listener = {{ port = {SMTPS}; }}; auth = {{ method = "CRAM-MD5"; }}; }};')
        self.write(text[:text.index("tests = (")])
        self.assertIn("reloaded", self.gate.reload())
        try:
            ann = ("ann@example.com", mail("strict", "ann@example.com"))
            self.refused(self.send(SUBMISSION, "ann", *ann), 550,
                         f"5.7.1 Mail of this login is taken on port {SMTPS}, not on {SUBMISSION} (rule workflow:staff, id)")
            self.refused(self.send(SMTPS, "ann", *ann), 534,
                         "5.7.9 The authentication mechanism PLAIN is not taken here, needed is CRAM-MD5 "
                         "(rule workflow:staff, id)")
            few = self.authority.context(ssl.TLSVersion.TLSv1_2, "ECDHE+AES128")
            self.refused(self.send(SMTPS, "ann", *ann, tls=few), 538,
                         "5.7.11 The TLS cipher's strength in bits is not good enough: it is 128, needed is at least 256 "
                         "(rule ports:submission, id)")
            with self.connect(SMTPS) as c:
                c.smtp.user, c.smtp.password = "ann", self.dovecot.password("ann")
                self.assertEqual(c.smtp.auth("CRAM-MD5", c.smtp.auth_cram_md5)[0], 235)
                self.assertEqual(c.send(ann[0], ["b@example.com"], ann[1])[0], 250)
        finally:
            self.write(example())
            self.gate.reload()

    def test_z_nothing_of_a_workflow_was_delivered_unsigned(self):
        """The last by its name: looks at what the others left."""
        for raw in delivered(self.postfix):
            found = signatures(raw, self.records)
            self.assertNotIn(None, found)
            self.assertTrue(found or b"partner.example" in raw or b"Subject: forged-here" in raw, raw.decode())
