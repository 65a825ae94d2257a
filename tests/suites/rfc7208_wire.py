#!/usr/bin/env python3
"""The public RFC 7208 test suite as .case files: through the session, then through a daemon's milter socket.

    rfc7208_wire.py [SUITE.yml]            run_cases must be built; $builddir says where
    rfc7208_wire.py --emit DIR [SUITE.yml] write the cases and run nothing

Without the suite (see rfc7208.py) the test is skipped (exit status 77).
"""
import os
import re
import subprocess
import sys
import tempfile

import rfc7208

CASE = """# {scenario}: {name}
option dns.timeout_ms = 200
policy <<END
rules = ();
END
dns <<END
{zone}END
connect {host} [{host}]
helo {helo}
mail <{mailfrom}>
rcpt <someone@example.com>
message <<END
From: someone@receiver.example

END
fact spf.result = {result}
{explanation}"""


def expected_explanation(case):
    if case["explanation"] is None:
        return ""
    return f'fact spf.explanation = {case["explanation"] or "absent"}\n'


def write_cases(suite, folder):
    count = 0
    for _, zone, cases in rfc7208.scenarios(suite):
        for case in cases:
            count += 1
            name = re.sub(r"[^a-z0-9]+", "-", f'{case["scenario"]}-{case["name"]}'.lower())
            with open(os.path.join(folder, f"{count:03}-{name}.case"), "w", encoding="ascii") as f:
                f.write(CASE.format(zone=zone, result=case["results"][0], explanation=expected_explanation(case),
                                    **{k: case[k] for k in ("scenario", "name", "host", "helo", "mailfrom")}))
    return count


def main():
    args = sys.argv[1:]
    target = args[1] if args[:1] == ["--emit"] and len(args) > 1 else None
    rest = args[2:] if target else args
    here = os.path.dirname(os.path.abspath(__file__))
    suite = rest[0] if rest else os.environ.get("RFC7208_SUITE") or os.path.join(here, "rfc7208-tests.yml")
    if not os.path.exists(suite):
        print(f"{suite} is not here: skipped")
        return rfc7208.SKIP
    if target:
        os.makedirs(target, exist_ok=True)
        print(f"{write_cases(suite, target)} cases")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        count = write_cases(suite, folder)
        program = os.path.join(os.environ.get("builddir", "."), "tests/suites/run_cases")
        done = subprocess.run([program, folder], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    passed = int(re.search(r"(\d+) passed, ", done.stdout).group(1))
    print(f"RFC 7208 suite, in this process and through the milter socket: {passed} of {2 * count}")
    return 0 if done.returncode == 0 and passed == 2 * count else 1


if __name__ == "__main__":
    sys.exit(main())
