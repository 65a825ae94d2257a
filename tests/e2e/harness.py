"""A private Postfix and a private gatepost in one temporary folder, on loopback.

Nothing of the host's mail system is read or changed: own configuration, queue, data, log and
mailbox, ports from 20000 up. Needs root (Postfix's master wants it) and the packages postfix
and python3. Used by the tests beside this file and by contrib/try-it.
"""
import base64
import email
import email.policy
import errno
import grp
import http.client
import json
import os
import pwd
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("builddir", os.path.join(SOURCE, "build"))


def wait_for(what, check, seconds=20.0, every=0.02):
    """The first true value of check(); a TimeoutError that says what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)


def free_port():
    """A loopback port nobody listens on now, outside the range that the kernel hands out itself."""
    for _ in range(200):
        port = random.randint(20000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError as e:
                if e.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
    raise RuntimeError("no free port between 20000 and 32000")


def mail_ports():
    """A loopback address and three ports there: 25, 465 and 587 unless somebody listens there on all addresses."""
    host = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
    try:
        for port in (25, 465, 587):
            with socket.socket() as s:
                s.bind((host, port))
    except OSError:
        return "127.0.0.1", free_port(), free_port(), free_port()
    return host, 25, 465, 587


class Folder:
    """A temporary folder that users postfix and nobody may pass through."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="gatepost-e2e-")
        os.chmod(self.path, 0o755)

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def write(self, name, text):
        path = self(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


MASTER_CF = """\
{ports}
pickup     unix       n - n 1 1 pickup
cleanup    unix       n - n - 0 cleanup
qmgr       unix       n - n 300 1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - - trivial-rewrite
bounce     unix       - - n - 0 bounce
defer      unix       - - n - 0 bounce
trace      unix       - - n - 0 bounce
verify     unix       - - n - 1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n - - proxymap
proxywrite unix       - - n - 1 proxymap
smtp       unix       - - n - - smtp
showq      unix       n - n - - showq
error      unix       - - n - - error
retry      unix       - - n - - error
discard    unix       - - n - - discard
virtual    unix       - n n - - virtual
anvil      unix       - - n - 1 anvil
scache     unix       - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


class Mta:
    """What tests ask of a mail server: where it listens, and what it has delivered to its one Maildir."""

    def __init__(self, folder, services, host):
        self.folder, self.host, self.services = folder, host, services
        self.ports = list(services)
        self.port = self.ports[0]
        self.maildir = folder("mail", "inbox")

    def reply(self, enhanced, address, words):
        """How a client reads our answer to MAIL or RCPT with that address."""
        return f"{enhanced} {words}"

    def queue_id_of(self, accepted):
        """From the answer to an accepted message."""
        return re.search(self.ACCEPTED, accepted).group(1)

    def answers_on(self, port):
        try:
            with socket.create_connection((self.host, port), timeout=2):
                return True
        except OSError:
            return False

    def mail(self):
        """All messages delivered so far, in no order."""
        found = []
        for name in (os.listdir(self.maildir + "/new") if os.path.isdir(self.maildir + "/new") else []):
            with open(os.path.join(self.maildir, "new", name), "rb") as f:
                found.append(email.message_from_binary_file(f, policy=email.policy.compat32))
        return found

    def mail_with(self, token, seconds=20.0):
        """The one message whose Subject or body holds the token, once it is there."""
        def look():
            return [m for m in self.mail() if token in str(m.get("Subject", "")) or token in m.as_string()]
        return wait_for(f"a delivered message with {token}", look, seconds)[0]

    def wait_until_empty(self, seconds=30.0):
        wait_for("an empty queue", lambda: not self.queue(), seconds, every=0.1)


class Postfix(Mta):
    """One instance. Mail for example.com goes to one Maildir; everything else is refused or returned."""
    QUEUE_ID = r"^[0-9A-F]+$"
    ACCEPTED = r"queued as (\w+)"

    @staticmethod
    def logins(folder):
        return Logins(folder("logins"))

    def __init__(self, folder, milter, domains=("example.com",), ports=1, settings=None, services=None,
                 host="127.0.0.1"):
        """services: settings of one smtpd each, by the port it listens on; else as many plain ones as ports says."""
        super().__init__(folder, services or {free_port(): {} for _ in range(ports)}, host)
        self.config = folder("postfix")
        self.log_path = folder("log", "maillog")
        self.is_running = False
        nobody = pwd.getpwnam("nobody")
        values = {
            "compatibility_level": "3.6",
            "queue_directory": folder("queue"),
            "data_directory": folder("data"),
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self.log_path,
            "maillog_file_prefixes": folder.path,
            "myhostname": "mx.example.com",
            "mydomain": "example.com",
            "myorigin": "example.com",
            "mydestination": "",
            "mynetworks": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "virtual_mailbox_domains": " ".join(domains),
            "virtual_mailbox_base": folder("mail"),
            "virtual_mailbox_maps": "static:inbox/",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "default_transport": "error:5.4.4 no mail leaves this instance",
            "disable_dns_lookups": "yes",
            "smtpd_peername_lookup": "no",
            "local_header_rewrite_clients": "",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_error_sleep_time": "0",
            "smtpd_hard_error_limit": "1000",
            "smtpd_soft_error_limit": "1000",
            "smtpd_tls_security_level": "none",
            "default_process_limit": "200",
            "in_flow_delay": "0",
            "smtpd_milters": milter,
            "non_smtpd_milters": milter,
            "milter_protocol": "6",
            "milter_default_action": "tempfail",
        }
        values.update(settings or {})
        ports_cf = "\n".join(f"{host}:{port} inet n - n - - smtpd" +
                             "".join(f"\n  -o {{ {name} = {value} }}" for name, value in own.items())
                             for port, own in self.services.items())
        folder.write("postfix/main.cf", "".join(f"{k} = {v}\n" for k, v in values.items()))
        folder.write("postfix/master.cf", MASTER_CF.format(ports=ports_cf))
        for name in ("queue", "log", "data"):
            os.makedirs(folder(name), exist_ok=True)
        os.makedirs(folder("mail"), exist_ok=True)
        os.chown(folder("data"), pwd.getpwnam("postfix").pw_uid, -1)
        os.chown(folder("mail"), nobody.pw_uid, nobody.pw_gid)

    def _command(self, *args, check=True, **more):
        done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False, **more)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(args)}: {done.stdout}{done.stderr}\n{self.log()[-2000:]}")
        return done

    def start(self):
        self._command("postfix", "-c", self.config, "start")
        self.is_running = True
        for port in self.ports:
            wait_for(f"Postfix on port {port}", lambda p=port: self.answers_on(p))

    def stop(self):
        if self.is_running:
            self._command("postfix", "-c", self.config, "stop", check=False)
            self.is_running = False

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def queue(self):
        """What waits, as postqueue shows it."""
        out = self._command("postqueue", "-c", self.config, "-j").stdout
        return [json.loads(line) for line in out.splitlines()]

    def flush(self):
        self._command("postqueue", "-c", self.config, "-f")

    def release(self, queue_id):
        self._command("postsuper", "-c", self.config, "-H", queue_id)

    def sendmail(self, sender, recipients, message):
        """Mail from a program on this host, through sendmail(1)."""
        return self._command("sendmail", "-C", self.config, "-i", "-f", sender, *recipients, check=False,
                             input=message)

    def client(self, address="192.0.2.1", name="mx.example.org", helo=None, port=None, **more):
        """An SMTP session that Postfix takes for one from that address (XCLIENT), after EHLO."""
        return Client(self.host, port or self.port, address, name, helo or name, **more)


class Client:
    """SMTP by hand: every command answers (code, text), nothing raises on a refusal."""

    def __init__(self, host, port, address, name, helo, timeout=30, tls=None, source=None):
        """address: what XCLIENT says, or None; tls: the context of a connection that is TLS from the first byte on;
        source: the address to come from."""
        source = None if source is None else (source, 0)
        self.smtp = (smtplib.SMTP(host, port, helo, timeout, source) if tls is None else
                     smtplib.SMTP_SSL(host, port, helo, timeout=timeout, context=tls, source_address=source))
        self.helo = helo
        self.greeting = None
        self.ehlo_answer = self.command(f"EHLO {helo}")
        if address is not None and self.ehlo_answer[0] != 421:
            self.xclient_answer = self.command(f"XCLIENT ADDR={address} NAME={name or '[UNAVAILABLE]'}")
            self.ehlo_answer = self.command(f"EHLO {helo}")

    def command(self, line):
        code, text = self.smtp.docmd(line)
        return code, text.decode("utf-8", "replace")

    def starttls(self, context):
        self.smtp.starttls(context=context)
        self.ehlo_answer = self.command(f"EHLO {self.helo}")

    def login(self, name, password):
        """AUTH PLAIN (RFC 4616)."""
        return self.command("AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def raw(self, data):
        self.smtp.sock.sendall(data)

    def answer(self):
        code, text = self.smtp.getreply()
        return code, text.decode("utf-8", "replace")

    def mail(self, sender, parameters=""):
        return self.command(f"MAIL FROM:<{sender}>{parameters}")

    def rcpt(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, message):
        """DATA and the message; the answer to whichever refused, or the final one."""
        answer = self.command("DATA")
        if answer[0] != 354:
            return answer
        self.raw(dot_stuffed(message) + b".\r\n")
        return self.answer()

    def send(self, sender, recipients, message):
        """A whole transaction; the first answer that is no success, else the last."""
        answer = self.mail(sender)
        if answer[0] != 250:
            return answer
        accepted = 0
        for recipient in recipients:
            answer = self.rcpt(recipient)
            accepted += answer[0] == 250
        return self.data(message) if accepted else answer

    def quit(self):
        try:
            self.smtp.quit()
        except (smtplib.SMTPException, OSError):
            self.smtp.close()

    def drop(self):
        """The client is gone without a word."""
        self.smtp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.quit()


class Logins:
    """Says yes to every AUTH PLAIN whose password is the login: the server side of Dovecot's auth protocol, which
    Postfix speaks with smtpd_sasl_type = dovecot."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def settings(self):
        return {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": self.path,
                "broken_sasl_auth_clients": "no", "smtpd_sasl_security_options": "noanonymous"}

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client):
        client.sendall(b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n")
        for line in client.makefile("rb"):
            words = line.decode().rstrip("\n").split("\t")
            if words[0] != "AUTH":
                continue
            response = [w[5:] for w in words if w.startswith("resp=")]
            _, login, password = base64.b64decode(response[0]).decode().split("\0")
            is_good = login == password
            client.sendall(f"{'OK' if is_good else 'FAIL'}\t{words[1]}\tuser={login}\n".encode())

    def close(self):
        self.socket.close()


def dot_stuffed(message):
    if isinstance(message, str):
        message = message.encode("utf-8")
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)


