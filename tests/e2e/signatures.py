"""What was delivered, and which of its DKIM signatures dkimpy finds good."""
import os

import dkim
from harness import wait_for


def delivered_files(mta):
    new = mta.maildir + "/new"
    return [os.path.join(new, name) for name in os.listdir(new)] if os.path.isdir(new) else []


def delivered(mta):
    """Each message as it is stored, with CRLF."""
    for path in delivered_files(mta):
        with open(path, "rb") as f:
            yield f.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def delivered_with(mta, token, seconds=20):
    return wait_for(f"the message {token}", lambda: [m for m in delivered(mta) if token.encode() in m], seconds)[0]


def all_delivered(mta, count, seconds=60):
    """Once there are so many."""
    wait_for(f"{count} messages", lambda: len(delivered_files(mta)) >= count, seconds, every=0.2)
    return delivered(mta)


def signatures(raw, records):
    """(domain, selector) of each, from the top; None in place of one that is not good. records: text by name."""
    found = []
    count = sum(1 for name, _ in dkim.DKIM(raw).headers if name.lower() == b"dkim-signature")
    for index in range(count):
        d = dkim.DKIM(raw)
        is_good = d.verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode())
        found.append((d.domain.decode(), d.selector.decode()) if is_good else None)
    return found
