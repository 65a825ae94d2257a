"""Who may log in, and over which TLS: a private Dovecot and certificates of an authority made for the test."""
import os
import shutil
import ssl
import subprocess

from harness import wait_for

DOVECOT_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""


def need_dovecot():
    """What is missing to run it, or None."""
    return None if shutil.which("dovecot") else "Dovecot's SASL server is not installed: apt-get install dovecot-core"


class Dovecot:
    """Only its SASL server. The password of a login is the login backwards."""

    def __init__(self, folder, logins):
        self.path = folder("dovecot")
        folder.write("dovecot/dovecot.conf", DOVECOT_CONF.format(folder=self.path))
        folder.write("dovecot/users", "".join(f"{login}:{{PLAIN}}{self.password(login)}\n" for login in logins))

    @staticmethod
    def password(login):
        return login[::-1]

    def settings(self):
        return {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": f"{self.path}/auth", "smtpd_sasl_auth_enable": "yes",
                "smtpd_sasl_security_options": "noanonymous"}

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", f"{self.path}/dovecot.conf"])
        wait_for("Dovecot's socket", lambda: os.path.exists(f"{self.path}/auth"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Authority:
    """A certification authority that everyone may ask for any name."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        os.makedirs(folder("tls"), exist_ok=True)
        self.certificate = self._new("ca-" + name, f"/O=Test/CN={name}", "-x509")[0]

    def _new(self, name, subject, *how):
        stem = self.folder("tls", name.replace(" ", "-"))
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", subject, "-days", "7", "-keyout", stem + ".key", "-out", stem + ".pem", *how],
                       check=True, capture_output=True)
        return stem + ".pem", stem + ".key"

    def issue(self, name, subject=None):
        """Paths of a certificate for the name, and of its key."""
        return self._new(f"{self.name}-{name}", subject or f"/O=Test/CN={name}", "-x509",
                         "-CA", self.certificate, "-CAkey", self.certificate.replace(".pem", ".key"),
                         "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=CA:FALSE")

    def context(self, version=None, ciphers=None, certificate=None):
        """What a client knows: this authority; with this TLS version only, these ciphers, this certificate."""
        context = ssl.create_default_context(cafile=self.certificate)
        if version is not None:
            context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context
