"""What the other tests do with Postfix, with Sendmail, and what is Sendmail's own; only behind run-sendmail."""
import json
import re

import harness
import logins
import test_daemon
import test_form
import test_keys
import test_many
import test_signing
import test_stages
import test_traffic
from base import HouseTest, message
from sendmail import ROOT, Sendmail
from signatures import delivered_with

HOST, RELAY, SMTPS, SUBMISSION = harness.mail_ports()
POLICY = f"""
ports = {{
  relay      = {{ port = {RELAY}; forbid = [ "auth" ]; }};
  submission = {{ port = [ {SMTPS}, {SUBMISSION} ]; require = [ "tls", "auth" ]; tls = {{ version = "TLSv1.3"; }}; }};
}};
workflows = (
  {{ name     = "partner";
    match    = {{ tls = {{ cert_subject = "/O=Test/CN=relay.partner.example"; cert_issuer = "/O=Test/CN=Partner+20CA+201"; }}; }};
    identity = {{ from = "orders@partner.example"; }};
    unsigned = true; }},
  {{ name     = "people";
    match    = {{ auth = {{ login = "ann"; }}; }};
    identity = {{ from = "ann@example.com"; }};
    unsigned = true; }},
  {{ name     = "host";
    match    = {{ client = {{ ip = "127.0.0.1"; }}; }};
    identity = {{ from = "root@example.com"; }};
    unsigned = true; }}
);
"""

