"""The table, the goals and the plot of a run."""

GATEPOST, SIGNING, NULL = "gatepost", "gatepost signing", "null, answers where gatepost does"
CHAIN, RSPAMD = "opendkim + opendmarc", "rspamd"


def goals(bench):
    """(what, measured, limit, unit)"""
    f, facts = bench.figure, bench.facts
    found = []

    def goal(what, measured, limit, unit="us"):
        if measured is not None and limit is not None:
            found.append({"goal": what, "measured": round(measured, 1), "limit": round(limit, 1), "unit": unit,
                          "met": measured <= limit})

    def times(factor, figure):
        return None if figure is None else factor * figure

    small, null = f("verify 2 KB", GATEPOST), f("verify 2 KB", NULL)
    goal("verify 2 KB: 1.5 N", small, times(1.5, null))
    goal("verify 2 KB: half of rspamd", small, times(0.5, f("verify 2 KB", RSPAMD)))
    goal("verify 2 KB: a fifth of opendkim + opendmarc", small, times(0.2, f("verify 2 KB", CHAIN)))
    goal("verify 200 KB: 0.55 of rspamd", f("verify 200 KB", GATEPOST), times(0.55, f("verify 200 KB", RSPAMD)))
    one, both = f("sign RSA 2 KB", SIGNING), f("sign RSA + Ed25519 2 KB", SIGNING)
    n1, n2 = f("sign RSA 2 KB", NULL), f("sign RSA + Ed25519 2 KB", NULL)
    rsa, ed = f("rsa_sign", "openssl"), f("ed25519_sign", "openssl")
    goal("sign RSA 2 KB: N + 1.4 S", one, None if None in (n1, rsa) else n1 + 1.4 * rsa)
    goal("sign RSA 2 KB: 0.75 of rspamd", one, times(0.75, f("sign RSA 2 KB", "rspamd signing rsa")))
    goal("sign RSA 2 KB: 0.35 of opendkim", one, times(0.35, f("sign RSA 2 KB", "opendkim signing rsa")))
    goal("sign RSA + Ed25519 2 KB: N + 1.4 (S1 + S2)", both, None if None in (n2, rsa, ed) else n2 + 1.4 * (rsa + ed))
    goal("cold DNS, includes in each other: 4 x 50 + 10 ms", f("cold nested: wait ms", GATEPOST), 210, "ms")
    goal("cold DNS, includes side by side: 2 x 50 + 10 ms", f("cold beside: wait ms", GATEPOST), 110, "ms")
    goal("cold DNS: questions asked twice", f("cold nested: asked again", GATEPOST), 0, "")
    # And once for all of them the DMARC record of the domain above, in case the domain itself has none.
    goal("cold DNS: questions a message", f("cold nested: questions a message", GATEPOST),
         6 + 1 / facts.get("cold messages", 1), "")
    goal("parallel messages: questions asked twice", facts.get("of these asked again"), 0, "")
    for name, value in facts.items():
        if name.startswith("memory a connection"):
            goal(name[:-5], value, 64, "KB")
    rate10, rate500 = f("10 connections: rate", GATEPOST), f("500 connections: rate", GATEPOST)
    if rate10 and rate500:
        found.append({"goal": "rate at 500 connections: 0.9 of that at 10", "measured": round(rate500 / rate10, 2), "limit": 0.9,
                      "unit": "", "met": rate500 >= 0.9 * rate10})
    few, many = f("rules", "gatepost, 10 rules"), f("rules", "gatepost, 1,000 rules")
    goal("1,000 rules over 100 workflows instead of 10 over 1: 20 us more", None if None in (few, many) else many - few, 20)
    plain, reloading = facts.get("p99 wait of mail without a reload (ms)"), facts.get("p99 wait of mail reloading (ms)")
    goal("reloads of 10,000 entries one after the other: p99 wait 20 ms longer at most",
         None if None in (plain, reloading) else reloading - plain, 20, "ms")
    return found


def result(bench):
    cells = {}
    for (cell, name) in bench.samples:
        cells.setdefault(cell, {})[name] = round(bench.figure(cell, name), 1)
    return {"cells": cells, "facts": bench.facts, "goals": goals(bench), "notes": bench.notes, "rounds": bench.rounds}


def _rows(cells, prefixes):
    return [c for c in cells if any(c.startswith(p) for p in prefixes) and ": " not in c]


def _table(cells, rows, names):
    width = max([len(n) for n in names] + [8])
    lines = [" " * width + "".join(f"{row.split(' ', 1)[-1][:18]:>20}" for row in rows)]
    for name in names:
        figures = [cells[row].get(name) for row in rows]
        if any(v is not None for v in figures):
            lines.append(f"{name:<{width}}" + "".join(f"{'-' if v is None else format(v, '.0f'):>20}" for v in figures))
    return lines


