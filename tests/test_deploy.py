"""The deployment files, as far as they can be held to the code without a cluster or a registry: no
image is built here and nothing is applied."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from adapters.front.routes import RouteTable
from adapters.shared_state.alone import Alone
from engine.agents import agent_kit
from engine.config import MEDIA_PATH, Config, load_config
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.keys import VARIABLES
from engine.reception import READY, Reception
from engine.service import GOODBYE_S, STOP_S
from engine.sessions import SESSION
from engine.supervisor import WRONG
from engine.telephony import VOICE

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "docs" / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def documents() -> dict[tuple[str, str], Any]:
    """Every object of the manifests, by kind and name."""
    found = {}
    for path in MANIFESTS:
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            assert one["apiVersion"]
            found[one["kind"], one.get("metadata", {}).get("name", path.name)] = one
    return found


OBJECTS = documents()
POD = OBJECTS["Deployment", "antiphon"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """What the pods are told, environment included."""
    path = tmp_path / "antiphon.toml"
    path.write_text(OBJECTS["ConfigMap", "antiphon"]["data"]["antiphon.toml"])
    environment = {
        one["name"]: "a-secret-of-some-length"
        for one in CONTAINER["env"]
        if one["name"].startswith("ANTIPHON_")
    }
    return load_config(path, environment)


def dockerfile() -> list[str]:
    """Its instructions, each on one line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_and_the_manifests_listen_where_the_service_does(config: Config) -> None:
    """The default port, on all addresses."""
    assert f"EXPOSE {Config().port}" in dockerfile()
    assert config.host == "0.0.0.0"
    assert config.port == Config().port
    assert [port["containerPort"] for port in CONTAINER["ports"]] == [config.port]
    (healthcheck,) = [line for line in dockerfile() if "HEALTHCHECK" in line]
    assert f"http://127.0.0.1:{Config().port}/healthz" in healthcheck


def test_the_image_runs_as_nobody_in_particular() -> None:
    """The same user as in the pod, who owns what is written to; nothing else can be written."""
    (user,) = [line for line in dockerfile() if line.startswith("USER")]
    security = POD["spec"]["securityContext"]
    assert user == f"USER {security['runAsUser']}:{security['runAsGroup']}"
    assert security["runAsNonRoot"]
    assert security["runAsUser"] >= 10000
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not POD["spec"]["automountServiceAccountToken"]


def test_the_image_copies_what_there_is_and_no_secret() -> None:
    """Each path that it copies is in the repository; it names no key, and copies no more than the
    packages."""
    lines = dockerfile()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    named = [name for name in copied if not name.startswith(("--from", "/app"))]
    assert {"engine", "states", "effects", "adapters", "statecharts", "scripts"} <= set(named)
    assert "." not in named
    assert all((ROOT / name).exists() for name in named)
    assert not re.search(r"TOKEN|_KEY|SECRET|PASSWORD", "\n".join(lines))
    assert "STOPSIGNAL SIGTERM" in lines


def test_what_is_written_lies_where_it_may_be(config: Config) -> None:
    """In the pod's volume, and in the image's."""
    mounted = {one["mountPath"] for one in CONTAINER["volumeMounts"] if not one.get("readOnly")}
    for path in (config.calls, config.data):
        assert any(path.startswith(mount) for mount in mounted)
        assert any(f"={path}" in line for line in dockerfile())


def test_a_pod_has_the_time_to_drain(config: Config) -> None:
    """More than the calls may go on, the goodbye, and the closing of what is left."""
    closing_s = config.settings.closing_ms / 1000
    needed_s = config.limits.drain_s + GOODBYE_S + STOP_S + 2 * closing_s
    assert POD["spec"]["terminationGracePeriodSeconds"] > needed_s
    assert config.limits.drain_s == Config().limits.drain_s
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    told_s = re.search(r"--time (\d+)", image)
    assert told_s is not None
    assert int(told_s[1]) > needed_s
    unit = (DEPLOY / "antiphon.service").read_text(encoding="utf-8")
    patience_s = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert patience_s is not None
    assert int(patience_s[1]) > needed_s


def test_under_systemd_only_the_supervisor_is_told_to_stop() -> None:
    """Who is told twice hangs up. A rolling restart is a reload; a mistake is not tried again."""
    unit = (DEPLOY / "antiphon.service").read_text(encoding="utf-8").splitlines()
    assert "KillMode=mixed" in unit
    assert "ExecReload=/bin/kill -HUP $MAINPID" in unit
    assert f"RestartPreventExitStatus={WRONG}" in unit


