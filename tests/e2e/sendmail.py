"""A private Sendmail, from Debian's packages unpacked into a folder ($SENDMAIL_ROOT): the same face as harness.Postfix.

Sendmail has no XCLIENT, so clients really have the addresses that tests give them: it runs in namespaces of its own,
see run-sendmail, where any address of the documentation networks is this host.
"""
import os
import re
import signal
import socket
import subprocess
import threading

from harness import SOURCE, Client, Mta, free_port, wait_for

ROOT = os.environ.get("SENDMAIL_ROOT", "")

DELIVER = """\
#!/bin/sh
# deliver MAILDIR RECIPIENT
f=$$.$(date +%s%N)
{ printf 'X-Original-To: %s\\n' "$2"; cat; } >"$1/tmp/$f" && mv "$1/tmp/$f" "$1/new/$f"
"""

MC = """\
define(`_CF_DIR_', `{root}/usr/share/sendmail/cf/')dnl
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.com')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
define(`confLOG_LEVEL', `12')dnl
define(`confMAX_DAEMON_CHILDREN', `0')dnl
define(`confCONNECTION_RATE_THROTTLE', `0')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
{options}
{daemons}
{filter}
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mmaildir, P={folder}/deliver, F=DFMPln5uS, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, U=nobody:nogroup, T=DNS/RFC822/X-Unix,
	A=deliver {maildir} $u
Mnowhere, P={folder}/nowhere, F=mDFMuS, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, U=nobody:nogroup, T=DNS/RFC822/X-Unix,
	A=nowhere $u
LOCAL_CONFIG
{domains}
LOCAL_RULE_0
R$* < @ $=w . >		$#maildir $: $1 @ $2
R$* < @ $* > $*		$#nowhere $@ $2 $: $1 @ $2
"""


class Saslauthd:
    """Says yes to every login whose password is the login, in saslauthd's protocol. Where it is asked stands in
    /etc/sasl2/Sendmail.conf, which run-sendmail has made."""

    def __init__(self, path):
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(50)
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def settings():
        return Sendmail.sasl

    def _serve(self):
        while True:
            client, _ = self.socket.accept()
            with client, client.makefile("rb") as f:
                login, password, _, _ = (f.read(int.from_bytes(f.read(2), "big")) for _ in range(4))
                client.sendall(b"\0\2" + (b"OK" if login == password else b"NO"))


class Sendmail(Mta):
    """One instance. Mail for the domains goes to one Maildir; everything else is returned."""
    QUEUE_ID = r"^\w{14}$"
    sasl = ["define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl", "define(`confAUTH_OPTIONS', `A')dnl",
            "TRUST_AUTH_MECH(`PLAIN LOGIN')dnl"]
    ACCEPTED = r"2\.0\.0 (\w{14}) Message accepted"

    def __init__(self, folder, milter, domains=("example.com",), ports=1, settings=None, services=None, host="127.0.0.1"):
        """settings and services are lines of m4."""
        super().__init__(folder, services or {free_port(): "" for _ in range(ports)}, host)
        self.program = ROOT + "/usr/libexec/sendmail/sendmail"
        path = folder("sendmail")
        for name in ("queue", "mail/inbox/new", "mail/inbox/tmp"):
            os.makedirs(folder("sendmail" if name == "queue" else "", name), exist_ok=True)
        for name in ("mail", "mail/inbox", "mail/inbox/new", "mail/inbox/tmp"):
            os.chown(folder(name), 65534, 65534)
        os.chmod(folder.write("sendmail/deliver", DELIVER), 0o755)
        os.chmod(folder.write("sendmail/nowhere", "#!/bin/sh\necho 'no mail leaves this instance'\nexit 68\n"), 0o755)
        folder.write("sendmail/service.switch", "hosts files\naliases files\n")
        with open(SOURCE + "/conf/README.md", encoding="utf-8") as f:
            documented = re.search(r"^INPUT_MAIL_FILTER\(.*$", f.read(), re.MULTILINE).group(0)
        filter_line = documented.replace("local:/run/gatepost/milter.sock", milter.replace("unix:", "local:"))
        daemons = "\n".join(f"DAEMON_OPTIONS(`Name=MTA, Addr={host}, Port={port}{more}')dnl"
                            for port, more in self.services.items())
        folder.write("sendmail/sendmail.mc", MC.format(
            root=ROOT, folder=path, maildir=self.maildir, filter=filter_line, daemons=daemons,
            options="\n".join(settings or ()), domains="".join(f"Cw{domain}\n" for domain in domains)))
        self.config = folder("sendmail", "sendmail.cf")
        with open(self.config, "wb") as f:
            subprocess.run(["m4", folder("sendmail", "sendmail.mc")], stdout=f, check=True)
        self.process = None

    @staticmethod
    def logins(folder):
        return Saslauthd("/mnt/tests/saslauthd")

    def _command(self, *args, **more):
        return subprocess.run([self.program, "-C", self.config, *args], capture_output=True, text=True, timeout=60,
                              check=False, **more)

    def start(self):
        self.process = subprocess.Popen([self.program, "-C", self.config, "-bD", "-q1s"], stdin=subprocess.DEVNULL)
        for port in self.ports:
            wait_for(f"Sendmail on port {port}", lambda p=port: self.answers_on(p))

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def log(self):
        """Sendmail logs to syslog only, which is not ours."""
        return ""

    def reply(self, enhanced, address, words):
        return f"{enhanced} <{address}>... {words}"

    def queue(self):
        """Queue ids by file; quarantined ones have another letter."""
        return [{"queue_id": name[2:], "queue_name": "hold" if name.startswith("hf") else "active"}
                for name in os.listdir(self.folder("sendmail", "queue")) if name[:2] in ("qf", "hf")]

    def sendmail(self, sender, recipients, message):
        return self._command("-i", "-f", sender, *recipients, input=message)

    def flush(self):
        self._command("-q")

    def release(self, queue_id):
        done = self._command("-qQ", f"-qI{queue_id}", "-Q")
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def client(self, address="192.0.2.1", name=None, helo=None, port=None, **more):
        """An SMTP session from that address, after EHLO. Its name is what /etc/hosts says."""
        return Client(self.host, port or self.port, None, None, helo or name or "mx.example.org", source=address, **more)
