"""What is measured: each subject is one set-up of filters with the same task, started below a folder of its own."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import messages

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("builddir", os.path.join(TOP, "build")))
START_S = 180  # rspamd compiles its patterns first

# What the MTA may leave out for the filter that does nothing (SMFIP_* of libmilter/mfdef.h).
STEPS_EVERY = 0
STEPS_ENVELOPE = 0x80 | 0x20000 | 0x40000 | 0x80000       # no answers to header, unknown, end of header, body
STEPS_END = STEPS_ENVELOPE | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x100


def cpu_clock(pid):
    """clock_getcpuclockid(3): CPU time of all threads of a process, also those that have ended."""
    return (~pid << 3) | 2


def children(pid):
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                for child in f.read().split():
                    found += children(int(child))
    except FileNotFoundError:
        pass
    return found


class Subject:
    name = ""
    can_verify = can_sign = True

    def __init__(self, folder, messages_made, core=None):
        self.folder = os.path.join(folder, re.sub(r"\W+", "-", self.name))
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.messages = messages_made
        self.core = core
        self.started = []
        self.sockets = []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def run(self, *command):
        """Starts a filter of this set-up, on the core of the subjects."""
        def pin():
            if self.core is not None:
                os.sched_setaffinity(0, {self.core})
        log = open(self.path("output"), "ab")
        self.started.append(subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=pin, cwd=self.folder))

    def output(self):
        with open(self.path("output"), encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]

    def wait(self, path):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(path)
                    return f"unix:{path}"
                except OSError:
                    time.sleep(0.05)
            if any(p.poll() is not None for p in self.started):
                break
        raise RuntimeError(f"{self.name} did not start: {self.output()}")

    def pids(self):
        return [pid for p in self.started for pid in children(p.pid)]

    def cpu_us(self):
        """Of all its processes, when nothing more happens: records may be written behind the answers."""
        last = None
        while True:
            now = sum(time.clock_gettime_ns(cpu_clock(pid)) for pid in self.pids()) / 1000
            if last is not None and now - last < 200:
                return now
            last = now
            time.sleep(0.05)

    def memory_kb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M).group(1))
        return total

    def stop(self):
        for p in self.started:
            p.send_signal(signal.SIGTERM)
        for p in self.started:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.started = []


class Null(Subject):
    def __init__(self, folder, messages_made, core, name, steps):
        self.name = name
        super().__init__(folder, messages_made, core)
        self.steps = steps

    def start(self):
        self.run(os.path.join(BUILD, "tests/bench/null_milter"), "unix:" + self.path("socket"), str(self.steps))
        self.sockets = [self.wait(self.path("socket"))]


WORKFLOWS = """
workflows = (
  { name = "one"; shared = true; match = { auth = { login = "one"; }; }; identity = { mail_from = [ "*@DOMAIN" ]; from = [ "*@DOMAIN" ]; };
    sign = ( { domain = "DOMAIN"; selector = "rsa"; key = "bench-rsa"; } ); },
  { name = "two"; shared = true; match = { auth = { login = "two"; }; }; identity = { mail_from = [ "*@DOMAIN" ]; from = [ "*@DOMAIN" ]; };
    sign = ( { domain = "DOMAIN"; selector = "rsa"; key = "bench-rsa"; },
             { domain = "DOMAIN"; selector = "ed25519"; key = "bench-ed25519"; } ); }
);
""".replace("DOMAIN", messages.DOMAIN)


class Gatepost(Subject):
    """With its shipped policies, a record of each message in SQLite and a line in a log file."""
    name = "gatepost"
    wrapper = ()

    def __init__(self, folder, messages_made, core, dns, is_signing, name=None, policies=None):
        self.name = name or ("gatepost signing" if is_signing else "gatepost")
        super().__init__(folder, messages_made, core)
        if policies is None:
            shutil.copytree(os.path.join(TOP, "policies"), self.path("policies"))
        else:
            os.mkdir(self.path("policies"))
            self.write("policies/10-bench.conf", policies)
        if is_signing:
            self.write("policies/60-bench.conf", WORKFLOWS)
            os.mkdir(self.path("keys"), 0o700)
            for key in messages_made.keys.values():
                shutil.copy(key.path, self.path("keys"))
        self.config = self.write("gatepost.conf", f"""
listen = ( {{ socket = "unix:{self.path('socket')}"; mode = "0660"; }} );
authserv_id = "mx.recipient.example";
policies = "policies";
dns = {{ servers = [ "{dns}" ]; }};
store = "sqlite:{self.path('records.db')}";
log = {{ target = "file:{self.path('log')}"; format = "text"; }};
""")

    def start(self):
        self.run(*self.wrapper, os.path.join(BUILD, "gatepost"), "run", "-c", self.config)
        self.sockets = [self.wait(self.path("socket"))]

    def log(self):
        with open(self.path("log"), encoding="utf-8") as f:
            return f.read()

    def reload(self):
        before = self.log().count("reloaded:")
        self.started[0].send_signal(signal.SIGHUP)
        deadline = time.monotonic() + START_S
        while self.log().count("reloaded:") == before:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not reload: {self.log()[-2000:]}")
            time.sleep(0.005)


# libunbound in opendkim would ask no resolver on this host.
UNBOUND = """server:
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1
"""


class OpenDkimDmarc(Subject):
    """opendkim and opendmarc one behind the other, opendmarc with its own SPF check. Their DNS is /etc/resolv.conf."""
    name = "opendkim + opendmarc"

    def start(self):
        self.write("opendkim.conf", f"""
