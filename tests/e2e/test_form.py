"""The form of messages: what Postfix passes on of it, and the shipped rules for mail of logins."""
import os

import harness
from base import HouseTest, message

SHIPPED = os.path.join(harness.SOURCE, "policies")
BARE = b"From: a@example.org\r\nTo: b@example.com\r\nSubject: %s\r\n\r\nbody\r\n"


class FormTest(HouseTest):
    policies = SHIPPED

    def send(self, mail, login="alice", parameters="", **more):
        """A login comes by XCLIENT, which Postfix takes once from the host that it trusts."""
        with self.client(None, None, helo="mx.example.org", **more) as c:
            c.command("XCLIENT ADDR=192.0.2.1 NAME=mx.example.org" + (f" LOGIN={login}" if login else ""))
            c.command("EHLO mx.example.org")
            c.mail("a@example.org", parameters)
            c.rcpt("b@example.com")
            c.command("DATA")
            c.raw((mail if isinstance(mail, bytes) else mail.replace("\n", "\r\n").encode()) + b".\r\n")
            return c.answer()

    def assert_refused(self, answer, code, enhanced, words):
        self.assertEqual(answer[0], code, answer)
        self.assertTrue(answer[1].startswith(enhanced), answer)
        self.assertIn(words, answer[1])


class OfLogins(FormTest):
    settings = {"smtpd_sasl_auth_enable": "yes", "cleanup_replace_stray_cr_lf": "no"}

    def test_the_client_hears_which_field_it_is(self):
        self.assert_refused(self.send(message("twice").replace("To:", "Subject: again\nTo:")), 550, "5.6.0",
                            "there are several: Subject")
        self.assert_refused(self.send(message("b\u00fccher")), 550, "5.6.9", "Subject has bytes beyond ASCII")
        self.assert_refused(self.send(message("long-" + "x" * 3000)), 550, "5.6.0", "Subject has a line of 3014 bytes")
        self.assert_refused(self.send(message("date").replace("Mon, 23", "Sun, 23")), 550, "5.6.0", "Date field")

    def test_lines_over_the_limit_of_postfix_are_whole(self):
        self.assert_refused(self.send(message("long-body", "x" * 5000 + "\n")), 550, "5.6.0",
                            "The body has a line of 5000 bytes")
        answer = self.send(message("just-right", "x" * 998 + "\n"))
        self.assertEqual(answer[0], 250, answer)
        self.assertEqual(self.postfix.mail_with("just-right").get_payload(), "x" * 998 + "\n")

    def test_a_lonely_cr_is_refused_where_postfix_lets_it_through(self):
        self.assert_refused(self.send(message("cr", "a\rb\n")), 550, "5.6.0", "CR without LF")

    def test_smtputf8_allows_what_is_beyond_ascii(self):
        answer = self.send(message("m\u00e4rz"), parameters=" SMTPUTF8")
        self.assertEqual(answer[0], 250, answer)

    def test_strangers_may_write_as_they_like(self):
        mail = message("stranger", "a\rb" + "x" * 2000 + "\n").replace("To:", "Subject: again\nTo:")
        answer = self.send(mail, login=None)
        self.assertEqual(answer[0], 250, answer)
        record = self.gate.record_with(header__subject="again", disposition="accept")
        self.assertEqual(record["header"]["duplicates"], ["Subject"])
        self.assertNotIn("longest_line", record["message"])

    def test_a_field_that_is_missing_here_is_missing_at_the_receiver(self):
        self.assertEqual(self.send(BARE % b"incomplete")[0], 250)
        record = self.gate.record_with(header__subject="incomplete")
        self.assertEqual(record["header"]["missing"], ["Date", "Message-ID"])
        self.assertEqual([o["rule"] for o in record["decision"]["observed"]], ["outbound-field-missing"])
        self.assertIsNone(self.postfix.mail_with("incomplete")["Date"])


class CompletedByPostfix(FormTest):
    settings = {"smtpd_sasl_auth_enable": "yes", "local_header_rewrite_clients": "permit_sasl_authenticated"}

    def test_postfix_adds_what_is_missing_before_it_asks(self):
        self.assertEqual(self.send(BARE % b"completed")[0], 250)
        record = self.gate.record_with(header__subject="completed")
        self.assertNotIn("missing", record["header"])
        self.assertEqual(record["date"]["status"], "ok")
        self.assertLess(abs(record["date"]["skew_s"]), 60)
        self.assertIsNotNone(self.postfix.mail_with("completed")["Date"])

    def test_postfix_makes_a_blank_of_a_lonely_cr(self):
        answer = self.send(message("blank", "a\rb\n"))
        self.assertEqual(answer[0], 250, answer)
        self.assertEqual(self.postfix.mail_with("blank").get_payload(), "a b\n")