def test_probes_and_ways_in_are_ours(config: Config) -> None:
    """Each path leads to something that the service answers, and nothing else is let in from
    outside."""
    shared = Alone()
    access = Access(config.inspect, lambda: config.host)
    reception = Reception(config, access, shared, Fleet(shared, {}), list)
    routes = RouteTable(reception.routes)
    assert CONTAINER["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert CONTAINER["readinessProbe"]["httpGet"] == {"path": READY, "port": "http"}
    assert routes.find("GET", READY)[0]
    rule = OBJECTS["Ingress", "antiphon"]["spec"]["rules"][0]
    paths = {one["path"]: one["pathType"] for one in rule["http"]["paths"]}
    assert paths == {VOICE: "Prefix", MEDIA_PATH: "Exact", SESSION: "Prefix"}
    assert routes.find("POST", VOICE)[0]
    assert routes.find("POST", SESSION)[0]
    assert config.twilio.public_url == f"https://{rule['host']}"
    assert config.sessions.media_url == f"wss://{rule['host']}{MEDIA_PATH}"


def test_secrets_are_referred_to(config: Config) -> None:
    """By variables that the service reads; there is none in the files."""
    for one in CONTAINER["env"]:
        assert one["valueFrom"]["secretKeyRef"]["name"] == "antiphon"
        ours = one["name"].startswith("ANTIPHON_")
        assert ours or one["name"] in VARIABLES.values()
    assert all(kind != "Secret" for kind, _ in OBJECTS)
    assert all(getattr(config.keys, name) is None for name in VARIABLES)
    for secret in (config.redis.url, config.sessions.token, config.inspect.token):
        assert secret is not None


def test_what_is_selected_is_there() -> None:
    """The service, the budget and the policy mean the pods; the ingress means the service."""
    labels = POD["metadata"]["labels"]
    deployment = OBJECTS["Deployment", "antiphon"]["spec"]
    assert deployment["selector"]["matchLabels"] == labels
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert OBJECTS["Service", "antiphon"]["spec"]["selector"] == labels
    assert OBJECTS["PodDisruptionBudget", "antiphon"]["spec"]["selector"]["matchLabels"] == labels
    policy = OBJECTS["NetworkPolicy", "antiphon-redis"]["spec"]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"] == labels
    anti = POD["spec"]["affinity"]["podAntiAffinity"]
    (term,) = anti["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"] == labels


def test_scaling_leaves_room_for_a_rush(config: Config) -> None:
    """Both ways by the same measure, which the service has: at most three quarters of what a worker
    takes. Only one of the two is applied."""
    hpa = OBJECTS["HorizontalPodAutoscaler", "antiphon"]["spec"]
    keda = OBJECTS["ScaledObject", "antiphon"]["spec"]
    pods = hpa["metrics"][0]["pods"]
    trigger = keda["triggers"][0]["metadata"]
    measure = "antiphon_calls_active"
    assert pods["metric"]["name"] == measure
    assert measure in trigger["query"]
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "engine").rglob("*.py"))
    assert any(f'"{measure}"' in source for source in sources)
    assert pods["target"]["averageValue"] == trigger["threshold"]
    assert int(trigger["threshold"]) <= config.limits.calls * 0.75
    for least in (hpa["minReplicas"], keda["minReplicaCount"]):
        assert least == OBJECTS["Deployment", "antiphon"]["spec"]["replicas"]
    applied = OBJECTS["Kustomization", "kustomization.yaml"]["resources"]
    assert len([name for name in applied if name.startswith("autoscaling")]) == 1
    assert {path.name for path in MANIFESTS} - set(applied) == {
        "kustomization.yaml",
        "autoscaling-keda.yaml",
    }


def test_one_pod_is_one_worker(config: Config) -> None:
    """Or its metrics would be those of whichever worker is asked."""
    assert config.workers == 1
    assert msgspec.structs.asdict(config.limits)["calls"] <= Config().limits.calls


def test_the_agent_that_is_shown_is_one(tmp_path: Path) -> None:
    """The folder of docs/agents.md loads: lines, tool, destination, settings of its own."""
    kit = agent_kit(str(ROOT / "docs" / "examples" / "agents" / "shop"))
    assert kit.agent.name == "shop"
    assert set(kit.open_tools(tmp_path)) == {"opening_hours", "end_call", "transfer_call"}
    assert kit.agent.transfers == {"owner": "+15551234567"}
    assert kit.config["settings"] == {"barge_in_ms": 450}
    assert set(kit.config) == {"settings", "elevenlabs"}
