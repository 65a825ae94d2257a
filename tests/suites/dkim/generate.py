#!/usr/bin/python3
"""Makes the signed messages of this folder: *.eml, keys.zone and verdicts.

The signer is dkimpy (Debian: python3-dkim, python3-nacl), so that signer and verifier share no code. Keys and
times are fixed: running it again changes nothing. A case is a call of message() with the verdicts that it must
get; where dkimpy's own verifier is asked too, both must agree.

usage: tests/suites/dkim/generate.py        (in the source folder)
"""

import base64
import hashlib
import os
import random
import re

import dkim
import nacl.signing
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import parse_pem_private_key, RSASSA_PKCS1_v1_5_sign

NOW = 1700000000  # the runner's clock stands here
HERE = os.path.dirname(os.path.abspath(__file__))
RSA_OID = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"


def path(name):
    return os.path.join(HERE, name)


def read(name):
    with open(path(name), "rb") as f:
        return f.read()


# --- keys ---------------------------------------------------------------------------------------------------

RSA = {bits: parse_pem_private_key(read("keys/rsa%d.pem" % bits)) for bits in (1024, 2048, 4096)}
ED25519 = nacl.signing.SigningKey(base64.b64decode(read("keys/ed25519.seed")))


def der(kind, *parts):
    content = b"".join(parts)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([kind]) + (bytes([len(content)]) if len(content) < 128 else bytes([0x80 + len(size)]) + size) + content


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def bare_rsa(n, e):
    return der(0x30, integer(n), integer(e))


def spki_rsa(n, e, parameters=der(5)):
    return der(0x30, der(0x30, der(6, RSA_OID), parameters), der(3, b"\0", bare_rsa(n, e)))


def b64(data):
    return base64.b64encode(data).decode()


def public(bits):
    return b64(spki_rsa(RSA[bits]["modulus"], RSA[bits]["publicExponent"]))


def odd(bits):
    """A number of that many bits that nobody can sign with: such keys are refused before any arithmetic."""
    return random.Random(bits).getrandbits(bits) | 1 | 1 << (bits - 1)


P1024, P2048, P4096 = public(1024), public(2048), public(4096)
PED = b64(ED25519.verify_key.encode())
ZONE = {}     # selector -> list of records, or the word for a failure


def key(selector, *records):
    ZONE[selector] = records


key("r1024", "v=DKIM1; k=rsa; p=" + P1024)
key("r2048", "v=DKIM1; k=rsa; p=" + P2048)
key("r4096", "v=DKIM1; k=rsa; p=" + P4096)
key("ed", "v=DKIM1; k=ed25519; p=" + PED)

# --- signing ------------------------------------------------------------------------------------------------

HEADERS = (b"Received: from a.example.net by b.example.com; Tue, 14 Nov 2023 22:13:20 +0000\n"
           b"From: Joe SixPack <joe@example.org>\n"
           b"To: Suzie Q <suzie@example.com>\n"
           b"Subject: Is dinner ready?\n"
           b"Date: Tue, 14 Nov 2023 22:13:20 +0000\n"
           b"Message-ID: <20231114221320.1@example.org>\n")
BODY = (b"Hi.\n\nWe lost  the game.\t Are you hungry yet? \n \n.\n..dots\nGr\xfc\xdfe, \xe2\x82\xac\n"
        b"\t\nJoe.\n\n \n\n")
NAMES = "from:to:subject:date:message-id"
BASIC = "v=1; a={a}; c={c}; d=example.org; s={s};{extra}\n\th={h};\n\tbh=@BH@;\n\tb=@B@"


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def fold(text):
    return "\n\t ".join(text[i:i + 68] for i in range(0, len(text), 68))


def tag(value, name, default):
    found = re.search(r"(?:^|;)\s*%s\s*=\s*([^;]*)" % name, value)
    return re.sub(r"\s", "", found.group(1)) if found else default