if ROOT:
    class Answers(test_stages.Answers):
        mta = Sendmail

    class Sessions(test_stages.Sessions):
        mta = Sendmail

    class Signing(test_signing.Signing):
        mta = Sendmail

        def test_what_sendmail_adds_does_not_break_signatures(self):
            text = "From: n@news.example\nTo: b@example.com\nSubject: incomplete\n\nx\n"
            self.assertEqual(self.send("news", "n@news.example", text)[0], 250)
            raw = delivered_with(self.postfix, "Subject: incomplete")
            self.assertIn(b"\r\nDate: ", raw)
            self.assertEqual(self.verify(raw), (1, [("news.example", "n1")]))

    class Rotation(test_keys.Rotation):
        mta = Sendmail

    class Many(test_many.Many):
        mta = Sendmail
        # Sendmail takes what is no address in an address field apart, and puts it together in another way.
        shapes = [shape for shape in test_many.SHAPES if shape is not test_many.made]

    class UnderTraffic(test_traffic.UnderTraffic):
        mta = Sendmail

    class Rights(test_daemon.Rights):
        """The socket and its folder are the daemon's user's."""
        mta = Sendmail

    class OfLogins(test_form.OfLogins):
        """The form of messages, under the shipped rules."""
        mta = Sendmail
        settings = Sendmail.sasl
        test_smtputf8_allows_what_is_beyond_ascii = None  # Debian's Sendmail is built without
        test_strangers_may_write_as_they_like = None      # with a bare CR in it

        def test_a_lonely_cr_is_refused_where_postfix_lets_it_through(self):
            self.assertEqual(self.send(message("cr", "a\rb\n")), (421, "4.5.0 Bare carriage return (CR) not allowed"))

        def test_a_field_that_is_missing_here_is_missing_at_the_receiver(self):
            """Not so: Sendmail adds it behind us."""
            self.assertEqual(self.send(test_form.BARE % b"incomplete")[0], 250)
            record = self.gate.record_with(header__subject="incomplete")
            self.assertEqual(record["header"]["missing"], ["Date", "Message-ID"])
            self.assertIsNotNone(self.postfix.mail_with("incomplete")["Date"])

        @classmethod
        def setUpClass(cls):
            super().setUpClass()
            cls.logins = Sendmail.logins(cls.folder)

        def send(self, mail, login="alice", parameters="", **more):
            with self.client(**more) as c:
                if login:
                    self.assertEqual(c.login(login, login)[0], 235)
                c.mail("a@example.org", parameters)
                c.rcpt("b@example.com")
                c.command("DATA")
                c.raw((mail if isinstance(mail, bytes) else mail.replace("\n", "\r\n").encode()) + b".\r\n")
                return c.answer()

    class Submission(HouseTest):
        """TLS, logins and certificates, at three ports."""

        @classmethod
        def setUpClass(cls):
            folder = cls.folder = harness.Folder()
            cls.authority, cls.others = (logins.Authority(folder, name) for name in ("Partner CA 1", "Any CA"))
            certificate, key = cls.authority.issue("mx.example.com")
            settings = Sendmail.logins(folder).settings() + [
                f"define(`confCACERT', `{cls.authority.certificate}')dnl", f"define(`confCACERT_PATH', `{folder('tls')}')dnl",
                f"define(`confSERVER_CERT', `{certificate}')dnl", f"define(`confSERVER_KEY', `{key}')dnl"]
            cls.gate = harness.Gatepost(folder, POLICY)
            cls.postfix = Sendmail(folder, cls.gate.milter, settings=settings, host=HOST,
                                   services={RELAY: "", SUBMISSION: "", SMTPS: ", M=s"})
            cls.house = harness.House.of(folder, cls.gate, cls.postfix).start()

        def send(self, port, login, sender, subject, certificate=None, tls=True, address="192.0.2.50"):
            context = self.authority.context(certificate=certificate) if tls else None
            if context:
                context.check_hostname = False
            c = self.client(address, port=port, tls=context if port == SMTPS else None)
            with c:
                if context and port != SMTPS:
                    c.starttls(context)
                if login:
                    self.assertEqual(c.login(login, login)[0], 235)
                return c.send(sender, ["b@example.com"], message(subject, sender=sender))

        def test_logins_over_starttls_and_smtps(self):
            for port in (SUBMISSION, SMTPS):
                subject = f"login at {port}"
                code, words = self.send(port, "ann", "ann@example.com", subject)
                self.assertEqual(code, 250, words)
                self.postfix.mail_with(subject)
                record = self.gate.record_with(header__subject=subject)
                self.assertEqual(record["listener"], {"role": "both", "port": port, "name": "MTA", "addr": HOST})
                self.assertEqual(record["auth"], {"login": "ann", "method": "PLAIN"})
                self.assertEqual((record["tls"]["version"], record["tls"]["bits"]), ("TLSv1.3", 256))
                self.assertEqual((record["client"]["ip"], record["client"]["name"], record["client"]["ptr"]),
                                 ("192.0.2.50", "app.example", "app.example"))
                self.assertEqual(record["workflow"]["name"], "people")

        def test_each_misuse_hears_what_to_do(self):
            ann = "ann@example.com"
            for port, login, tls, code, words in (
                    (RELAY, "ann", True, 550, "5.7.1 <ann@example.com>... Mail with a login is not taken on port "
                     f"{RELAY}, send it on port {min(SMTPS, SUBMISSION)} or {max(SMTPS, SUBMISSION)} (rule ports:relay, id)"),
                    (SUBMISSION, None, True, 530, "5.7.0 Authentication required: log in with AUTH "
                     "first; mail servers use port 25 (id)"),
                    (SUBMISSION, "ann", False, 530, "5.7.0 Must issue a STARTTLS command first"
                     f"{', or use port 465' if SMTPS == 465 else ''}: mail is taken over TLS only (rule ports:submission, id)"),
                    (SMTPS, "bob", True, 550, "5.7.1 <ann@example.com>... The login bob may not send mail here on port "
                     f"{SMTPS}: no workflow is for it, ask the postmaster (rule workflows, id)")):
                answer = self.send(port, login, ann, "misuse", tls=tls)
                self.assertEqual((answer[0], re.sub(r"\bid \w{16}\)$", "id)", answer[1])), (code, words))

        def test_a_certificate_counts_only_where_sendmail_verified_it(self):
            code, words = self.send(RELAY, None, "orders@partner.example", "verified",
                                    self.authority.issue("relay.partner.example"))
            self.assertEqual(code, 250, words)
            record = self.gate.record_with(header__subject="verified")
            self.assertEqual(record["workflow"]["name"], "partner", json.dumps(record["tls"]))
            code, words = self.send(RELAY, None, "orders@partner.example", "unverified",
                                    self.others.issue("relay.partner.example"))
            self.assertEqual(code, 250, words)
            record = self.gate.record_with(header__subject="unverified")
            self.assertNotIn("name", record["workflow"])
            self.assertNotIn("cert_subject", record["tls"])

        def test_mail_of_this_host_comes_by_smtp_or_not_at_all(self):
            code, words = self.send(RELAY, None, "root@example.com", "by the submission program", address="127.0.0.1", tls=False)
            self.assertEqual(code, 250, words)
            record = self.gate.record_with(header__subject="by the submission program")
            self.assertEqual((record["workflow"]["name"], record["client"]["local"]), ("host", False))
            done = self.postfix.sendmail("root@example.com", ["b@example.com"], message("past the filter"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("Authentication-Results", self.postfix.mail_with("past the filter"))
            self.assertEqual([r for r in self.gate.records() if r.get("header", {}).get("subject") == "past the filter"], [])
