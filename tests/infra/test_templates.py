"""What cannot be run here is checked as far as it can be: the Kubernetes template and the compose file."""

import json
from pathlib import Path

import yaml
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.utilities.templating import apply_values

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATE = json.loads((INFRA / "kubernetes-job-template.json").read_text())


def test_prefect_takes_the_kubernetes_template_and_every_variable_is_used() -> None:
    WorkPoolCreate(name="accelerators", type="kubernetes", base_job_template=TEMPLATE)
    used = json.dumps(TEMPLATE["job_configuration"])
    assert [name for name in TEMPLATE["variables"]["properties"] if f"{{{{ {name} }}}}" not in used] == []


def test_a_job_asks_for_one_accelerator_unless_told_otherwise() -> None:
    defaults = {
        name: variable["default"]
        for name, variable in TEMPLATE["variables"]["properties"].items()
        if "default" in variable
    }
    for wanted, accelerators in ((1, {}), (4, {"accelerators": 4})):
        job = apply_values(TEMPLATE["job_configuration"], {**defaults, **accelerators})["job_manifest"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == wanted
        assert job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_compose_starts_the_same_four_parts_and_publishes_ports_on_this_machine_only() -> None:
    services = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]
    assert {"postgres", "seaweedfs", "server", "worker"} <= set(services)
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