def sign(headers, body, value, signing_key, field="DKIM-Signature: "):
    """The signature field for this message; @BH@ and @B@ in value stand for the hash and the signature."""
    policy = CanonicalizationPolicy.from_c_value(tag(value, "c", "simple/simple").encode())
    canonical = policy.canonicalize_body(crlf(body))
    length = tag(value, "l", "")
    if length and int(length) <= len(canonical):
        canonical = canonical[:int(length)]
    value = value.replace("@BH@", b64(hashlib.sha256(canonical).digest()))
    name, blank = field.split(":", 1)
    fields = dkim.rfc822_parse(crlf(headers) + b"\r\n")[0]
    names = [n.lower().encode() for n in tag(value, "h", "").split(":")]
    chosen = dkim.select_headers(policy.canonicalize_headers([tuple(f) for f in fields]), names)
    own = policy.canonicalize_headers([(name.encode(), crlf((blank + value.replace("@B@", "")).encode()))])
    hasher = hashlib.sha256()
    for n, v in chosen + [(n, v.rstrip(b"\r\n") if value else v) for n, v in own]:
        hasher.update(n + b":" + v)
    if signing_key is ED25519:
        raw = signing_key.sign(hasher.digest()).signature
    else:
        raw = bytes(RSASSA_PKCS1_v1_5_sign(hasher, signing_key))
    return (field + value.replace("@B@", fold(b64(raw))) + "\n").encode()


def basic(selector="r2048", c="relaxed/relaxed", h=NAMES, extra="", a=None):
    if a is None:
        a = "ed25519-sha256" if selector.startswith("ed") else "rsa-sha256"
    return BASIC.format(a=a, c=c, s=selector, h=h, extra=" " + extra if extra else "")


def key_of(value):
    if tag(value, "a", "").startswith("ed25519"):
        return ED25519
    return RSA[int(tag(value, "s", "")[1:]) if re.match(r"r(1024|4096)$", tag(value, "s", "")) else 2048]


def signed(value, headers=HEADERS, body=BODY, signing_key=None, field="DKIM-Signature: "):
    return sign(headers, body, value, signing_key or key_of(value), field) + headers + b"\n" + body


# --- cases --------------------------------------------------------------------------------------------------

VERDICTS = []


def message(name, text, *verdicts, dkimpy=None):
    """Verdicts are in header order: "result domain selector algorithm [marks] [| part of the reason]"."""
    with open(path(name + ".eml"), "wb") as f:
        f.write(text)
    VERDICTS.append("%s.eml\n%s\n" % (name, "".join("\t%s\n" % v for v in verdicts)))
    if dkimpy is None:
        dkimpy = all(v.startswith("pass") for v in verdicts)
    if dkimpy:
        for i, v in enumerate(verdicts):
            passed = dkim.DKIM(crlf(text)).verify(idx=i, dnsfunc=lookup)
            assert passed == v.startswith("pass"), (name, v)


def lookup(name, timeout=5):
    selector = name.decode().split("._domainkey.")[0]
    return ZONE[selector][0].encode()


def verdict(result="pass", selector="r2048", algorithm=None, marks="", reason="", domain="example.org"):
    if algorithm is None:
        algorithm = "ed25519-sha256" if selector.startswith("ed") else "rsa-sha256"
    text = " ".join(x for x in (result, domain, selector, algorithm, marks) if x)
    return text + (" | " + reason if reason else "")


def simple_case(name, value, result="pass", selector="r2048", **kw):
    more = {k: kw.pop(k) for k in ("marks", "reason", "algorithm", "domain") if k in kw}
    dkimpy = kw.pop("dkimpy", None)
    message(name, signed(value, **kw), verdict(result, selector, **more), dkimpy=dkimpy)


def key_case(name, selector, result, reason="", records=(), value=None, marks=""):
    key(selector, *records)
    simple_case("key-" + name, value or basic(selector), result, selector, reason=reason, marks=marks, dkimpy=False)


