"""compose.yaml against the specification, our settings, our routes and n8n's own code: all but running it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from python_nodes import cli_backup, config, jobs
from python_nodes.app import create_app
from tests.unit.compose import stack
from tests.unit.compose.stack import COMPOSE, ONE_SHOT, OVERLAYS, ROOT, Service

SCHEMA = ROOT / "tests" / "data" / "compose-spec" / "compose-spec.json"
ALL = sorted(stack.services())
ADDED = {"scale": ["jobs-sweep"]}
LASTING = sorted(set(ALL) - ONE_SHOT)
PORTS = {"worker": 8080, "n8n": 5678, "n8n-webhook": 5678, "grafana": 3000, "postgres": 5432, "valkey": 6379,
         "influxdb": 8086, "prometheus": 9090, "proxy": 8081}  # fmt: skip
"""Where each listens: ours as its settings say below, the others as their images do unless told otherwise."""
N8N_CODE = stack.CACHE / "n8n-2.40.7" / "node_modules"


def _environment(service: Service) -> dict[str, str]:
    return {name: stack.filled(str(value)) for name, value in service.get("environment", {}).items()}


def _words(service: Service) -> list[str]:
    return [stack.filled(word) for word in service.get("command", [])]


@pytest.mark.parametrize("file", ["compose", *OVERLAYS])
def test_each_file_keeps_to_the_specification(file: str) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(stack.read(COMPOSE / f"{file}.yaml"))


def test_every_variable_is_told_in_the_example_and_every_one_told_is_used() -> None:
    files = [COMPOSE / f"{name}.yaml" for name in ("compose", *OVERLAYS)]
    used = {found[1] for file in files for found in stack.VARIABLE.finditer(file.read_text())}
    assert used == set(stack.example())


@pytest.mark.parametrize(
    "name", [name for name in ALL if "NIGHTPORTER_RAW_ROOT" in stack.services()[name].get("environment", {})]
)
def test_our_settings_are_settings_and_what_they_hold_is_accepted(name: str, drawn: Path) -> None:
    service = stack.services()[name]
    environment = _environment(service)
    for variable, value in environment.items():
        if value.startswith("/run/secrets/"):
            environment[variable] = str(drawn / stack.read(stack.BASE)["secrets"][Path(value).name]["file"])
    told = config.load(environment)
    assert told.metric_store == "influx"
    assert "nightporter_app" in told.database_url.get_secret_value()
    # An empty file says that there is no token, not that it is the empty one.
    assert told.slack_token is None


@pytest.mark.parametrize("name", ALL)
def test_secrets_are_files_that_are_drawn_for_this_services_user(name: str, drawn: Path) -> None:
    service, declared = stack.services()[name], stack.read(stack.BASE)["secrets"]
    given = set(service.get("secrets", []))
    asked = set(re.findall(r"/run/secrets/([\w.]+)", json.dumps([service.get("environment"), service.get("command")])))
    assert asked <= given, "asks for what it is not given"
    assert given <= declared.keys()
    user = int(str(service["user"]).split(":")[0])
    for one in given:
        found = (drawn / declared[one]["file"]).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (user, 0o600), one


def test_no_password_stands_in_a_file() -> None:
    for name, service in stack.services().items():
        for variable, value in _environment(service).items():
            secret = re.search(r"PASSWORD|TOKEN|SECRET|KEY|_URL_FILE", variable)
            assert not secret or value.startswith("/run/secrets/"), f"{name}: {variable}"


@pytest.mark.parametrize("name", ALL)
def test_each_image_is_pinned(name: str) -> None:
    assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", stack.services()[name]["image"])


def test_influxdb_is_the_second() -> None:
    assert stack.services()["influxdb"]["image"].startswith("influxdb:2.7.")


def _check_confinement(name: str, service: Service) -> None:
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() >= {"cpus", "memory", "pids"}, name
    assert service["read_only"] is True, name
    assert service["cap_drop"] == ["ALL"], name
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else []), name
    assert "no-new-privileges:true" in service["security_opt"], name
    assert not str(service["user"]).startswith(("0", "root")), name
    assert (name in ONE_SHOT) == ("healthcheck" not in service), name
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name


@pytest.mark.parametrize("name", ALL)
def test_each_service_is_confined_limited_and_watched(name: str) -> None:
    _check_confinement(name, stack.services()[name])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_merges_and_loosens_nothing(overlay: str) -> None:
    whole = stack.merged(overlay)
    assert sorted(whole["services"]) == sorted([*ALL, *ADDED.get(overlay, ())])
    for name, service in whole["services"].items():
        _check_confinement(name, service)
        for port in service.get("ports", []):
            assert name == "proxy" or port.get("host_ip") == "127.0.0.1", f"{name} is open to the world"
    if overlay == "scale":
        assert whole["services"]["n8n-worker"]["deploy"]["replicas"] == 3
        told = whole["services"]["worker"]["environment"]
        assert (told if isinstance(told, list) else [f"{name}={value}" for name, value in told.items()]).count(
            "GUNICORN_BIND=0.0.0.0:8080"
        ) == 1
        assert not any("container_name" in service for service in whole["services"].values())


def test_only_the_proxy_is_open_to_others_and_no_store_has_a_way_out() -> None:
    whole = stack.read(stack.BASE)
    assert [name for name, service in whole["services"].items() if "ports" in service] == ["proxy"]
    inner = {name for name, network in whole["networks"].items() if (network or {}).get("internal")}
    for store in ("postgres", "valkey", "influxdb", "grafana", "prometheus", "setup", "tools", "receiver"):
        assert set(whole["services"][store]["networks"]) <= inner, store
    # The proxy is what strangers talk to: it reaches no store.
    assert not set(whole["services"]["proxy"]["networks"]) & {"database", "queue", "series", "metrics"}


@pytest.mark.parametrize("name", ALL)
def test_whoever_is_talked_to_is_there_listens_and_shares_a_network(name: str, drawn: Path) -> None:
    every, service = stack.services(), stack.services()[name]
    told = list(_environment(service).values())
    told += [(drawn / stack.read(stack.BASE)["secrets"][one]["file"]).read_text() for one in service.get("secrets", [])]
    if name == "proxy":
        told += re.findall(r"reverse_proxy (?:@\w+ )?(\S+:\d+)", (COMPOSE / "caddy" / "Caddyfile").read_text())
    found = {pair for value in told for pair in re.findall(r"(?:^|//|@)([a-z0-9-]+):(\d+)(?=[/?]|$)", value)}
    found = {(host, port) for host, port in found if host in every}
    if name in ("worker", "jobs", "proxy"):
        assert found, "nothing was found to check"
    if name == "setup":
        # The same settings as the others', of which it uses the database's.
        found = {(host, port) for host, port in found if host == "postgres"}
    for host, port in found:
        assert int(port) == PORTS[host], f"{name} looks for {host} on {port}"
        assert set(service["networks"]) & set(every[host]["networks"]), f"{name} cannot reach {host}"


@pytest.mark.parametrize("name", LASTING)
def test_health_is_asked_where_the_service_listens(name: str) -> None:
    words = " ".join(stack.services()[name]["healthcheck"]["test"])
    asked = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", words)}
    assert asked <= {PORTS.get(name, 5678)}
    if name == "worker":
        assert _environment(stack.services()[name])["GUNICORN_BIND"].endswith(f":{PORTS[name]}")
        paths = {rule.rule for rule in create_app(config.documentation()).url_map.iter_rules()}
        assert set(re.findall(r"8080(/\w+)", words)) == {"/readyz"} <= paths
    if name == "proxy":
        assert re.search(r":8081 \{\s+respond /healthz 200", (COMPOSE / "caddy" / "Caddyfile").read_text())


@pytest.mark.parametrize("name", ALL)
def test_who_waits_for_health_waits_for_what_has_one(name: str) -> None:
    every = stack.services()
    for other, how in stack.services()[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == wanted, f"{name} waits for {other}"
        assert other in every


def test_networks_volumes_and_files_are_there() -> None:
    whole = stack.read(stack.BASE)
    for name, service in whole["services"].items():
        assert set(service["networks"]) <= whole["networks"].keys(), name
        for volume in service.get("volumes", []):
            if volume["type"] == "volume":
                assert volume["source"] in whole["volumes"], name
            elif not volume["source"].startswith(("${BACKUPS", "${RECEIVED", "./secrets/")):
                assert (COMPOSE / volume["source"]).exists(), f"{name}: {volume['source']}"


def test_each_queue_has_one_service_that_serves_it() -> None:
    region = stack.example()["REGION"]
    served = [_words(stack.services()[name])[-1].split(",") for name in ("jobs-critical", "jobs")]
    assert [one for names in served for one in names] == [jobs.queue(region, kind) for kind in jobs.CLASSES]


def test_larger_machines_have_processes_for_sweeps_alone() -> None:
    region = stack.example()["REGION"]
    one = stack.read(COMPOSE / "scale.yaml")["services"]["jobs-sweep"]
    assert one["extends"] == {"file": "compose.yaml", "service": "jobs"}
    assert _words(one)[:3] == ["nightporter", "start", "--"]
    assert _words(one)[-1] == jobs.queue(region, "sweep")


def test_our_processes_refuse_an_older_schema_before_anything_else() -> None:
    for name in ("worker", "jobs", "jobs-critical"):
        assert _words(stack.services()[name])[:3] == ["nightporter", "start", "--"]


def test_the_log_of_changes_is_received_only_where_that_is_asked_for_by_commands_that_there_are(drawn: Path) -> None:
    one = stack.services()["receiver"]
    assert one["profiles"] == ["received"], "whoever starts it has every change wait for it"
    assert one["image"] == stack.services()["tools"]["image"], "the worker's image has no pg_receivewal"
    group = get_command(cli_backup.group)
    assert isinstance(group, TyperGroup)
    for words in (_words(one), one["healthcheck"]["test"][1:]):
        assert words[:2] == ["nightporter", "backup"]
        # Parsed as it would be, up to where it would begin.
        told = group.commands[words[2]].make_context(words[2], list(words[3:])).params
        assert str(told["admin_url_file"]) == "/run/secrets/tools_admin_url"
    assert _words(one)[3] in [volume["target"] for volume in one["volumes"]]
    secrets = stack.read(stack.BASE)["secrets"]
    assert (drawn / secrets["tools_admin_url"]["file"]).read_text().startswith("postgresql://postgres:")


@pytest.mark.parametrize("file", ["compose", "scale"])
def test_postgres_reads_our_word_of_who_may_connect(file: str) -> None:
    words = stack.read(COMPOSE / f"{file}.yaml")["services"]["postgres"]["command"]
    told = [word.partition("=")[2] for word in words if word.startswith("hba_file=")]
    bound = {one["target"]: one["source"] for one in stack.services()["postgres"]["volumes"]}
    assert [bound[path] for path in told] == ["./postgres/pg_hba.conf"]


def test_addresses_of_flows_are_those_of_flows() -> None:
    hooks = {
        node["parameters"]["path"]
        for file in (ROOT / "workflows").glob("*.json")
        for node in json.loads(file.read_text())["nodes"]
        if node["type"] == "n8n-nodes-base.webhook"
    }
    settings = _environment(stack.services()["worker"])
    asked = {value.rpartition("/webhook/")[2] for value in settings.values() if "/webhook/" in value}
    assert asked == {"import-files", "sms-status", "sms-replies"} <= hooks


@pytest.mark.parametrize("name", ["n8n", "n8n-worker", "n8n-webhook"])
def test_n8n_knows_each_variable_by_name(name: str) -> None:
    if not N8N_CODE.exists():
        pytest.skip(f"{N8N_CODE} is not on this machine: run `make install`")
    known = _n8n_variables()
    # _FILE is n8n's own suffix for all it reads by its configuration.
    told = {variable.removesuffix("_FILE") for variable in stack.services()[name]["environment"]}
    assert told - known <= {"TZ"}
    assert stack.services()[name]["environment"]["EXECUTIONS_MODE"] == "queue"
    assert stack.services()[name]["environment"]["N8N_DEFAULT_BINARY_DATA_MODE"] == "database"


@lru_cache(maxsize=1)
def _n8n_variables() -> frozenset[str]:
    """Every variable that n8n's own code reads, in the places where it reads what we set."""
    places = (
        "@n8n/config",
        "n8n-core/dist/binary-data",
        "n8n/dist/services",
        "n8n/dist/deprecation",
        "n8n-workflow/dist/cjs",
    )
    code = (file.read_text() for place in places for file in (N8N_CODE / place).rglob("*.js"))
    return frozenset(
        name for text in code for name in re.findall(r"(?:\(['\"]|envVar: '|process\.env\.)([A-Z][A-Z0-9_]{4,})", text)
    )