class Gatepost:
    """The daemon under test, with its folder of configuration, policies and zone."""

    def __init__(self, folder, policies, zone="", options="", binary=None, listen=None, milter=None,
                 state="gate"):
        self.folder = folder
        self.binary = binary or os.path.join(BUILD, "gatepost")
        self.socket_path = folder("gate", "milter.sock")
        self.milter = milter or f"unix:{self.socket_path}"
        self.store_path = folder(state, "records.db")
        self.log_path = folder(state, "log")
        self.options = options
        self.listen = listen or (f'{{ socket = "unix:{self.socket_path}"; mode = "0660"; group = "postfix"; }}')
        self.process = None
        self.wrapper = []    # a command that ends with running the daemon in its place
        os.makedirs(folder("gate"), exist_ok=True)
        self.policies(policies)
        self.zone(zone)
        self.config()

    def config(self, **replaced):
        values = {
            "listen": f"( {self.listen} )",
            "authserv_id": '"mx.example.com"',
            "policies": f'"{self.policy_folder}"',
            "dns": '{ zone_file = "zone"; timeout_ms = 2000; }',
            "store": f'"sqlite:{self.store_path}"',
            "log": f'{{ target = "file:{self.log_path}"; format = "json"; }}',
        }
        values.update(replaced)
        text = "".join(f"{k} = {v};\n" for k, v in values.items())
        self.config_path = self.folder.write("gate/gatepost.conf", text + self.options)

    def policies(self, text_or_folder):
        """A folder to use as it is, or the text of one policy file."""
        if os.path.isdir(text_or_folder):
            self.policy_folder = text_or_folder
        else:
            self.policy_folder = self.folder("gate", "policies")
            self.folder.write("gate/policies/10-test.conf", text_or_folder)

    def zone(self, text):
        self.folder.write("gate/zone", text)

    def start(self, seconds=30, is_quiet=False):
        """Until its log says that it is ready; if that is quiet, until its socket is there."""
        mark = self._size()
        # libmilter's own locks race with each other when it stops; ours are what ThreadSanitizer is asked about.
        tsan = "ignore_noninstrumented_modules=1 " + os.environ.get("TSAN_OPTIONS", "")
        with open(self.folder("gate", "stderr"), "ab") as stderr:
            self.process = subprocess.Popen([*self.wrapper, self.binary, "run", "-c", self.config_path],
                                            stdout=subprocess.DEVNULL, stderr=stderr,
                                            env={**os.environ, "TSAN_OPTIONS": tsan})
        wait_for("gatepost to be ready", lambda: self._is_ready(mark, is_quiet), seconds)

    def _is_ready(self, mark, is_quiet):
        if self.process.poll() is not None:
            raise RuntimeError(f"gatepost ended with {self.process.returncode}: {self.stderr()}")
        # A supervisor tells when all its processes are.
        word = " processes serve" if self.listen.count("socket =") > 1 else " ready on "
        return os.path.exists(self.socket_path) if is_quiet else word in self.log(mark)

    def _size(self):
        try:
            return os.path.getsize(self.log_path)
        except FileNotFoundError:
            return 0

    def stderr(self):
        with open(self.folder("gate", "stderr"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, seconds=40):
        """SIGTERM; the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "did not stop"
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def reload(self, how=signal.SIGHUP, seconds=20):
        """The line that tells how it went."""
        mark = self._size()
        self.process.send_signal(how)
        word = "reload (complete|incomplete)" if self.listen.count("socket =") > 1 else "reloaded:"
        match = wait_for("the reload", lambda: re.search(f".*({word}|reload refused).*", self.log(mark)), seconds)
        return match.group(0)

    def log(self, since=0):
        try:
            with open(self.log_path, "rb") as f:
                f.seek(since)
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def records(self):
        """Decision records, oldest first."""
        found = []
        for line in self.log().splitlines():
            if line.startswith("{"):
                value = json.loads(line)
                if "disposition" in value:
                    found.append(value)
        return found

    def record_with(self, seconds=10.0, **wanted):
        """The newest record with these members; mail__from is from in mail."""
        def member(record, path):
            for name in path.split("__"):
                record = record.get(name) if isinstance(record, dict) else None
            return record

        def fits(record):
            return all(member(record, path) == value for path, value in wanted.items())
        return wait_for(f"a record with {wanted}", lambda: [r for r in self.records() if fits(r)], seconds)[-1]


class UnixHttp(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Web:
    """Asks a gateway's http.listen: a path is a UNIX socket, a number a port."""

    def __init__(self, where):
        self.where = where

    def ask(self, path, method="GET", **headers):
        """Status, headers, text."""
        link = UnixHttp(self.where) if isinstance(self.where, str) else http.client.HTTPConnection("127.0.0.1", self.where, timeout=60)
        try:
            link.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = link.getresponse()
            return response.status, response.headers, response.read().decode("utf-8")
        finally:
            link.close()

    def metrics(self):
        """{(name, (label, value), ...): number}"""
        found = {}
        for line in self.ask("/metrics")[2].splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            found[(name, *sorted(pairs))] = float(value)
        return found

    def metric(self, name, **labels):
        """The sum of all that have these labels."""
        wanted = set(labels.items())
        return sum(v for k, v in self.metrics().items() if k[0] == f"gatepost_{name}" and wanted <= set(k[1:]))


class House:
    """Folder, daemon and Postfix together: what most tests want."""

    def __init__(self, policies, zone="", options="", settings=None, ports=1, mta=Postfix, **more):
        self.folder = Folder()
        self.gate = Gatepost(self.folder, policies, zone, options, **more)
        self.postfix = mta(self.folder, self.gate.milter, settings=settings, ports=ports)

    @classmethod
    def of(cls, folder, gate, postfix):
        """One whose parts a test has made itself."""
        house = cls.__new__(cls)
        house.folder, house.gate, house.postfix = folder, gate, postfix
        return house

    def start(self):
        try:
            self.gate.start()
            self.postfix.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        self.postfix.stop()
        code = self.gate.stop()
        self.folder.remove()
        return code


def need_root_and_postfix():
    """What is missing to run at all, or None."""
    if os.geteuid() != 0:
        return "root is needed: Postfix's master does not start without"
    if shutil.which("postfix", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        return "Postfix is not installed: apt-get install postfix"
    try:
        pwd.getpwnam("postfix")
        grp.getgrnam("postdrop")
    except KeyError:
        return "user postfix or group postdrop is missing"
    return None