def canonicalizations():
    for c in ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"):
        simple_case("c-" + c.replace("/", "-"), basic(c=c))
    simple_case("c-absent", basic().replace(" c=relaxed/relaxed;", ""))
    simple_case("c-relaxed-alone", basic(c="relaxed"))
    for s in ("r1024", "r4096", "ed"):
        simple_case("key-size-" + s, basic(s), selector=s)
    folded = HEADERS.replace(b"Is dinner ready?", b" Is\n\tdinner \n   ready?\n\t ").replace(b"To: ", b"TO:")
    bodies = {"no-body": b"", "blank-lines": b"\n\n\n", "blanks": b" \n\t\n", "one-line": b"x\n", "blank-first": b"\nx\n"}
    for c in ("relaxed/relaxed", "simple/simple"):
        short = c.split("/")[0]
        simple_case(short + "-folded-headers", basic(c=c), headers=folded, dkimpy=False)
        for b, text in bodies.items():
            simple_case(short + "-" + b, basic(c=c), body=text)
    value = basic(c="simple/simple")
    text = signed(value, body=b"")
    message("simple-no-blank-line", text[:-1], verdict())
    long = HEADERS + b"X-Long: " + b"0123456789abcde " * 4500 + b"\n"
    simple_case("long-field", basic(h=NAMES + ":x-long"), headers=long)


def changes():
    text = signed(basic())
    message("changed-body", text.replace(b"the game", b"the war"), verdict("fail", reason="the body was changed"))
    message("changed-blanks-relaxed", text.replace(b"lost  the", b"lost \t the"), verdict())
    message("changed-subject", text.replace(b"dinner", b"supper"), verdict("fail", reason="header fields were changed"))
    message("changed-received", text.replace(b"a.example.net", b"z.example.net"), verdict())
    message("changed-signature-field", text.replace(b"c=relaxed", b"c= relaxed"),
            verdict("fail", reason="header fields were changed"))
    message("added-from", b"From: Eve <eve@example.net>\n" + text, verdict("policy", reason="several From fields"))
    for field in (b"Subject: You have won", b"subject : You have won", b"To: you@example.net", b"Date: now"):
        name = field.split(b":")[0].decode().strip().lower() + ("-blank" if b" :" in field else "")
        message("added-" + name, field + b"\n" + text, verdict("policy", reason="and it does not cover all"))
    message("added-reply-to-not-covered", b"Reply-To: eve@example.net\n" + text, verdict(), dkimpy=False)
    above = signed(basic(h="from:" + NAMES))
    message("added-from-oversigned", b"From: Eve <eve@example.net>\n" + above, verdict("fail"))
    message("oversigned", above, verdict())
    message("every-field-oversigned", signed(
        basic(h="received:from:to:subject:date:message-id:dkim-signature:from:to")), verdict("fail"), dkimpy=False)


def domains():
    """Signed by somebody else: nobody has a key at these names here, ../spoofing/ has."""
    for name, d in (("other", "attack.example"), ("longer", "example.org.attack.example"), ("below", "a.b.example.org"),
                    ("suffix", "notexample.org"), ("short", "x.org")):
        simple_case("domain-" + name, basic().replace("d=example.org", "d=" + d), "permerror", domain=d,
                    reason="no such record", dkimpy=False)
    simple_case("domain-control", basic().replace("d=example.org", "d=example.org\1.attack.example"), "permerror",
                domain="-", selector="-", algorithm="-", reason="control characters", dkimpy=False)


def lengths():
    relaxed = len(CanonicalizationPolicy.from_c_value(b"relaxed/relaxed").canonicalize_body(crlf(BODY)))
    simple_case("length-whole", basic(extra="l=%d;" % relaxed))
    appended = signed(basic(extra="l=%d;" % relaxed)) + b"Buy now!\n"
    message("length-appended", appended, verdict(marks="partial"))
    message("length-appended-blanks", signed(basic(extra="l=%d;" % relaxed)) + b"\n \n\n", verdict())
    simple_case("length-zero", basic(extra="l=0;"), marks="partial", dkimpy=False)
    simple_case("length-zero-no-body", basic(extra="l=0;"), body=b"")
    message("length-zero-any-body", signed(basic(extra="l=0;"), body=b"") + b"Buy now!\n", verdict(marks="partial"))
    simple_case("length-over", basic(extra="l=%d;" % (relaxed + 1)), "permerror", reason="more than the body has",
                dkimpy=False)
    for n, digits in (("16-digits", 10 ** 15), ("2-63", 2 ** 63), ("2-64", 2 ** 64 - 1)):
        simple_case("length-" + n, basic(extra="l=%d;" % digits), "permerror", reason="l= is no length", dkimpy=False)
    simple_case("length-negative", basic(extra="l=00;").replace("l=00", "l=0"), marks="partial", dkimpy=False)


