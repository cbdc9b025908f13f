"""deploy/functions: what AWS, Alibaba Cloud, Knative and Cloud Run read, and their limits."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from checkers import find_checker
from ocr_cli.objects.arguments import parse_batch
from server.function import BATCH, MARGIN_SECONDS
from server.settings.loading import environment_overrides, load_settings
from server.settings.settings import all_keys
from server.settings.storage import watched_places
from tests.support.checkout import ROOT
from tests.support.function_schemas import ALIYUN, ALIYUN_POLICY, KNATIVE
from tests.support.lambda_runtime import HANDLER

FILES = ROOT / "deploy" / "functions"
SAM, FC = FILES / "sam-template.yaml", FILES / "aliyun-s.yaml"
POLICY, SERVICE = FILES / "aliyun-policy.json", FILES / "knative-service.yaml"
SCHEMAS = {FC: ALIYUN, POLICY: ALIYUN_POLICY, SERVICE: KNATIVE}
NOT_SETTINGS = {BATCH, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "STATE_DIRECTORY", "XDG_CACHE_HOME"}


TRANSLATE = """
import json, os, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class Policies:
    def load(self):
        return {}

os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
with open(sys.argv[1]) as template, open(sys.argv[2], "w") as translated:
    values = {"ImageUri": "image", "BucketName": "scans", "AdminKey": "key"}
    json.dump(transform(yaml_parse(template.read()), values, Policies()), translated)
"""


class Template(yaml.SafeLoader):
    """Reads the functions of CloudFormation, such as !Ref, as their arguments."""


Template.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def load(path: Path, text: str | None = None) -> Any:
    """The content of a file, or of a changed copy."""
    return yaml.load(text or path.read_text(encoding="utf-8"), Template)


def sam() -> dict[str, dict[str, Any]]:
    """The functions of the template, with what is the same for all of them."""
    template = load(SAM)
    common = template["Globals"]["Function"]
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = resource["Properties"]
            variables = {
                **common["Environment"]["Variables"],
                **own["Environment"]["Variables"],
            }
            found[name] = {**common, **own, "variables": variables}
    return found


def aliyun() -> dict[str, dict[str, Any]]:
    """The functions of Alibaba Cloud."""
    return {name: entry["props"] for name, entry in load(FC)["resources"].items()}


def container() -> dict[str, Any]:
    """The container of the service."""
    (found,) = load(SERVICE)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environments() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The variables of each function."""
    for name, function in sam().items():
        yield f"AWS {name}", function["variables"]
    for name, function in aliyun().items():
        yield f"Alibaba Cloud {name}", function["environmentVariables"]
    yield "Knative", {each["name"]: each.get("value", "secret") for each in container()["env"]}


