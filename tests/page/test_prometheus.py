"""A real Prometheus scrapes a gateway, knows every metric, and can evaluate what contrib/ ships."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness
from base import HouseTest, message

CONTRIB = os.path.join(harness.SOURCE, "contrib")


def documented():
    """Names by type, from the table."""
    done = subprocess.run([os.path.join(harness.BUILD, "gatepost"), "docs", "metrics", "--json"], check=True,
                          capture_output=True, text=True)
    return {row["name"]: row["type"] for row in json.loads(done.stdout)}


class Prometheus(HouseTest):
    policies = "open.conf"
    zone = 'example.org TXT "v=spf1 ip4:192.0.2.0/24 -all"\n'

    @classmethod
    def setUpClass(cls):
        cls.port, cls.prometheus_port = harness.free_port(), harness.free_port()
        cls.options = f'http = {{ listen = "inet:{cls.port}@127.0.0.1"; }};\n'
        super().setUpClass()
        cls.web = harness.Web(cls.port)
        with cls.postfix.client("192.0.2.1") as c:
            for n in range(3):
                assert c.send("a@example.org", ["b@example.com"], message(f"scraped {n}"))[0] == 250
                c.command("RSET")
        with open(os.path.join(CONTRIB, "prometheus", "gatepost.yml"), encoding="utf-8") as f:
            config = f.read().replace("127.0.0.1:9465", f"127.0.0.1:{cls.port}").replace("30s", "1s")
        config = f"global:\n  evaluation_interval: 1s\nrule_files: [ {CONTRIB}/prometheus/gatepost-alerts.yml ]\n" + config
        config = cls.folder.write("prometheus.yml", config)
        with open(cls.folder("prometheus.log"), "wb") as log:
            cls.prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={cls.folder('tsdb')}",
                 f"--web.listen-address=127.0.0.1:{cls.prometheus_port}"], stdout=log, stderr=log)
        harness.wait_for("two scrapes", lambda: cls.query('count_over_time(up{job="gatepost"}[1m]) >= 2'), 60, 0.2)

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.terminate()
        cls.prometheus.wait(30)
        super().tearDownClass()

    @classmethod
    def get(cls, path, **parameters):
        url = f"http://127.0.0.1:{cls.prometheus_port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{parameters}: {e.read().decode()}") from e
        except OSError:
            return {}

    @classmethod
    def query(cls, expression):
        return cls.get("query", query=expression).get("result")

    def test_promtool_has_nothing_to_say(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.web.ask("/metrics")[2], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_it_is_scraped_and_the_figures_are_right(self):
        self.assertEqual(self.query('up{job="gatepost"}')[0]["value"][1], "1")
        self.assertEqual(self.query('sum(gatepost_messages_total{decision="accept"})')[0]["value"][1], "3")
        self.assertEqual(self.query('gatepost_results_total{method="spf",result="pass"}')[0]["value"][1], "3")
        self.assertEqual(self.query("gatepost_listener_up")[0]["metric"]["listener"], "both")

    def test_every_metric_has_the_type_of_the_table(self):
        types = {name: rows[0]["type"] for name, rows in self.get("metadata").items() if name.startswith("gatepost_")}
        self.assertEqual(types, documented())

    def test_alerts_are_loaded_and_none_fires(self):
        rules = [rule for group in self.get("rules")["groups"] for rule in group["rules"]]
        self.assertGreaterEqual(len(rules), 8)
        harness.wait_for("evaluation", lambda: all(rule["health"] == "ok" for group in self.get("rules")["groups"]
                                                   for rule in group["rules"]), 30, 0.2)
        self.assertEqual(self.get("alerts")["alerts"], [])
        known = documented()
        for rule in rules:
            for name in re.findall(r"gatepost_\w+", rule["query"]):
                self.assertIn(re.sub("_(bucket|sum|count)$", "", name) if name not in known else name, known)

    def test_an_alert_fires_when_it_should(self):
        self.addCleanup(lambda: (self.gate.policies(self.good), self.gate.reload()))
        with open(os.path.join(self.gate.policy_folder, "10-test.conf"), encoding="utf-8") as f:
            self.good = f.read()
        self.gate.policies("rules = 5;")
        self.gate.reload()
        harness.wait_for("GatepostReloadRefused", lambda: [a for a in self.get("alerts")["alerts"]
                                                           if a["labels"]["alertname"] == "GatepostReloadRefused"], 30, 0.2)

    def test_every_panel_of_the_dashboard_can_be_drawn(self):
        with open(os.path.join(CONTRIB, "grafana", "gatepost.json"), encoding="utf-8") as f:
            dashboard = json.load(f)
        known, used = documented(), 0
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$instance", ".*")
                self.assertIsNotNone(self.query(expression), expression)
                for name in re.findall(r"gatepost_\w+", expression):
                    self.assertIn(re.sub("_(bucket|sum|count)$", "", name) if name not in known else name, known)
                    used += 1
        self.assertGreater(used, 15)
