"""What the mail server and its clients see of each answer, at each stage."""
import os
import re
import unittest

from base import HouseTest, message

ZONE = """
example.org         TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.example.org  TXT "v=DMARC1; p=reject"
"""


class Answers(HouseTest):
    policies = "stages.conf"
    zone = ZONE

    def test_a_message_without_rule_is_delivered_with_our_results_on_top(self):
        with self.client() as c:
            code, text = c.send("a@example.org", ["b@example.com"], message("plain"))
        self.assertEqual(code, 250, text)
        got = self.postfix.mail_with("plain")
        names = [name for name in got.keys() if name not in ("Return-Path", "X-Original-To", "Delivered-To")]
        self.assertEqual(names[0], "Authentication-Results")
        results = " ".join(got["Authentication-Results"].split())
        self.assertRegex(results, r"^mx\.example\.com ")
        self.assertIn("spf=pass", results)
        self.assertIn("smtp.mailfrom=a@example.org", results)
        self.assertRegex(results, r"dmarc=pass.* header.from=example\.org")
        self.assertEqual(got.get_payload(), "body of plain\n")

    def test_the_gate_sees_the_client(self):
        with self.client("192.0.2.99", "mail.example.org", helo="helo.example.org") as c:
            c.send("a@example.org", ["b@example.com"], message("who-is-it"))
        r = self.gate.record_with(header__subject="who-is-it")
        self.assertEqual((r["client"]["ip"], r["client"]["name"], r["helo"]["name"]),
                         ("192.0.2.99", "mail.example.org", "helo.example.org"))
        self.assertEqual(r["listener"]["port"], self.postfix.port)
        self.assertEqual(r["disposition"], "accept")
        self.assertRegex(r["message"]["queue_id"], self.postfix.QUEUE_ID)

    def refused_at_connect(self, address, code, words):
        c = self.client(address)
        answer = c.ehlo_answer
        if answer[0] == 250:
            answer = c.mail("a@example.org")
        c.quit()
        self.assertEqual(answer[0], code, answer)
        self.assertIn(words, answer[1])
        return answer[1]

    def test_a_client_refused_at_connect_hears_the_text(self):
        text = self.refused_at_connect("198.51.100.66", 550, "5.7.1 Clients from 198.51.100.66 are not served")
        decision = re.search(r"\(id (\w+)\)", text).group(1)
        self.assertEqual(self.gate.record_with(id=decision)["decision"]["rule"], "client-refused")

    def test_a_client_deferred_at_connect_hears_the_text(self):
        self.refused_at_connect("198.51.100.67", 421, "4.7.0 Come back later")

    def test_helo_refused(self):
        c = self.client(helo="bad.example")
        answer = c.ehlo_answer if c.ehlo_answer[0] != 250 else c.mail("a@example.org")
        c.quit()
        self.assertEqual(answer[0], 550)
        self.assertIn("bad.example is no name for you", answer[1])

    def test_mail_refused_and_the_next_sender_taken(self):
        with self.client() as c:
            code, text = c.mail("refused@example.org")
            self.assertEqual(code, 550)
            self.assertIn(self.postfix.reply("5.7.1", "refused@example.org", "Sender refused@example.org is refused"), text)
            code, text = c.send("a@example.org", ["b@example.com"], message("after-refused-mail"))
            self.assertEqual(code, 250, text)
        self.postfix.mail_with("after-refused-mail")

    def test_mail_deferred(self):
        with self.client() as c:
            code, text = c.mail("deferred@example.org")
        self.assertEqual(code, 450)
        self.assertIn(self.postfix.reply("4.7.1", "deferred@example.org", "Not yet"), text)

    def test_one_recipient_refused_the_others_served(self):
        with self.client() as c:
            self.assertEqual(c.mail("a@example.org")[0], 250)
            answers = [c.rcpt(r) for r in ("one@example.com", "closed@example.com", "two@example.com")]
            self.assertEqual([a[0] for a in answers], [250, 550, 250])
            self.assertIn(self.postfix.reply("5.1.1", "closed@example.com", "100% closed"), answers[1][1])
            self.assertEqual(c.data(message("some-of-them"))[0], 250)
        self.postfix.wait_until_empty()
        to = sorted(m["X-Original-To"] for m in self.postfix.mail() if m["Subject"] == "some-of-them")
        self.assertEqual(to, ["one@example.com", "two@example.com"])
        r = self.gate.record_with(header__subject="some-of-them")
        self.assertEqual([p["reply"]["code"] if "reply" in p else 250 for p in r["recipients"]["list"]], [250, 550, 250])

    def test_data_refused(self):
        with self.client() as c:
            code, text = c.send("nodata@example.org", ["b@example.com"], message("no-data"))
        self.assertEqual(code, 554)
        self.assertIn("5.7.1 No data from you", text)

    def end(self, subject, code, words):
        with self.client() as c:
            got, text = c.send("a@example.org", ["b@example.com"], message(subject))
        self.assertEqual(got, code, text)
        self.assertIn(words, text)
        self.postfix.wait_until_empty()
        self.assertFalse([m for m in self.postfix.mail() if m["Subject"] == subject])
        record = self.gate.record_with(header__subject=subject)
        self.assertIn(record["id"], text)

    def test_header_refused(self):
        self.end("refuse-headers now", 550, "5.6.0 Not with this subject")

    def test_end_refused(self):
        self.end("refuse-end now", 550, "5.7.1 Refused at the end")

    def test_end_deferred(self):
        self.end("defer-end now", 451, "4.7.1 Deferred at the end")

    def test_quarantine_is_the_hold_queue(self):
        with self.client() as c:
            code, text = c.send("a@example.org", ["b@example.com"], message("hold this"))
        self.assertEqual(code, 250, text)
        queue_id = self.postfix.queue_id_of(text)
        held = [q for q in self.postfix.queue() if q["queue_id"] == queue_id]
        self.assertEqual([q["queue_name"] for q in held], ["hold"])
        self.assertEqual(self.gate.record_with(header__subject="hold this")["disposition"], "quarantine")
        self.postfix.release(queue_id)
        self.postfix.flush()
        self.assertIn("Authentication-Results", self.postfix.mail_with("hold this"))

    def test_discard_answers_250_and_delivers_nothing(self):
        with self.client() as c:
            code, text = c.send("a@example.org", ["b@example.com"], message("discard this"))
        self.assertEqual(code, 250, text)
        self.assertEqual(self.gate.record_with(header__subject="discard this")["disposition"], "discard")
        self.postfix.wait_until_empty()
        self.assertFalse([m for m in self.postfix.mail() if m["Subject"] == "discard this"])

    def test_headers_as_they_are_stored(self):
        text = ("Received: from elsewhere.example by other.example; Mon, 1 Jan 2024 00:00:00 +0000\n"
                "Authentication-Results: mx.example.com; dmarc=pass header.from=bank.example\n"
                "Authentication-Results: other.example; spf=fail smtp.mailfrom=x.example\n"
                "Authentication-Results: MX.Example.COM 1; dkim=pass\n"
                + message("mark stored"))
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], text)[0], 250)
        got = self.postfix.mail_with("mark stored")
        results = got.get_all("Authentication-Results")
        self.assertEqual(len(results), 2)
        self.assertTrue(results[0].startswith("mx.example.com"))
        self.assertNotIn("bank.example", results[0])
        self.assertTrue(results[1].startswith("other.example"))
        self.assertEqual(got["X-Gate"], "seen from 192.0.2.1")
        order = [n for n in got.keys() if n in ("Authentication-Results", "Received", "From")]
        self.assertEqual(order[0], "Authentication-Results")
        self.assertEqual(order[-1], "From")
        self.assertEqual(self.gate.record_with(header__subject="mark stored")["authres"]["forged"], 2)

    def test_a_folded_field_and_a_large_body_arrive_whole(self):
        body = "".join(f"line {i} of many\n" for i in range(40000))
        text = message("folded", body).replace("Subject: folded", "Subject: folded\n over\n\tlines")
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], text)[0], 250)
        got = self.postfix.mail_with("folded")
        self.assertEqual(got.get_payload(), body)
        self.assertEqual(self.gate.record_with(header__subject="folded over\tlines")["disposition"], "accept")