def test_the_proxys_file_is_one_that_caddy_takes() -> None:
    caddy = stack.tool("caddy-2.6/usr/bin/caddy", "make compose-tools")
    command = [caddy, "validate", "--config", COMPOSE / "caddy" / "Caddyfile", "--adapter", "caddyfile"]
    done = subprocess.run(
        command, env={"DOMAIN": "np.example.com", "TLS": "internal", "HOME": "/tmp"}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_image_is_made_of_what_is_there_pinned_locked_and_for_nobody_special() -> None:
    lines = (COMPOSE / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM") and ":" in line]
    assert bases
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base) for base in bases)
    copied = [line for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = [source for line in copied for source in shlex.split(line)[1:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources), sources
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert all(any(source == one or source.startswith(f"{one}/") for one in kept) for source in sources)
    installs = [line for line in lines if "pip install" in line and "--no-deps" not in line]
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in installs)
    users = {str(stack.services()[name]["user"]) for name in ("worker", "jobs", "setup", "tools", "receiver")}
    assert [line.split()[1] for line in lines if line.startswith("USER")] == ["10001:10001"] == sorted(users)


@pytest.mark.parametrize("image", ["worker", "tools"])
def test_what_the_image_installs_is_what_is_tested(image: str) -> None:
    tested, locked = (_locked(ROOT / "requirements" / f"{name}.txt") for name in ("run", image))
    assert "flask" in locked
    assert {name: tested.get(name) for name in locked} == locked


def _locked(file: Path) -> dict[str, Any]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", file.read_text(), re.MULTILINE))
