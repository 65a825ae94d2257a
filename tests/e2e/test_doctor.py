"""gatepost doctor on a set-up that is right, and on many that are not, each broken in one way."""
import json
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness
from base import policy
from liar import Liar, record

MASTER = """\
smtp       inet n - y - - smtpd
submission inet n - y - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o { smtpd_milters = { unix:gatepost/milter.sock, default_action=tempfail, command_timeout=30s } }
127.0.0.1:10025 inet n - n - - smtpd
  -o receive_override_options=no_milters
cleanup    unix n - y - 0 cleanup
"""
OURS = "{ unix:gatepost/milter.sock, default_action=tempfail, command_timeout=30s }"
SUBMISSION = f"  -o {{ smtpd_milters = {OURS} }}\n"
WORKFLOW = """workflows = ( { name = "news"; match = { auth = { login = "news"; }; };
    identity = { from = [ "*@example.org" ]; }; sign = ( { domain = "example.org"; key = "news"; } );
    signs_bounces = true; } );
"""
TABLE = os.path.join(harness.SOURCE, "filter", "doctor", "check_table.def")


class Names(Liar):
    """A name server that answers, sooner or later, and knows a forged name or does not."""
    validates, delay_s = True, 0

    def answer(self, query):
        time.sleep(self.delay_s)
        if b"dnssec-failed" not in query:
            return super().answer(query)
        question = query[12:query.index(b"\0", 12) + 5]
        if self.validates:
            return query[:2] + struct.pack(">HHHHH", 0x8182, 1, 0, 0, 0) + question
        return query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + question + record("dnssec-failed.org", 1, bytes(4))