def lint(path: Path, folder: Path) -> tuple[int, str]:
    """What cfn-lint says about a template, and about the resources that AWS makes of it."""
    translated = folder / "translated.json"
    for name, *arguments in (
        ("cfn-lint", "--regions", "eu-west-1", "--template", str(path)),
        ("python", "-c", TRANSLATE, str(path), str(translated)),
        ("cfn-lint", "--regions", "eu-west-1", "--template", str(translated)),
    ):
        done = subprocess.run(
            [find_checker(name), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            break
    return done.returncode, done.stdout + done.stderr


def problems(path: Path, content: Any) -> list[str]:
    """What is wrong with a file of another platform."""
    validator = jsonschema_rs.validator_for(SCHEMAS[path])
    return [error.message for error in validator.iter_errors(content)]


@pytest.mark.slow
def test_the_template_is_accepted(tmp_path: Path) -> None:
    assert lint(SAM, tmp_path) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("MemorySize: 3538", "MemorySize: 64", "64 is less than the minimum of 128"),
        ("PackageType: Image", "PackageTyp: Image", "PackageTyp"),
        ("      Timeout: 900", "      TimeOut: 900", "TimeOut"),
        ("!Ref ImageUri\n", "!Ref ImageUrl\n", "ImageUrl"),
        ("!Ref Bucket\n", "!Ref Bukket\n", "Uploaded"),
        ("Effect: Allow", "Effects: Allow", "Effects"),
        ("Action: s3:GetObject", "Action: GetObject", "GetObject"),
        ("Type: ScheduleV2", "Type: ScheduleV3", "ScheduleV3"),
        ("BlockPublicAcls: true", "BlockPublicAcl: true", "BlockPublicAcl"),
    ],
)
def test_a_mistake_in_the_template_is_found(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    text = SAM.read_text(encoding="utf-8")
    assert right in text
    changed = tmp_path / SAM.name
    changed.write_text(text.replace(right, wrong), encoding="utf-8")
    status, output = lint(changed, tmp_path)
    assert status != 0
    assert said in output


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_file_has_the_fields_of_its_platform(path: Path) -> None:
    assert problems(path, load(path)) == []


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (FC, "customContainerConfig", "customContainer"),
        (FC, "memorySize: 4096", "memorySize: 4100"),
        (FC, "instanceConcurrency: 1", "instanceConcurrency: 0"),
        (FC, "triggerType: oss", "triggerType: s3"),
        (FC, "authType: anonymous", "authType: nobody"),
        (FC, "cronExpression", "cron"),
        (FC, "port: 8888", 'port: "8888"'),
        (FC, "role: acs:ram::", "role: acs:"),
        (POLICY, "oss:GetObject", "s3:GetObject"),
        (POLICY, '"Effect"', '"Affect"'),
        (SERVICE, "containerConcurrency: 4", "concurrency: 4"),
        (SERVICE, "containerPort", "port"),
        (SERVICE, "livenessProbe", "livelinessProbe"),
        (SERVICE, 'cpu: "2"', "cpu: 2"),
        (SERVICE, "secretKeyRef", "secretRef"),
        (SERVICE, "serving.knative.dev/v1", "serving.knative.dev/v2"),
    ],
)
def test_a_mistake_in_another_file_is_found(path: Path, right: str, wrong: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert right in text
    assert problems(path, load(path, text.replace(right, wrong))) != []


@pytest.mark.parametrize(
    ("name", "variables"), [pytest.param(*each, id=each[0]) for each in environments()]
)
def test_the_variables_are_settings(name: str, variables: Mapping[str, str]) -> None:
    settings = {key: value for key, value in variables.items() if key not in NOT_SETTINGS}
    keys = environment_overrides(settings).keys()
    assert len(keys) == len(settings) > 0
    assert keys <= set(all_keys())
    resolved = {key: resolved_text(text) for key, text in settings.items()}
    watched_places(load_settings(None, resolved))  # SettingsError if a value is wrong


def test_the_batch_reads_what_the_server_watches() -> None:
    for variables in (
        sam()["Objects"]["variables"],
        aliyun()["objects"]["environmentVariables"],
    ):
        source, *_, target = shlex.split(variables[BATCH])
        assert source == variables["OCR_STORAGE__WATCH"]
        assert target == variables["OCR_STORAGE__RESULTS"]
        assert parse_batch(shlex.split(resolved_text(variables[BATCH])), "batch").since == "last"


def resolved_text(text: str) -> str:
    """With a name for each parameter, such as ${BucketName}."""
    return re.sub(r"\$\{[\w.]+\}", "name", text)


def test_each_function_may_read_images_and_write_results_and_nothing_else() -> None:
    functions = sam()
    assert "Policies" not in functions["Http"]
    (policy,) = functions["Objects"]["Policies"]
    bucket = "arn:${AWS::Partition}:s3:::${BucketName}"
    assert {(each["Action"], each["Resource"]) for each in policy["Statement"]} == {
        ("s3:GetObject", f"{bucket}/in/*"),
        ("s3:PutObject", f"{bucket}/out/*"),
        ("s3:GetObject", f"{bucket}/out/*"),  # what is there is not read again
        ("s3:ListBucket", bucket),
    }
    bucket = "acs:oss:*:*:NAME-OF-THE-BUCKET"
    assert {(each["Action"], each["Resource"]) for each in load(POLICY)["Statement"]} == {
        ("oss:GetObject", f"{bucket}/in/*"),
        ("oss:PutObject", f"{bucket}/out/*"),
        ("oss:GetObject", f"{bucket}/out/*"),
        ("oss:ListObjects", bucket),
    }
    assert "role" not in aliyun()["http"]


def test_each_trigger_leads_to_the_function_that_handles_it() -> None:
    triggers = {name: sorted(f["Events"].items()) for name, f in sam().items()}
    kinds = {name: [event["Type"] for _, event in events] for name, events in triggers.items()}
    assert kinds == {"Http": ["HttpApi"], "Objects": ["ScheduleV2", "S3"]}
    uploaded = sam()["Objects"]["Events"]["Uploaded"]["Properties"]
    assert uploaded["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "in/"}]
    found = {name: [t["triggerType"] for t in f["triggers"]] for name, f in aliyun().items()}
    assert found == {"http": ["http"], "objects": ["oss", "timer"]}
    assert aliyun()["objects"]["triggers"][0]["triggerConfig"]["filter"]["key"]["prefix"] == "in/"


def test_lambda_calls_the_handler() -> None:
    for function in sam().values():
        assert function["ImageConfig"]["EntryPoint"] == ["python", "-m", "awslambdaric"]
        assert function["ImageConfig"]["Command"] == [HANDLER]
        assert function["variables"]["STATE_DIRECTORY"].startswith("/tmp/")
        assert function["variables"]["XDG_CACHE_HOME"].startswith("/tmp/")


def test_a_recognition_ends_before_the_function_does() -> None:
    api = sam()["Http"]["Events"]["Api"]["Properties"]["TimeoutInMillis"] / 1000
    assert api == 30  # the most that API Gateway allows
    limits = {
        "AWS": (sam()["Http"]["Timeout"], sam()["Http"]["variables"]),
        "Alibaba Cloud": (aliyun()["http"]["timeout"], aliyun()["http"]["environmentVariables"]),
        "Knative": (
            load(SERVICE)["spec"]["template"]["spec"]["timeoutSeconds"],
            {each["name"]: each.get("value") for each in container()["env"]},
        ),
    }
    assert limits["AWS"][0] < api
    for timeout, variables in limits.values():
        assert float(variables["OCR_OCR__PROCESS__TIMEOUT_SECONDS"]) < timeout - MARGIN_SECONDS


def test_a_vcpu_has_a_worker() -> None:
    """Lambda gives one for each 1769 MiB, and does not show how many in a cgroup."""
    for function in sam().values():
        workers = int(function["variables"]["OCR_OCR__PROCESS__NUMBER"])
        assert workers == function["MemorySize"] / 1769


def test_function_compute_calls_the_port_on_which_the_program_listens() -> None:
    function = aliyun()["objects"]
    config = function["customContainerConfig"]
    assert config["entrypoint"] == ["python", "-m", "server.function"]
    assert config["command"] == [
        "--port", str(config["port"]), "--timeout", str(function["timeout"])
    ]  # fmt: skip


def test_the_page_has_the_limits_of_the_files() -> None:
    page = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    for file in FILES.iterdir():
        assert f"deploy/functions/{file.name}" in page, file
    assert re.search(r"--build-arg LOCKS=\"[a-z0-9 ]*\blambda\b", page)
    assert json.loads(POLICY.read_text())["Version"] == "1"