def times():
    simple_case("time-plain", basic(extra="t=%d; x=99999999999;" % (NOW - 60)), dkimpy=False)
    simple_case("time-expired", basic(extra="t=%d; x=%d;" % (NOW - 9000, NOW - 600)), "permerror", reason="expired",
                dkimpy=False)
    simple_case("time-future", basic(extra="t=%d;" % (NOW + 86400)), "permerror", reason="future", dkimpy=False)
    simple_case("time-drift", basic(extra="t=%d;" % (NOW + 200)), dkimpy=False)
    simple_case("time-backwards", basic(extra="t=1600000000; x=1500000000;"), "permerror", reason="not after",
                dkimpy=False)
    simple_case("time-13-digits", basic(extra="x=1700000000000;"), "permerror", reason="no time", dkimpy=False)
    simple_case("time-12-digits", basic(extra="x=999999999999;"), dkimpy=False)
    simple_case("time-no-number", basic(extra="t=soon;"), "permerror", reason="no time", dkimpy=False)


def identities():
    good = {"plain": "joe@example.org", "subdomain": "joe@mail.example.org", "no-local-part": "@example.org",
            "upper-case": "Joe@EXAMPLE.Org", "quoted": "j=6Fe@example.org"}
    for n, i in good.items():
        simple_case("identity-" + n, basic(extra="i=%s;" % i), dkimpy=False)
    bad = {"other": "joe@example.net", "parent": "joe@org", "suffix": "joe@notexample.org", "no-at": "example.org",
           "two-ats": "a@b@example.org", "ends-in-equals": "joe@example.org=", "ends-in-half": "joe@example.org=2",
           "nul": "a=00@example.org", "long": "a" * 300 + "@example.org"}
    for n, i in bad.items():
        simple_case("identity-" + n, basic(extra="i=%s;" % i), "permerror", reason="i= is ", dkimpy=False)