class Impostor:
    """Answers at the socket for commands in the daemon's place: with these bytes, again and again if it never ends."""

    def __init__(self, path, answer, is_endless=False):
        self.answer, self.is_endless = answer, is_endless
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                with self.listener.accept()[0] as link:
                    link.recv(4096)
                    link.sendall(self.answer)
                    while self.is_endless:
                        time.sleep(0.2)
                        link.sendall(self.answer)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Doctor(unittest.TestCase):
    seen = set()  # checks that found something

    @classmethod
    def tearDownClass(cls):
        """Every check but the kernel's clock has been seen to find something."""
        if len(cls.seen) > 15:  # not only some of the tests ran
            with open(TABLE, encoding="utf-8") as f:
                missing = set(re.findall(r'^CHECK\( \w+, +"([^"]+)"', f.read(), re.M)) - cls.seen - {"clock"}
            if missing:
                raise AssertionError(f"no test has seen these checks find anything: {sorted(missing)}")

    def setUp(self):
        self.folder = harness.Folder()
        self.gate = None
        self.queue = self.folder("queue")
        os.makedirs(os.path.join(self.queue, "gatepost"))
        self.socket_path = os.path.join(self.queue, "gatepost", "milter.sock")
        self.setup()

    def tearDown(self):
        if self.gate is not None:
            code = self.gate.stop()
            self.assertIn(code, (0, None))
        self.folder.remove()

    def setup(self, main="", without="", master=MASTER):
        """Postfix's files: those that are right, with lines replaced, a parameter left out or another master.cf."""
        values = {
            "compatibility_level": "3.6", "myhostname": "mx.example.com", "queue_directory": self.queue, "mail_owner": "postfix", "milter_protocol": "6",
            "smtpd_milters": OURS, "non_smtpd_milters": OURS, "smtp_tls_security_level": "may",
            "message_reject_characters": "\\0",
        }
        values.pop(without, None)
        values.update(line.split(" = ", 1) for line in main.splitlines() if " = " in line)
        text = "".join(f"{k} = {v}\n" for k, v in values.items())
        self.folder.write("postfix/main.cf", text + ("" if " = " in main else main))
        self.folder.write("postfix/master.cf", master)
        for name in ("main.cf", "master.cf"):  # Postfix waits until a file is two seconds old
            os.utime(self.folder("postfix", name), (1, 1))

    def daemon(self, policies=None, listen=None, **more):
        self.gate = harness.Gatepost(self.folder, policies or policy("open.conf"),
                                     listen=listen or f'{{ socket = "unix:{self.socket_path}"; group = "postfix"; }}')
        os.chmod(os.path.dirname(self.socket_path), 0o755)
        self.gate.config(**more)
        self.gate.socket_path = self.socket_path
        return self.gate

    def examine(self, *args, code=None):
        if self.gate is None:
            self.daemon()
            self.gate.start()
        where = [] if args else ["--config-dir", self.folder("postfix")]
        done = subprocess.run([self.gate.binary, "doctor", "-c", self.gate.config_path, "--json", *where, *args],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 78 if report["errors"] else 0)
        found = [f for f in report["findings"] if f["result"] in ("warn", "error")]
        self.assertEqual(report["errors"] + report["warnings"], len(found))
        for f in found:
            self.assertTrue(f.get("advice"), f)
            Doctor.seen.add(f["check"])
        self.report = report
        return [f for f in found if f["check"] not in ("clock", "resolver", "dns-validation")]

    def assert_found(self, found, *wanted):
        """Exactly these: (check, result, part of what was found, part of the advice)."""
        told = "\n".join(f'{f["check"]} {f["result"]}: {f["found"]} > {f["advice"]}' for f in found)
        self.assertEqual([(f["check"], f["result"]) for f in found], [w[:2] for w in wanted], told)
        for f, (_, _, part, advice) in zip(found, wanted):
            self.assertIn(part, f["found"])
            self.assertIn(advice, f["advice"])

    def test_a_good_set_up_has_no_findings(self):
        self.assert_found(self.examine())
        self.assertEqual(self.report["errors"], 0)
        checks = [f["check"] for f in self.report["findings"]]
        self.assertEqual(len(set(checks)), len(re.findall(r"^CHECK\(", open(TABLE, encoding="utf-8").read(), re.M)))

    def test_what_the_documents_say_has_no_findings(self):
        with open(os.path.join(harness.SOURCE, "conf", "README.md"), encoding="utf-8") as f:
            main, master = re.findall(r"```\n(.*?)```", f.read().split("\n## Postfix\n")[1], re.S)[:2]
        self.assertIn("smtpd_milters = { unix:gatepost/milter.sock", main)
        self.setup(main, master="smtp inet n - y - - smtpd\n" + master + "cleanup unix n - y - 0 cleanup\n")
        self.assert_found(self.examine())

    def test_the_table_for_people_names_the_check_and_ends_with_the_count(self):
        self.setup("message_strip_characters = \\0\n")
        self.examine()
        done = subprocess.run([self.gate.binary, "doctor", "-c", self.gate.config_path, "--config-dir", self.folder("postfix")],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, r"(?m)^  ok     daemon: the daemon answers")
        self.assertRegex(done.stdout, r"(?m)^  warn   strip-characters: .*\n(         .*\n)*         > postconf -X message_strip")
        self.assertRegex(done.stdout, r"\n0 errors, \d warnings?\n$")
        self.assertEqual(done.returncode, 0)

    def test_the_daemon_is_not_running(self):
        self.daemon()
        self.assert_found(self.examine(), ("daemon", "error", "No such file", "systemctl start gatepost"))

    def test_another_program_has_the_socket(self):
        self.daemon()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.socket_path)
            os.chmod(self.socket_path, 0o666)
            s.listen()
            threading.Thread(target=lambda: s.accept()[0].close(), daemon=True).start()
            self.assert_found(self.examine(), ("daemon", "error", "no answer of the milter protocol", "journalctl"))

    def test_the_configuration_has_a_mistake(self):
        self.daemon(deadline='"soon"')
        found = self.examine()
        self.assertEqual([f["check"] for f in found], ["configuration", "daemon"])
        self.assertIn("deadline", found[0]["found"])

    def test_policies_give_warnings(self):
        self.daemon(policies='lists = ( { name = "l"; type = "domain"; items = [ "example.org" ]; } );').start()
        self.assert_found(self.examine(), ("policy-warnings", "warn", 'nothing uses the list "l"', "gatepost check"))

    def test_smtpd_in_its_chroot_cannot_reach_the_socket(self):
        path = self.folder("run", "milter.sock")
        os.makedirs(self.folder("run"))
        self.socket_path = path
        self.daemon().start()
        self.setup(master=MASTER.replace("unix:gatepost/milter.sock", f"unix:{path}"),
                   main=f"smtpd_milters = unix:{path}\nnon_smtpd_milters = unix:{path}\n")
        self.assert_found(self.examine(), *(
            ("socket-path", "error", f"{service} runs in a chroot: with unix:{path} it looks for {self.queue}{path}",
             f'socket = "unix:{self.queue}/gatepost/milter.sock"') for service in ("smtp/inet", "submission/inet", "sendmail(1)")))
        # Out of a chroot the same is right.
        self.setup(master=MASTER.replace("unix:gatepost/milter.sock", f"unix:{path}").replace(" n - y ", " n - n "),
                   main=f"smtpd_milters = unix:{path}\nnon_smtpd_milters = unix:{path}\n")
        self.assert_found(self.examine())

    def test_the_mta_asks_at_another_place(self):
        self.setup("smtpd_milters = inet:localhost:8890\nnon_smtpd_milters = unix:gatepost/other.sock\n")
        self.assert_found(self.examine(),
                          ("milter-listed", "error", "smtp/inet: Gatepost is not among its milters",
                           f"postconf -e 'smtpd_milters = {OURS}, inet:localhost:8890'"),
                          ("socket-path", "error", "unix:gatepost/other.sock is not where the daemon listens", "postconf -e"))

    def test_nobody_asks(self):
        self.socket_path = self.folder("run", "milter.sock")
        os.makedirs(self.folder("run"))
        self.daemon().start()
        self.setup("smtpd_milters = inet:localhost:8890\nnon_smtpd_milters = \n",
                   master="smtp inet n - y - - smtpd\nother inet n - n - - smtpd\n")
        self.assert_found(self.examine(),
                          ("milter-listed", "error", "smtp/inet",
                           f"install -d -o gatepost -g gatepost -m 0750 {self.queue}/gatepost && adduser postfix gatepost; in gatepost.conf: "
                           f'listen = ( {{ socket = "unix:{self.queue}/gatepost/milter.sock"; }} ); then systemctl restart '
                           f"gatepost postfix; then postconf -e 'smtpd_milters = {OURS}, inet:localhost:8890'"),
                          ("milter-listed", "error", "other/inet", f"{{ unix:{self.socket_path}, default_action"),
                          ("non-smtpd-milters", "warn", "sendmail(1)", ""))
        skipped = [f["check"] for f in self.report["findings"] if f["found"] == "no service asks Gatepost"]
        self.assertEqual(skipped, ["roles", "socket-rights", "listeners-asked", "default-action", "timeouts", "milter-order", "other-signers"])

    def test_a_tcp_socket_is_known_in_either_spelling(self):
        port = harness.free_port()
        self.daemon(listen=f'{{ socket = "inet:{port}@127.0.0.1"; }}').start()
        self.setup(f"smtpd_milters = inet:localhost:{port}\nnon_smtpd_milters = inet:127.0.0.1:{port}\n",
                   master=MASTER.replace("unix:gatepost/milter.sock", f"inet:127.0.0.1:{port}"))
        self.assert_found(self.examine())

    def test_postfix_may_not_enter_the_folder(self):
        self.daemon().start()
        os.chmod(os.path.dirname(self.socket_path), 0o700)
        self.assert_found(self.examine(), ("socket-rights", "error", "user postfix may not connect: " +
                                           os.path.dirname(self.socket_path) + " (owner root, group root, mode 0700)",
                                           "chgrp gatepost"))

    def test_from_within_a_chroot_the_way_there_does_not_count(self):
        self.examine()
        os.chmod(self.folder.path, 0o700)
        self.setup(master=MASTER.replace("10025 inet n - n", "10025 inet n - y"))
        self.assert_found(self.examine())
        self.setup(master=MASTER.replace(" n - y ", " n - n "))
        self.assert_found(self.examine(), ("socket-rights", "error", f"user postfix may not connect: {self.folder.path} (", "chmod"))

    def test_postfix_is_not_in_the_group_of_the_socket(self):
        self.daemon(listen=f'{{ socket = "unix:{self.socket_path}"; group = "daemon"; }}').start()
        self.assert_found(self.examine(), ("socket-rights", "error", "group daemon, mode 0660",
                                           "adduser postfix daemon && systemctl restart postfix"))

    def test_the_mode_of_the_socket_is_too_narrow(self):
        self.daemon(listen=f'{{ socket = "unix:{self.socket_path}"; group = "postfix"; mode = "0600"; }}').start()
        self.assert_found(self.examine(), ("socket-rights", "error", "mode 0600", 'mode = "0660"'))

    def test_there_is_no_such_mail_owner(self):
        self.setup("mail_owner = nosuchuser\n")
        found = self.examine()
        self.assertIn(("socket-rights", "error"), [(f["check"], f["result"]) for f in found])

    def test_submission_asks_no_milter(self):
        self.setup(master=MASTER.replace(SUBMISSION, "  -o smtpd_milters=\n"))
        self.assert_found(self.examine(), ("milter-listed", "error", "submission/inet: Gatepost is not among its milters "
                                           "(there are none): its mail is not signed",
                                           f"postconf -P 'submission/inet/smtpd_milters={OURS.replace(' ', '')}' && postfix reload"))

    def test_what_is_typed_as_told_puts_it_right(self):
        self.setup(without="smtpd_milters", master=MASTER.replace(SUBMISSION, "  -o smtpd_milters=inet:localhost:11332\n"))
        found = self.examine()
        self.assertEqual([f["check"] for f in found], ["milter-listed", "milter-listed"])
        for f in found:
            command = f["advice"].replace("postconf ", f"postconf -c {self.folder('postfix')} ").replace(" && postfix reload", "")
            subprocess.run(command, shell=True, check=True, timeout=30)
        self.assert_found(self.examine())

    def test_no_milters_is_set_for_all(self):
        self.setup("receive_override_options = no_milters\n")
        found = self.examine()
        self.assertEqual([(f["check"], f["result"]) for f in found], [("milter-listed", "error")] * 2)
        self.assertIn("receive_override_options has no_milters", found[0]["found"])

    def test_mail_would_pass_while_the_daemon_is_away(self):
        self.setup("smtpd_milters = unix:gatepost/milter.sock\nmilter_default_action = accept\n")
        self.assert_found(self.examine(), ("default-action", "warn", "smtp/inet: while the daemon is away mail passes unjudged",
                                           OURS))
        self.setup(master=MASTER.replace("default_action=tempfail", "default_action=accept"))
        self.assert_found(self.examine(), ("default-action", "error", "submission/inet: while the daemon is away mail passes "
                                           "unsigned", "postconf -P"))
        self.setup(master=MASTER.replace("default_action=tempfail", "default_action=reject"))
        self.assert_found(self.examine(), ("default-action", "warn", "refused for good", "postconf -P"))

    def test_the_mta_gives_up_before_the_deadline(self):
        self.setup("smtpd_milters = unix:gatepost/milter.sock\nmilter_command_timeout = 20\n")
        self.assert_found(self.examine(), ("timeouts", "error", "smtp/inet: it gives up after 20 s (command_timeout), and the "
                                           "daemon may take 20 s", "command_timeout=30s"))
        self.setup(master=MASTER.replace("command_timeout=30s", "content_timeout=10s"))
        self.assert_found(self.examine(), ("timeouts", "error", "submission/inet: it gives up after 10 s (content_timeout)",
                                           "postconf -P"))

    def test_the_protocol_is_too_old(self):
        self.setup("milter_protocol = 2\n", master=MASTER + "other inet n - n - - smtpd\n  -o milter_protocol=4\n")
        found = self.examine()
        self.assert_found(found, ("milter-protocol", "error", "milter_protocol is 2", "postconf -e 'milter_protocol = 6'"),
                          ("milter-protocol", "error", "other/inet: milter_protocol is 4",
                           "postconf -PX 'other/inet/milter_protocol'"))

    def test_another_milter_changes_what_we_signed(self):
        self.setup(master=MASTER.replace(OURS, f"{OURS}, inet:localhost:11332"))
        self.assert_found(self.examine(), ("milter-order", "warn", "submission/inet: inet:localhost:11332 comes behind Gatepost",
                                           "last"))
        self.setup(f"smtpd_milters = inet:localhost:11332, {OURS}\n")
        self.assert_found(self.examine(), ("milter-order", "warn", "smtp/inet: inet:localhost:11332 comes before Gatepost",
                                           "first"))

    def test_opendkim_still_works_beside(self):
        self.setup(f"smtpd_milters = {OURS}, inet:localhost:8891\n")
        self.assert_found(self.examine(), ("other-signers", "warn", "smtp/inet: inet:localhost:8891 (OpenDKIM)",
                                           "take it out of smtpd_milters"))

    def test_a_content_filter_gives_mail_back_and_it_is_judged_again(self):
        self.setup(master=MASTER.replace("  -o receive_override_options=no_milters\n", ""))
        self.assert_found(self.examine(), ("filtered-twice", "warn", "127.0.0.1:10025/inet", "no_milters"))

    def test_passwords_are_taken_in_clear(self):
        self.setup(master=MASTER.replace("  -o smtpd_tls_security_level=encrypt\n", ""))
        self.assert_found(self.examine(), ("tls-auth-only", "warn", "submission/inet", "smtpd_tls_auth_only = yes"))
        self.setup("smtpd_tls_auth_only = yes\n", master=MASTER.replace("  -o smtpd_tls_security_level=encrypt\n", ""))
        self.assert_found(self.examine())

    def test_logins_are_taken_at_port_25(self):
        self.setup(master=MASTER.replace("inet n - y - - smtpd\nsub", "inet n - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n"
                                         "  -o smtpd_tls_auth_only=yes\nsub"))
        self.assert_found(self.examine(), ("auth-on-relay", "warn", "smtp/inet",
                                           "postconf -P 'smtp/inet/smtpd_sasl_auth_enable=no'"))

    def test_mail_of_local_programs_is_not_judged(self):
        self.setup(without="non_smtpd_milters")
        self.assert_found(self.examine(), ("non-smtpd-milters", "warn", "sendmail(1)",
                                           f"postconf -e 'non_smtpd_milters = {OURS}' && postfix reload (or"))

    def test_bounces_are_to_be_signed_and_are_not_given_to_us(self):
        self.daemon(policies=WORKFLOW)
        self.key()
        self.gate.start()
        self.assert_found(self.examine(), ("bounces", "warn", "signs_bounces", "internal_mail_filter_classes = bounce"))
        self.setup("internal_mail_filter_classes = notify, bounce\n")
        self.assert_found(self.examine())

    def key(self):
        subprocess.run([self.gate.binary, "key", "new", "news", "--domain", "example.org", "--selector", "n1", "-c",
                        self.gate.config_path], check=True, capture_output=True, timeout=60)

    def test_the_daemon_cannot_read_its_keys(self):
        self.daemon(user='"nobody"')
        self.key()
        keys, file = self.folder("gate", "keys"), self.folder("gate", "keys", "news.n1.pem")
        self.assertEqual(os.stat(file).st_uid, pwd.getpwnam("nobody").pw_uid)
        self.assertEqual([f["check"] for f in self.examine()], ["daemon"])
        os.chown(file, 0, 0)
        found = self.examine()
        self.assertEqual((found[0]["check"], found[0]["result"]), ("keys", "error"))
        self.assertIn(f"chown nobody {file}", found[0]["found"])
        os.chown(keys, 0, 0)
        self.assertIn(f"chown nobody: {keys}", self.examine()[0]["advice"])
        os.chmod(file, 0o644)
        self.assertIn("others can read it", self.examine()[0]["found"])

    def test_the_daemon_cannot_read_its_files(self):
        self.daemon(user='"nobody"')
        self.assertEqual([f["check"] for f in self.examine()], ["daemon"])
        policies = self.folder("gate", "policies")
        os.chmod(self.gate.config_path, 0o600)
        os.chmod(policies, 0o700)
        self.assert_found(self.examine(),
                          ("files", "error", f"{self.gate.config_path}: user nobody may not read it",
                           f"chgrp nogroup {self.gate.config_path} && chmod 0640 {self.gate.config_path}"),
                          ("files", "error", f"nobody may not read it: {policies}: Permission denied",
                           f"chmod 0750 {policies}"),
                          ("daemon", "error", "", ""))

    def test_postfix_changes_bytes_before_they_are_verified(self):
        self.setup("message_strip_characters = \\0\n")
        self.assert_found(self.examine(), ("strip-characters", "warn", "message_strip_characters = \\0", "postconf -X"))

    def test_nul_bytes_are_taken(self):
        self.setup("message_reject_characters = \\000\n")
        self.assert_found(self.examine())
        self.setup("message_reject_characters = a\\012\n")
        self.assert_found(self.examine(), ("nul-bytes", "warn", "message_reject_characters does not have \\0",
                                           "postconf -e 'message_reject_characters = \\0'"))

    def test_mail_leaves_in_clear(self):
        self.setup(without="smtp_tls_security_level")
        self.assert_found(self.examine(), ("outbound-tls", "warn", "not set", "smtp_tls_security_level = may"))

    def test_the_files_of_postfix_are_broken_or_misspelt(self):
        self.setup("nonsense\n")
        self.assert_found(self.examine(), ("mta", "error", "missing '='", "postfix check"))
        self.setup(master="smtp inet\n")
        found = self.examine()
        self.assertEqual([(f["check"], f["result"]) for f in found], [("mta", "error")])
        self.setup(master="cleanup unix n - y - 0 cleanup\n")
        self.assert_found(self.examine(), ("mta", "error", "master.cf has no smtpd", ""))
        self.setup("smtpd_milter = unix:gatepost/milter.sock\n")
        self.assert_found(self.examine(), ("mta", "warn", "unused parameter: smtpd_milter", "misspelt"))
        self.assert_found(self.examine("--config-dir", self.folder("none")), ("mta", "error", "none", "postfix check"))

    def test_the_resolver_does_not_answer_or_is_a_file(self):
        self.daemon(dns='{ servers = [ "127.0.0.1@9" ]; timeout_ms = 200; }').start()
        self.examine()
        found = {f["check"]: f for f in self.report["findings"]}
        self.assertEqual(found["resolver"]["result"], "error")
        self.assertIn("3 of 3 questions were not answered", found["resolver"]["found"])
        self.assertEqual((found["dns-validation"]["result"], found["dns-validation"]["found"]), ("skipped", "the resolver does not answer"))
        self.gate.config()
        self.examine()
        found = {f["check"]: f for f in self.report["findings"]}
        self.assertEqual(found["resolver"]["result"], "warn")
        self.assertIn("zone_file", found["resolver"]["found"])

    def two_listeners(self, **more):
        """Started; answers what sets Postfix up to ask which of them at which port."""
        ways = {role: os.path.join(self.queue, "gatepost", role) for role in ("inbound", "submission")}
        self.daemon(listen=", ".join(f'{{ socket = "unix:{path}"; group = "postfix"; role = "{role}"; }}'
                                     for role, path in ways.items()), **more)
        self.gate.socket_path = ways["submission"]
        self.gate.start()

        def setup(at_25, at_587):
            way = "{ unix:gatepost/%s, default_action=tempfail, command_timeout=30s }"
            self.setup(f"smtpd_milters = {way % at_25}\nnon_smtpd_milters = {way % 'submission'}\n",
                       master=MASTER.replace(OURS, way % at_587))
        setup("inbound", "submission")
        return setup

    def test_two_listeners_are_mixed_up(self):
        setup = self.two_listeners()
        self.assert_found(self.examine())
        setup("submission", "inbound")
        self.assert_found(self.examine(),
                          ("roles", "warn", "smtp/inet: unix:gatepost/submission has the role submission",
                           "postconf -e 'smtpd_milters = { unix:gatepost/inbound,"),
                          ("roles", "error", "submission/inet: unix:gatepost/inbound has the role inbound",
                           "postconf -P 'submission/inet/smtpd_milters={unix:gatepost/submission,"))
        setup("submission", "submission")
        self.assert_found(self.examine(), ("roles", "warn", "smtp/inet: ", ""),
                          ("listeners-asked", "warn", f"no service asks at unix:{self.queue}/gatepost/inbound (role inbound)",
                           "take it out of listen"))

    def test_the_process_of_a_listener_died(self):
        path = self.folder("gate", "control.sock")
        self.two_listeners(http=f'{{ listen = "unix:{path}"; }}')
        self.assert_found(self.examine())

        def processes():
            return [(l["pid"], l["state"], l["restarts"]) for l in json.loads(harness.Web(path).ask("/status.json")[2])["listeners"]]
        os.kill(processes()[0][0], signal.SIGKILL)
        harness.wait_for("another process", lambda: processes()[0][1:] == ("serves", 1))
        self.assert_found(self.examine(), ("health", "warn", "The process of listener inbound died and was started again",
                                           "journalctl -u gatepost"))

    def test_the_resolver_is_slow_or_takes_forged_answers(self):
        names = Names()
        self.addCleanup(names.close)
        self.daemon(dns=f'{{ servers = [ "127.0.0.1@{names.port}" ]; timeout_ms = 9000; }}').start()
        for validates, delay_s, resolver, validation in ((True, 0, ("ok", "warn"), "ok"), (False, 0.5, ("warn",), "warn")):
            names.validates, names.delay_s = validates, delay_s
            self.examine()
            found = {f["check"]: f for f in self.report["findings"]}
            self.assertIn(found["resolver"]["result"], resolver, found["resolver"])
            self.assertEqual(found["dns-validation"]["result"], validation, found["dns-validation"])
        self.assertRegex(found["resolver"]["found"], r"a question took \d+ ms")
        self.assertIn("takes forged answers", found["dns-validation"]["found"])

    # ---- the daemon that runs

    def control(self, **more):
        """A daemon that can be asked, started."""
        self.http = self.folder("gate", "control.sock")
        self.daemon(http=f'{{ listen = "unix:{self.http}"; }}', **more).start()

    def impostor(self, answer, is_endless=False):
        self.http = self.folder("gate", "control.sock")
        self.daemon().start()
        self.gate.config(http=f'{{ listen = "unix:{self.http}"; }}')  # which the daemon does not have
        impostor = Impostor(self.http, answer, is_endless)
        self.addCleanup(impostor.close)
        return self.examine()

    def json_impostor(self, **told):
        return self.impostor(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(told).encode())

    def result_of(self, check):
        return [f["result"] for f in self.report["findings"] if f["check"] == check]

    def test_the_daemon_is_asked_how_it_is(self):
        self.control()
        self.assert_found(self.examine())
        for check in ("running", "in-force", "health"):
            self.assertEqual(self.result_of(check), ["ok"])
        self.gate.stop()
        self.assert_found(self.examine(), ("daemon", "error", "the daemon is not there", "systemctl start gatepost"))
        self.assertEqual([self.result_of(check) for check in ("running", "in-force", "health")], [["skipped"]] * 3)

    def test_it_was_started_without_a_socket_for_commands(self):
        self.daemon().start()
        self.gate.config(http=f'{{ listen = "unix:{self.folder("gate", "control.sock")}"; }}')
        self.assert_found(self.examine(), ("running", "error", "the daemon takes mail, but nobody is at its socket for commands",
                                           "systemctl restart gatepost"))

    def test_files_were_changed_and_not_reloaded(self):
        self.folder.write("gate/policies/l.txt", "example.org\n")
        self.control(policies='lists = ( { name = "l"; type = "domain"; file = "l.txt"; } );\nrules = ( { name = "r"; at = "mail"; '
                              'when = { mail = { domain = "@l"; }; }; then = { action = "reject"; reply = "550 5.7.1 no"; }; } );')
        self.assert_found(self.examine())
        was_changed = ("in-force", "warn", "were changed since the daemon read them", "gatepost reload")
        for change in (lambda: self.folder.write("gate/policies/l.txt", "example.com\n"),
                       lambda: self.folder.write("gate/policies/20-new.conf", "rules = ();\n"),
                       lambda: self.gate.config(http=f'{{ listen = "unix:{self.http}"; }}', deadline='"15s"')):
            change()
            self.assert_found(self.examine(), was_changed)
            self.gate.reload()
            self.assert_found(self.examine())

    def test_the_last_reload_was_refused(self):
        self.control()
        path = self.folder.write("gate/extra.conf", "nonsense = 1;\n")
        with open(self.gate.config_path, "a", encoding="utf-8") as f:
            f.write('@include "extra.conf"\n')
        self.gate.reload()
        found = self.examine()
        self.assert_found(found, ("configuration", "error", "extra.conf:1: nonsense: unknown", ""),
                          ("health", "error", "The last reload was refused, generation 1 stays in force: " + path + ":1: nonsense",
                           "gatepost check"))

    def test_what_was_changed_needs_a_restart(self):
        self.control()
        self.gate.config(http=f'{{ listen = "unix:{self.http}"; }}', store='"memory:"')
        self.gate.reload()
        self.assert_found(self.examine(), ("health", "warn", "in force only after a restart: store.", "systemctl restart gatepost"))

    def test_a_key_cannot_sign(self):
        self.daemon(policies=WORKFLOW.replace("signs_bounces = true;", ""))
        self.key()
        self.http = self.folder("gate", "control.sock")
        self.gate.config(http=f'{{ listen = "unix:{self.http}"; }}')
        self.gate.zone(subprocess.run([self.gate.binary, "key", "show", "news", "-c", self.gate.config_path], check=True,
                                      capture_output=True, text=True, timeout=60).stdout + "\n")
        self.gate.start()
        subprocess.run([self.gate.binary, "key", "check", "news", "-c", self.gate.config_path], check=True, capture_output=True,
                       timeout=60)
        self.gate.reload()
        harness.wait_for("the key to sign", lambda: not self.examine(), 10)
        self.gate.zone("")
        self.gate.reload()
        found = harness.wait_for("the key to be missed", self.examine, 10)
        self.assert_found(found, ("health", "error", "Key news, selector n1: ", "gatepost key check news"))

    def test_another_version_runs(self):
        found = self.json_impostor(version="0.0.9", now_unix_s=1000, config={"digest": "0", "loaded_unix_s": 400, "generation": 7})
        self.assert_found(found, ("in-force", "warn", "version 0.0.9 is running, ", "systemctl restart gatepost"),
                          ("in-force", "warn", "since the daemon read them, 10 minutes ago (generation 7)", "gatepost reload"))

    def test_what_the_daemon_complains_of_is_shown_without_control_bytes(self):
        problems = [{"severity": "error", "found": "ill \x1b[31m", "advice": "type\nthis"}, {"severity": "warn", "found": "old", "advice": "x"}]
        found = [f for f in self.json_impostor(problems=problems) if f["check"] == "health"]
        self.assert_found(found, ("health", "error", "ill ?[31m", "type?this"), ("health", "warn", "old", "x"))

    def test_who_answers_is_no_daemon_of_ours(self):
        found = self.impostor(b"HTTP/1.0 404 Not Found\r\n\r\n{}")
        self.assert_found(found, ("running", "error", "what answers there is not understood", "systemctl restart gatepost"))

    def test_the_answer_never_ends(self):
        began = time.monotonic()
        found = self.impostor(b"HTTP/1.0 200 OK\r\n\r\n", is_endless=True)
        self.assert_found(found, ("running", "error", "no whole answer within 3 s", "journalctl"))
        self.assertLess(time.monotonic() - began, 30)

    # ---- clients that get around

    def test_clients_get_around_by_a_map(self):
        clients = self.folder.write("clients", f"# ours\n192.0.2.0/24  DISABLE\n127.0.0.0/8 DISABLE\n198.51.100.7 {OURS}\n")
        self.setup(f"smtpd_milter_maps = cidr:{clients}\n",
                   master=MASTER.replace("  -o smtpd_sasl_auth_enable=yes\n", "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_milter_maps=\n"))
        self.assert_found(self.examine(), ("milter-maps", "warn", f"smtp/inet: for clients 192.0.2.0/24 smtpd_milter_maps (cidr:{clients}) "
                                           "says DISABLE", "add Gatepost's socket"))
        for maps in ("inline:{ {192.0.2.1 = DISABLE} }", "cidr:{ {192.0.2.1/32 DISABLE} }"):
            self.setup(master=MASTER.replace("smtpd\nsub", f"smtpd\n  -o {{ smtpd_milter_maps = {maps} }}\nsub"))
            self.assert_found(self.examine(), ("milter-maps", "warn", "smtp/inet: for clients 192.0.2.1", ""))
        self.setup("smtpd_milter_maps = socketmap:unix:/nowhere:x\n")
        self.assertEqual([f["check"] for f in self.examine()], ["milter-maps"] * 2)

    def test_overrides_in_all_their_forms_are_understood(self):
        for form in (f"  -o {{smtpd_milters={OURS}}}\n", "  -o smtpd_milters=$ours\n", "  -o { smtpd_milters = ${ours} }\n",
                     "  -o smtpd_milters=${ours?{$ours}:{}}\n"):
            self.setup(f"ours = {OURS}\n" if "ours" in form else "", master=MASTER.replace(SUBMISSION, form))
            self.assert_found(self.examine())

    # ---- Sendmail

    def sendmail(self, text, name="sendmail.mc"):
        return self.examine("--sendmail", self.folder.write(name, text))

    def test_sendmail_is_right(self):
        good = f"`gatepost', `S=local:{self.socket_path}, F=T, T=S:30s;R:30s;E:5m')dnl\n"
        self.assert_found(self.sendmail("divert(0)dnl\nINPUT_MAIL_FILTER(" + good))
        self.assert_found(self.sendmail("MAIL_FILTER(" + good + "define(`confINPUT_MAIL_FILTERS', `gatepost')dnl\n"))
        self.assert_found(self.sendmail(f"O InputMailFilters=gatepost\nXgatepost, S=local:{self.socket_path}, F=T, "
                                        "T=S:30s;R:30s;E:5m\n", "sendmail.cf"))

    def test_sendmail_does_not_ask_gives_up_early_and_lets_mail_pass(self):
        self.assert_found(self.sendmail(f"INPUT_MAIL_FILTER(`gatepost', `S=local:{self.socket_path}')dnl\n"),
                          ("default-action", "error", "no F=T", "F=T, T=S:30s;R:30s;E:5m"),
                          ("timeouts", "error", "it gives up after 10 s (R)", "INPUT_MAIL_FILTER"))
        self.assert_found(self.sendmail(f"MAIL_FILTER(`gatepost', `S=local:{self.socket_path}, F=T, T=R:30s')dnl\n"),
                          ("milter-listed", "error", "Gatepost is not among its milters",
                           f"S=local:{self.socket_path}, F=T"))
        self.assert_found(self.sendmail("O InputMailFilters=gatepost\nXgatepost, S=local:/run/gatepost/x, F=R, T=R:1m\n",
                                        "sendmail.cf"),
                          ("socket-path", "error", "/run/gatepost/x is not where the daemon listens", "INPUT_MAIL_FILTER"))
        self.assert_found(self.examine("--sendmail", self.folder("none.cf")), ("mta", "error", "No such file", "--sendmail"))

    def test_sendmail_asks_another_filter_behind_us(self):
        self.assert_found(self.sendmail(
            f"O InputMailFilters=gatepost, opendkim\nXopendkim, S=inet:8891@localhost, F=T, T=R:2m\n"
            f"Xgatepost, S=local:{self.socket_path}, F=T, T=R:30s\n", "sendmail.cf"),
            ("milter-order", "warn", "inet:8891@localhost comes behind Gatepost", "last"),
            ("other-signers", "warn", "OpenDKIM", "take it out"))
