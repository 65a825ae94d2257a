"""Policies of a size."""

WORKFLOW = """  {{ name = "w{0}"; shared = true; match = {{ auth = {{ login = "user{0}"; }}; }};
    identity = {{ mail_from = [ "*@sender.example" ]; from = [ "*@sender.example" ]; }}; }}"""

RULE = """  {{ name = "r{0}-{1}"; when = {{ workflow = {{ name = "w{0}"; }}; header = {{ subject = "word{1} *"; }}; }};
    then = {{ action = "reject"; reply = "550 5.7.1 no"; }}; }}"""


def policies(workflows, rules_each):
    """As many workflows by login, each with as many rules, none of which refuses what is sent here."""
    return ("workflows = (\n" + ",\n".join(WORKFLOW.format(w) for w in range(workflows)) + "\n);\nrules = (\n" +
            ",\n".join(RULE.format(w, r) for w in range(workflows) for r in range(rules_each)) + "\n);\n")


def with_list(_entries):
    return """lists = ( { name = "bad"; type = "domain"; file = "list.txt"; } );
rules = ( { name = "bad"; when = { mail = { domain = "@bad"; }; }; then = { action = "reject"; reply = "550 5.7.1 no"; }; } );
"""


def list_text(entries):
    return "".join(f"d{i}.listed.example\n" for i in range(entries))