def tags():
    good = {"unknown": basic(extra="foo=bar; r=y;"), "no-space": basic().replace("; ", ";"),
            "spaced": basic().replace("d=example.org", "d =  example.org "), "trailing": basic() + ";",
            "upper-case-domain": basic().replace("d=example.org", "d=EXAMPLE.org"),
            "query": basic(extra="q=foo/bar : dns/txt;"), "names-spaced": basic(h=NAMES.replace(":", " : ")),
            "copied": basic(extra="z=From:joe=40example.org|Subject:x;"), "many-names": basic(h=NAMES + ":x" * 300)}
    for n, value in good.items():
        simple_case("tag-" + n, value, dkimpy=False)

    def bad(name, value, result, reason, **kw):
        simple_case("tag-" + name, value, result, reason=reason, dkimpy=False, **kw)
    bad("unknown-b", basic(extra="foob=bar;"), "neutral", "ends in b")
    bad("spaced-b", basic().replace("\tb=", "\tb ="), "neutral", "blank between")
    bad("upper-case", basic().replace("bh=", "bH=") + "; bh=" + b64(bytes(32)), "neutral", "upper case")
    bad("utf8", basic(extra="i=j\u00f6@example.org;"), "neutral", "UTF-8")
    bad("utf8-domain", basic().replace("d=example.org", "d=b\u00fccher.example.org"), "neutral", "UTF-8",
        domain="xn--bcher-kva.example.org")
    bad("query-other", basic(extra="q=http/get;"), "neutral", "q=")
    bad("twice", basic(extra="d=example.org;"), "permerror", "twice", domain="-", selector="-", algorithm="-")
    bad("empty", basic(extra=";"), "permerror", "no \"=\"", domain="-", selector="-", algorithm="-")
    bad("version", basic().replace("v=1", "v=2"), "permerror", "v= is not 1")
    bad("sha1", basic(a="rsa-sha1"), "permerror", "obsolete", algorithm="rsa-sha1")
    bad("algorithm", basic(a="rsa-sha512"), "permerror", "a= is unknown", algorithm="rsa-sha512")
    bad("one-label", basic().replace("d=example.org", "d=org"), "permerror", "d= is no", domain="-")
    bad("domain-dot", basic().replace("d=example.org", "d=example.org."), "permerror", "d= is no", domain="-")
    bad("selector", basic().replace("s=r2048", "s=r2048..x"), "permerror", "s= is no", selector="-")
    bad("names-without-from", basic(h="to:subject"), "permerror", "does not name From")
    bad("names-empty", basic(h="from::to"), "permerror", "no list")
    bad("names-long", basic(h="from" + ":x" * 2000), "permerror", "too long")
    for t, reason in (("a", "a= is missing"), ("d", "d= is missing"), ("h", "h= is missing"), ("s", "s= is missing"),
                      ("bh", "bh= is missing"), ("v", "v= is missing")):
        value = re.sub(r"(^|;)\s*%s=[^;]*(?=;)" % t, r"\1", basic()).lstrip("; ").replace(";;", ";")
        bad("missing-" + t, value, "permerror", reason, **{
            "d": {"domain": "-"}, "s": {"selector": "-"}, "a": {"algorithm": "-"}}.get(t, {}))
    text = signed(basic())
    message("tag-missing-b", re.sub(rb"(?s);\n\tb=.*?\n(?=Received)", b"\n", text),
            verdict("permerror", reason="b= is missing"))
    message("tag-empty-b", re.sub(rb"(?s)\tb=.*?\n(?=Received)", b"\tb=\n", text),
            verdict("permerror", reason="b= is no base64"))
    message("tag-short-hash", re.sub(rb"bh=.*?;", b"bh=YWJj;", text), verdict("permerror", reason="bh= is no"))
    message("tag-unpadded-hash", re.sub(rb"bh=(.*?)=;", rb"bh=\1;", text), verdict("neutral", reason="padding"))
    message("tag-c-unknown", text.replace(b"c=relaxed/relaxed", b"c=relaxed/strict"),
            verdict("permerror", reason="c= is unknown"))
    message("tag-l-negative", text.replace(b"d=example.org", b"l=-1; d=example.org"),
            verdict("permerror", reason="l= is no length"))
    simple_case("field-too-long", basic(extra="z=" + "x" * 33000 + ";"), "permerror", reason="too long", domain="-",
                selector="-", algorithm="-", dkimpy=False)