Syslog no
Mode v
Socket local:{self.path('dkim.sock')}
UMask 000
AuthservID mx.recipient.example
AlwaysAddARHeader yes
InternalHosts {self.write('internal', '127.0.0.1')}
DNSTimeout 5
ResolverConfiguration {self.write('unbound.conf', UNBOUND)}
Background no
""")
        self.write("opendmarc.conf", f"""
Syslog false
Background false
Socket local:{self.path('dmarc.sock')}
UMask 000
AuthservID mx.recipient.example
TrustedAuthservIDs mx.recipient.example
SPFSelfValidate true
SPFIgnoreResults true
RejectFailures false
DNSTimeout 5
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
""")
        self.run("opendkim", "-f", "-x", self.path("opendkim.conf"))
        self.run("opendmarc", "-f", "-c", self.path("opendmarc.conf"))
        self.sockets = [self.wait(self.path("dkim.sock")), self.wait(self.path("dmarc.sock"))]


class OpenDkimSigning(Subject):
    """One opendkim signs with one algorithm: for two signatures two of them, one behind the other."""
    name = "opendkim signing"

    def __init__(self, folder, messages_made, core, kinds):
        self.name = "opendkim signing " + "+".join(kinds)
        super().__init__(folder, messages_made, core)
        self.kinds = kinds

    def start(self):
        os.mkdir(self.path("keys"), 0o700)
        for kind in self.kinds:
            key = shutil.copy(self.messages.keys[kind].path, self.path("keys"))
            config = self.write(f"{kind}.conf", f"""
Syslog no
Mode s
Socket local:{self.path(kind + '.sock')}
UMask 000
Background no
RequireSafeKeys no
Canonicalization relaxed/relaxed
OversignHeaders From
SignatureAlgorithm {kind}-sha256
KeyTable {self.write(kind + '.keytable', f"{kind} {messages.DOMAIN}:{kind}:{key}")}
SigningTable refile:{self.write(kind + '.signingtable', f"*@{messages.DOMAIN} {kind}")}
InternalHosts {self.write('internal', messages.CLIENT)}
""")
            self.run("opendkim", "-f", "-x", config)
        self.sockets = [self.wait(self.path(kind + ".sock")) for kind in self.kinds]


SUFFIXES = "example\ncom\nnet\norg\n"


class Rspamd(Subject):
    """Only the modules for SPF, DKIM, DMARC, signing and Authentication-Results, in one process that speaks milter; no
    search for URLs and no guess of the language, which the others do not do either."""
    name = "rspamd"

    def __init__(self, folder, messages_made, core, kinds=()):
        self.name = "rspamd" + (" signing " + "+".join(kinds) if kinds else "")
        super().__init__(folder, messages_made, core)
        self.kinds = kinds

    def key_path(self, kind):
        """It reads Ed25519 keys in its own form."""
        key = self.messages.keys[kind]
        return key.path if kind == "rsa" else self.write("ed25519.key", key.secret_base64())

    def start(self):
        modules = """
spf { spf_cache_size = 2k; spf_cache_expire = 1d; }
dkim { dkim_cache_size = 2k; dkim_cache_expire = 1d; time_jitter = 6h; trusted_only = false; skip_multi = false; }
dmarc { }
"""
        filters = "dkim"
        if self.kinds:
            paths = ",\n".join(f'{{ selector = "{kind}"; path = "{self.key_path(kind)}"; }}' for kind in self.kinds)
            modules = f"""
dkim {{ sign_headers = "(o)from:(x)to:(x)subject:(x)date:(x)message-id:(x)mime-version:(x)content-type"; }}
dkim_signing {{ sign_authenticated = true; sign_local = true; allow_username_mismatch = true; check_pubkey = false;
  domain {{ {messages.DOMAIN} {{ selectors [ {paths} ] }} }} }}
"""
        self.write("rspamd.conf", f"""
options {{
  pidfile = "{self.path('pid')}"; filters = "{filters}"; cache_file = "{self.path('symbols.cache')}"; dynamic_conf = "{self.path('dyn')}";
  history_file = "{self.path('history')}"; tempdir = "/tmp"; url_tld = "{self.write('tld', SUFFIXES)}";
  control_socket = "{self.path('control')} mode=0600"; stats_file = "{self.path('stats')}"; hs_cache_dir = "{os.path.dirname(self.folder)}/";
  local_addrs = [ "127.0.0.0/8" ]; dns {{ timeout = 5s; sockets = 16; retransmits = 2; nameserver = [ "127.0.0.1" ]; }}
  explicit_modules = [ ]; disable_monitoring = true; check_all_filters = false; allow_raw_input = true;
}}
logging {{ type = "file"; filename = "{self.path('log')}"; level = "notice"; }}
worker "rspamd_proxy" {{
  bind_socket = "{self.path('socket')} mode=0666"; milter = yes; timeout = 120s; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
lang_detection {{ languages = "{self.folder}"; }}
modules {{ path = "/usr/share/rspamd/plugins/"; }}
{modules}
milter_headers {{ use = [ "authentication-results" ]; skip_local = false; skip_authenticated = false; authenticated_headers = [ ];
  authenticated_headers = [ "authentication-results" ];
  routines {{ authentication-results {{ add_smtp_user = false; }} }} }}
actions {{ reject = 1000; add_header = 999; greylist = 998; }}
""")
        self.run("rspamd", "-f", "-i", "-u", "root", "-g", "root", "-c", self.path("rspamd.conf"))
        self.sockets = [self.wait(self.path("socket"))]
