#!/usr/bin/env python3
"""The public RFC 7208 test suite (rfc7208-tests.yml of openspf.org), in-process or as files.

    rfc7208.py [SUITE.yml]              run every case through the program spf_check
    rfc7208.py --emit DIR [SUITE.yml]   write DIR/NN.zone and DIR/cases.json for other runners

The suite is not part of Gatepost: without a file named here, in $RFC7208_SUITE or beside this
script the test is skipped (exit status 77). Needs python3-yaml.

A case in cases.json: scenario, name, zone (file), helo, host, mailfrom, results (what the
suite allows, the preferred one first), explanation (null: not tested; "": none may be given).
"""
import argparse
import json
import os
import subprocess
import sys

SKIP = 77


def quoted(text):
    """A TXT string of a zone file; the suite writes bytes as characters below 256."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\%03d" % b
                         for b in text.encode("latin-1")) + '"'


def record_lines(name, kind, data):
    if kind in ("SPF", "TXT"):
        strings = data if isinstance(data, list) else [data]
        yield f'"{name}" TXT ' + (" ".join(map(quoted, strings)) or '""')
    elif kind == "MX":
        yield f'"{name}" MX {data[0]} "{data[1]}"' if data[1] else f'"{name}" MX {data[0]} .'
    elif kind in ("PTR", "CNAME"):
        yield f'"{name}" {kind} "{data}"'
    else:
        yield f'"{name}" {kind} {data}'


def zone_lines(zonedata):
    """RFC 7208 knows no type SPF: a record of this type stands for TXT, unless the name has TXT."""
    for name, entries in zonedata.items():
        records = [(kind, data) for entry in entries if entry != "TIMEOUT" for kind, data in entry.items()]
        has_txt = any(kind == "TXT" for kind, _ in records)
        if "TIMEOUT" in entries:
            yield f'"{name}" * TIMEOUT'
        elif ("TXT", "NONE") in records:
            yield f'"{name}" TXT NODATA'
        for kind, data in records:
            if data != "NONE" and not (kind == "SPF" and has_txt):
                yield from record_lines(name, kind, data)


def as_list(value):
    return value if isinstance(value, list) else [value]


def scenarios(path):
    import yaml
    with open(path, encoding="utf-8") as f:
        for number, scenario in enumerate(yaml.safe_load_all(f)):
            zone = f"{number:02}.zone"
            cases = [{
                "scenario": scenario["description"], "name": name, "zone": zone, "helo": test["helo"],
                "host": test["host"], "mailfrom": test["mailfrom"], "results": as_list(test["result"]),
                "explanation": {"DEFAULT": ""}.get(test.get("explanation"), test.get("explanation")),
            } for name, test in scenario["tests"].items()]
            yield zone, "\n".join(zone_lines(scenario["zonedata"])) + "\n", cases


def emit(path, folder):
    os.makedirs(folder, exist_ok=True)
    everything = []
    for zone, text, cases in scenarios(path):
        with open(os.path.join(folder, zone), "w", encoding="ascii") as f:
            f.write(text)
        everything += cases
    with open(os.path.join(folder, "cases.json"), "w", encoding="ascii") as f:
        json.dump(everything, f, indent=1)
    return everything


def run(cases, folder, program):
    """Compares with the preferred results; what else the suite allows is not right for us."""
    good = 0
    for zone in sorted({case["zone"] for case in cases}):
        batch = [case for case in cases if case["zone"] == zone]
        questions = "".join(json.dumps({k: case[k] for k in ("helo", "host", "mailfrom")}) + "\n" for case in batch)
        done = subprocess.run([program, os.path.join(folder, zone)], input=questions, text=True,
                              stdout=subprocess.PIPE, check=True)
        verdicts = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(verdicts) == len(batch)
        for case, got in zip(batch, verdicts):
            is_good = got["result"] == case["results"][0] and case["explanation"] in (None, got["explanation"])
            good += is_good
            if not is_good:
                print(f'FAIL {case["scenario"]} / {case["name"]}: want {case["results"]} '
                      f'{case["explanation"]!r}, got {got}')
    print(f"RFC 7208 suite: {good} of {len(cases)} cases")
    print(f"{good} passed, {len(cases) - good} failed")
    return good == len(cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("suite", nargs="?", default=os.environ.get("RFC7208_SUITE") or
                        os.path.join(here, "rfc7208-tests.yml"))
    parser.add_argument("--emit", metavar="DIR", help="write zone files and cases.json, run nothing")
    parser.add_argument("--program", default=os.path.join(os.environ.get("builddir", "."), "tests/suites/spf_check"))
    args = parser.parse_args()
    if not os.path.exists(args.suite):
        print(f"{args.suite} is not here: skipped")
        return SKIP
    if args.emit:
        emit(args.suite, args.emit)
        return 0
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(emit(args.suite, folder), folder, args.program) else 1


if __name__ == "__main__":
    sys.exit(main())