def keys():
    half = len(P2048) // 2
    n, e = RSA[2048]["modulus"], RSA[2048]["publicExponent"]
    key_case("no-version", "nov", "pass", records=["k=rsa; p=" + P2048])
    key_case("only-p", "onlyp", "pass", records=["p=" + P2048])
    key_case("bare", "bare", "pass", records=["v=DKIM1; p=" + b64(bare_rsa(n, e))])
    key_case("split", "split", "pass", records=[("v=DKIM1; k=rs", "a; p=" + P2048[:half], P2048[half:])])
    key_case("blanks", "blanks", "pass", records=["v=DKIM1; p=" + P2048[:half] + " \t" + P2048[half:] + " ; "])
    key_case("trailing-bytes", "trail", "pass", records=["p=" + b64(spki_rsa(n, e) + b"\0\0")])
    key_case("beside-others", "beside", "pass",
             records=["v=spf1 -all", "v=DKIM1; p=" + P2048, "google-site-verification=abc", "v=DMARC1; p=none"])
    key_case("long-notes", "notes", "pass", records=["v=DKIM1; n=" + "x" * 1200 + "; g=*; zz=1; p=" + P2048])
    key_case("8-bit-notes", "bit8", "pass", records=["v=DKIM1; n=gr\u00fc\u00dfe; p=" + P2048])
    key_case("hashes", "hashes", "pass", records=["v=DKIM1; h=sha1:sha256; p=" + P2048])
    key_case("services", "services", "pass", records=["v=DKIM1; s=other : email; p=" + P2048])
    key_case("any-service", "anyservice", "pass", records=["v=DKIM1; s=*; p=" + P2048])
    key_case("testing", "testing", "pass", records=["v=DKIM1; t=y; p=" + P2048], marks="testing")
    key_case("exact", "exact", "pass", records=["v=DKIM1; t=s:x; p=" + P2048],
             value=basic("exact", extra="i=joe@example.org;"))
    key_case("exact-subdomain", "exact", "permerror", "t=s", ["v=DKIM1; t=s:x; p=" + P2048],
             value=basic("exact", extra="i=joe@sub.example.org;"))
    key_case("absent", "absent", "permerror", "no such record", ["NXDOMAIN"])
    key_case("no-data", "nodata", "permerror", "no such record", ["NODATA"])
    key_case("servfail", "servfail", "temperror", "key servfail._domainkey.example.org: ", ["SERVFAIL"])
    key_case("timeout", "timeout", "temperror", "key timeout._domainkey.example.org: ", ["TIMEOUT"])
    key_case("bogus", "bogus", "temperror", "key bogus._domainkey.example.org: ", ["BOGUS"])
    key_case("foreign", "foreign", "permerror", "no key among", ["v=spf1 -all"])
    key_case("two", "two", "permerror", "several key records", ["v=DKIM1; p=" + P2048, "v=DKIM1; p=" + P1024])
    key_case("revoked", "revoked", "permerror", "revoked", ["v=DKIM1; p="])
    key_case("no-p", "nop", "permerror", "p= is missing", ["v=DKIM1; k=rsa"])
    key_case("no-base64", "nobase64", "permerror", "no base64", ["v=DKIM1; p=" + P2048.replace("A", "*", 1)])
    key_case("no-key", "nokey", "permerror", "no RSA key", ["v=DKIM1; p=" + b64(b"0123456789")])
    key_case("version", "version", "permerror", "v= is not", ["v=DKIM2; p=" + P2048])
    key_case("version-late", "late", "permerror", "v= is not", ["k=rsa; v=DKIM1; p=" + P2048])
    key_case("twice", "ktwice", "permerror", "twice", ["v=DKIM1; k=rsa; k=rsa; p=" + P2048])
    key_case("hash", "khash", "permerror", "h= does not allow", ["v=DKIM1; h=sha1; p=" + P2048])
    key_case("service", "kservice", "permerror", "s= does not allow", ["v=DKIM1; s=tlsrpt; p=" + P2048])
    key_case("type-other", "ktype", "permerror", "k= does not fit", ["v=DKIM1; k=ed25519; p=" + P2048])
    key_case("type-absent", "edabsent", "permerror", "k= does not fit", ["v=DKIM1; p=" + PED])
    key_case("type-rsa", "edrsa", "permerror", "k= does not fit", ["v=DKIM1; k=rsa; p=" + PED])
    key_case("ed25519-size", "edsize", "permerror", "32 bytes", ["v=DKIM1; k=ed25519; p=" + P2048])
    for bits in (512, 768, 1023, 8192):
        key_case("%d-bits" % bits, "b%d" % bits, "policy", "%d bits are" % bits, ["p=" + b64(spki_rsa(odd(bits), 65537))])
    key_case("exponent-giant", "egiant", "policy", "exponent of 2000 bits", ["p=" + b64(spki_rsa(n, odd(2000)))])
    key_case("exponent-one", "eone", "permerror", "no RSA key has", ["p=" + b64(spki_rsa(n, 1))])
    key_case("exponent-even", "eeven", "permerror", "no RSA key has", ["p=" + b64(spki_rsa(n, 65538))])
    key_case("more-than-a-key", "more", "permerror", "more than a key",
             ["p=" + b64(spki_rsa(n, e, der(4, bytes(800))))])
    key_case("other", "other", "fail", "another key", ["p=" + b64(spki_rsa(odd(2048), 65537))])