def text(r):
    cells, lines = r["cells"], []
    for title, prefixes in (("CPU microseconds a message, verifying", ["verify "]), ("... signing", ["sign "])):
        rows = _rows(cells, prefixes)
        names = list(dict.fromkeys(n for row in rows for n in cells[row]))
        if rows:
            lines += ["", title] + _table(cells, rows, names)
    if "rsa_sign" in cells:
        lines += ["", "OpenSSL alone (us): " + ", ".join(f"{n} {cells[n]['openssl']:.0f}" for n in (
            "rsa_sign", "rsa_verify", "ed25519_sign", "ed25519_verify", "sha256_mb"))]
    rates = [c for c in cells if c.endswith("connections: rate")]
    if rates:
        lines += ["", "gatepost, verifying 2 KB    messages a second    CPU us    p50 ms    p99 ms"]
        for c in rates:
            n = c[:-6]
            lines.append(f"{n:<28}{cells[c][GATEPOST]:>17.0f}{cells[n][GATEPOST]:>10.0f}"
                         f"{cells[n + ': p50'][GATEPOST] / 1000:>10.2f}{cells[n + ': p99'][GATEPOST] / 1000:>10.2f}")
    cold = [c for c in cells if c.startswith("cold ")]
    for c in cold:
        lines.append(f"{c}: " + ", ".join(f"{n} {v:g}" for n, v in cells[c].items()))
    lines += [""] + [f"{name}: {value}" for name, value in r["facts"].items()]
    if r["goals"]:
        lines += ["", "Goals"] + [f"{'met   ' if g['met'] else 'MISSED'}  {g['goal']:<72} {g['measured']:>9} / {g['limit']} {g['unit']}"
                                  for g in r["goals"]]
    return "\n".join(lines + [f"note: {n}" for n in r["notes"]])


PAGE_BEGIN, PAGE_END = "<!-- made by run --page -->", "<!-- end -->"


def _markdown(header, rows):
    return ["| " + " | ".join(header) + " |", "| " + " | ".join(["---"] * len(header)) + " |"] + \
        ["| " + " | ".join(row) + " |" for row in rows] + [""]


def _cell(value):
    return "" if value is None else format(value, ",.0f")


def page(r):
    """The same for tests/bench/README.md."""
    cells, lines = r["cells"], []
    for title, prefix, series in (("verify", "verify ", ((NULL,), (GATEPOST,), (RSPAMD,), (CHAIN,))),
                                  ("sign", "sign ", tuple(names for _, _, names in SERIES))):
        columns = [c for c in cells if c.startswith(prefix) and ": " not in c]
        rows = [[names[0].replace(NULL, "*N*")] + [_cell(_of(cells[c], names)) for c in columns] for names in series]
        lines += _markdown([f"CPU us a message, {title}"] + [c[len(prefix):] for c in columns], rows)
    lines += ["OpenSSL alone (us): " + ", ".join(f"{n.replace('_', ' ')} {cells[n]['openssl']:.0f}" for n in (
        "rsa_sign", "rsa_verify", "ed25519_sign", "ed25519_verify", "sha256_mb")) + ".", ""]
    rates = [c for c in cells if c.endswith("connections: rate")]
    lines += _markdown(["gatepost, verifying 2 KB", "messages a second", "CPU us", "p50 ms", "p99 ms"],
                       [[c[:-6], _cell(cells[c][GATEPOST]), _cell(cells[c[:-6]][GATEPOST])] +
                        [f"{cells[c[:-6] + p][GATEPOST] / 1000:.1f}" for p in (": p50", ": p99")] for c in rates])
    lines += _markdown(["goal", "measured", "limit", ""], [[g["goal"], f"{g['measured']:,} {g['unit']}", f"{g['limit']:,} {g['unit']}",
                                                            "met" if g["met"] else "**missed**"] for g in r["goals"]])
    lines += [f"- {name}: {value}" for name, value in r["facts"].items() if name.startswith(("memory of", "longest", "p99"))]
    return "\n".join(lines + [f"- not measured: {n.split(':')[0]}" for n in r["notes"]]) + "\n"


BARS = (("verify 2 KB", "verify 2 KB"), ("verify 20 KB", "verify 20 KB"), ("verify 200 KB", "verify 200 KB"),
        ("verify newsletter", "newsletter, 2 signatures"), ("sign RSA 2 KB", "sign RSA 2 KB"),
        ("sign RSA + Ed25519 2 KB", "sign RSA + Ed25519"))
SERIES = (("libmilter alone", "#b0b0b0", (NULL,)), ("gatepost", "#1b6ca8", (GATEPOST, SIGNING)),
          ("rspamd", "#d98c2b", (RSPAMD, "rspamd signing rsa", "rspamd signing rsa+ed25519")),
          ("opendkim + opendmarc", "#8a5a9e", (CHAIN, "opendkim signing rsa", "opendkim signing rsa+ed25519")))


def _of(row, names):
    return next((row[n] for n in names if n in row), None)


def plot(r):
    """Horizontal bars: CPU a message, shorter is better."""
    groups = [(label, [_of(r["cells"].get(cell, {}), names) for _, _, names in SERIES]) for cell, label in BARS
              if cell in r["cells"]]
    top = max([v for _, values in groups for v in values if v] or [1])
    height, left, width, y = 14, 170, 520, 46
    out = []
    for label, values in groups:
        out.append(f'<text x="{left - 8}" y="{y + 2 * height + 4}" text-anchor="end">{label}</text>')
        for (_, colour, _), value in zip(SERIES, values):
            if value:
                bar = max(1, value / top * width)
                out.append(f'<rect x="{left}" y="{y}" width="{bar:.0f}" height="{height - 2}" fill="{colour}"/>'
                           f'<text x="{left + bar + 5:.0f}" y="{y + height - 4}" class="n">{value:.0f}</text>')
            y += height
        y += 12
    legend = "".join(f'<rect x="{left + i * 155}" y="12" width="11" height="11" fill="{colour}"/>'
                     f'<text x="{left + 16 + i * 155}" y="22">{name}</text>' for i, (name, colour, _) in enumerate(SERIES))
    total = left + width + 60
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {y + 22}" font-family="sans-serif" font-size="12">\n'
            f'<style>.n{{font-size:10px;fill:#555}}</style><rect width="100%" height="100%" fill="#fff"/>\n{legend}\n' +
            "\n".join(out) + f'\n<text x="{left}" y="{y + 10}" fill="#555">CPU microseconds a message, all processes, one message a '
            'connection</text>\n</svg>\n')