class Sessions(HouseTest):
    policies = "stages.conf"
    zone = ZONE

    def test_pipelined(self):
        with self.client() as c:
            c.raw(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<closed@example.com>\r\nDATA\r\n")
            self.assertEqual([c.answer()[0] for _ in range(4)], [250, 250, 550, 354])
            text = message("pipelined").replace("\n", "\r\n").encode()
            c.raw(text + b".\r\nMAIL FROM:<refused@example.org>\r\nRCPT TO:<b@example.com>\r\nRSET\r\n")
            self.assertEqual([c.answer()[0] for _ in range(4)], [250, 550, 503, 250])
        self.postfix.mail_with("pipelined")

    def test_two_messages_on_one_connection(self):
        with self.client() as c:
            for subject in ("first of two", "second of two"):
                code, text = c.send("a@example.org", ["b@example.com"], message(subject))
                self.assertEqual(code, 250, text)
        first, second = (self.postfix.mail_with(s) for s in ("first of two", "second of two"))
        self.assertNotEqual(first["Authentication-Results"], second["Authentication-Results"])

    def test_a_refused_message_leaves_no_trace_in_the_next(self):
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("refuse-end one"))[0], 550)
            self.assertEqual(c.command("RSET")[0], 250)
            self.assertEqual(c.send("b@example.net", ["b@example.com"], message("clean", sender="b@example.net"))[0], 250)
        results = self.postfix.mail_with("clean")["Authentication-Results"]
        self.assertIn("example.net", results)
        self.assertNotIn("example.org", results.replace("mx.example.org", ""))

    def test_many_recipients(self):
        with self.client() as c:
            self.assertEqual(c.mail("a@example.org")[0], 250)
            codes = [c.rcpt(f"user{i}@example.com")[0] for i in range(120)]
            self.assertEqual(codes, [250] * 120)
            self.assertEqual(c.data(message("to many"))[0], 250)
        self.postfix.wait_until_empty()
        self.assertEqual(self.gate.record_with(header__subject="to many")["rcpt"]["count"], 120)

    def test_null_sender(self):
        with self.client() as c:
            code, text = c.send("", ["b@example.com"], message("a bounce"))
        self.assertEqual(code, 250, text)
        self.assertTrue(self.gate.record_with(header__subject="a bounce")["mail"]["null"])

    def test_an_unknown_command_does_no_harm(self):
        with self.client() as c:
            self.assertEqual(c.command("WHATEVER is this")[0] // 100, 5)
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("after unknown"))[0], 250)

    def test_a_client_may_vanish_at_any_stage(self):
        def steps(c):
            yield "connect"
            c.command("EHLO mx.example.org")
            yield "helo"
            c.mail("vanish@example.org")
            yield "mail"
            c.rcpt("b@example.com")
            yield "rcpt"
            c.command("DATA")
            yield "data"
            c.raw(b"From: a@example.org\r\nSubject: vanished\r\n\r\nhalf a bo")
            yield "body"
        for where in ("connect", "helo", "mail", "rcpt", "data", "body"):
            c = self.client()
            for stage in steps(c):
                if stage == where:
                    c.drop()
                    break
        # Told are those that named a recipient: before that a client only looked at the door.
        self.gate.record_with(disposition="aborted", mail__from="vanish@example.org")
        self.assertTrue(self.gate.is_alive())
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("still here"))[0], 250)
        aborted = [r for r in self.gate.records() if r["disposition"] == "aborted"]
        self.assertEqual(len(aborted), 3, aborted)
        self.assertFalse([m for m in self.postfix.mail() if m["Subject"] == "vanished"])


class Local(HouseTest):
    policies = "stages.conf"
    zone = ZONE

    def test_sendmail_is_taken_and_not_judged_as_inbound(self):
        done = self.postfix.sendmail("root@example.org", ["b@example.com"], message("from sendmail"))
        self.assertEqual(done.returncode, 0, done.stderr)
        got = self.postfix.mail_with("from sendmail")
        self.assertNotIn("Authentication-Results", got)
        r = self.gate.record_with(header__subject="from sendmail")
        self.assertTrue(r["client"]["local"])
        self.assertIn(r.get("spf", {}).get("result"), (None, "none"))

    def test_a_recipient_rule_refuses_the_whole_message_at_its_end(self):
        self.postfix.sendmail("root@example.com", ["closed@example.com"], message("local to closed"))
        r = self.gate.record_with(header__subject="local to closed")
        self.assertEqual((r["stage"], r["disposition"], r["reply"]["code"]), ("end", "reject", 550))
        self.assertNotIn("configuration error", self.postfix.log())
        bounce = self.postfix.mail_with("100% closed")
        self.assertIn("closed@example.com", bounce.as_string())


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    unittest.main()