def several():
    good, ed = sign(HEADERS, BODY, basic(), RSA[2048]), sign(HEADERS, BODY, basic("ed"), ED25519)
    rest = HEADERS + b"\n" + BODY
    broken = good.replace(b"c=relaxed", b"c= relaxed").replace(b"bh=", b"bh= ")
    dead = sign(HEADERS, BODY, basic("servfail"), RSA[2048])
    unread = b"DKIM-Signature: v=1; a=rsa-sha256; nonsense\n"
    none = verdict("permerror", "-", "-", domain="-")
    fail, temperror = verdict("fail"), verdict("temperror", "servfail")
    message("several-good", good + ed + rest, verdict(), verdict(selector="ed"))
    message("several-broken-first", broken + good + rest, fail, verdict(), dkimpy=False)
    message("several-broken-last", good + broken + rest, verdict(), fail, dkimpy=False)
    message("several-dead-first", dead + unread + good + ed + rest, temperror, none, verdict(), verdict(selector="ed"),
            dkimpy=False)
    message("several-same", good + good + rest, verdict(), verdict(), dkimpy=False)
    message("several-12", ed * 9 + good * 3 + rest, *([verdict(selector="ed")] * 9 + [verdict(), "skipped 2"]),
            dkimpy=False)
    relaxed = len(CanonicalizationPolicy.from_c_value(b"relaxed/relaxed").canonicalize_body(crlf(BODY)))
    cut = [sign(HEADERS, BODY, basic(extra="l=%d;" % (relaxed - i)), RSA[2048]) for i in range(5)]
    message("several-lengths", b"".join(cut) + rest, verdict(), *[verdict(marks="partial")] * 2,
            *[verdict("policy", reason="too much work")] * 2, dkimpy=False)
    over = basic(h=NAMES + ":dkim-signature")
    message("several-covering", sign(ed + HEADERS, BODY, over, RSA[2048]) + ed + rest, verdict(),
            verdict(selector="ed"), dkimpy=False)
    message("several-covering-unread", sign(unread + HEADERS, BODY, over, RSA[2048]) + unread + rest,
            verdict("neutral", reason="not evaluated"), none, dkimpy=False)
    message("several-unread-above-covering", unread + sign(ed + HEADERS, BODY, over, RSA[2048]) + ed + rest, none,
            verdict(), verdict(selector="ed"), dkimpy=False)


def authors():
    for name, line in (("no-domain", b"MAILER-DAEMON (Mail)"), ("group", b"undisclosed: ;"), ("broken", b"<@@,"),
                       ("empty", b"")):
        simple_case("from-" + name, basic(),
                    headers=HEADERS.replace(b"Joe SixPack <joe@example.org>", line), dkimpy=False)
    simple_case("from-missing", basic(), headers=re.sub(rb"From: .*\n", b"", HEADERS), dkimpy=False)
    simple_case("field-no-blank", basic(c="simple/simple"), headers=HEADERS.replace(b": ", b":"), dkimpy=False)
    message("unsigned", HEADERS + b"\n" + BODY)


def rfc8463():
    key("brisbane", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    key("test", "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"
        "Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lx"
        "j+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB")
    message("rfc8463", read("rfc8463.eml"),
            verdict(selector="brisbane", algorithm="ed25519-sha256", domain="football.example.com"),
            verdict(selector="test", domain="football.example.com"))


def write_zone():
    with open(path("keys.zone"), "w", encoding="utf-8") as f:
        f.write("# Made by generate.py.\n")
        for selector, records in ZONE.items():
            domain = "football.example.com" if selector in ("brisbane", "test") else "example.org"
            for r in records:
                strings = [s for part in ([r] if isinstance(r, str) else r)
                           for s in (part[i:i + 200] for i in range(0, len(part), 200))]
                data = r if r in ("SERVFAIL", "TIMEOUT", "BOGUS", "NODATA", "NXDOMAIN") \
                    else " ".join('"%s"' % s for s in strings)
                f.write("%s._domainkey.%s TXT %s\n" % (selector, domain, data))


for group in (canonicalizations, changes, domains, lengths, times, identities, tags, keys, several, authors, rfc8463):
    group()
write_zone()
with open(path("verdicts"), "w") as out:
    out.write("".join(VERDICTS))
