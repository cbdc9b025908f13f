"""What platforms read in the files of deploy/functions: only the fields that these files have.

None of the platforms' programs can check a file without an account. The fields are those of their
documentation; a field that is not listed here is a mistake.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1}


def fields(optional: Schema | None = None, **required: Schema) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def number(least: float, most: float, step: float | None = None) -> Schema:
    """A number in a range."""
    schema: Schema = {"type": "number", "minimum": least, "maximum": most}
    return schema if step is None else {**schema, "multipleOf": step}


def matching(pattern: str) -> Schema:
    """A text of this pattern."""
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


# Serverless Devs, component fc3: https://github.com/devsapp/fc3, docs/zh/yaml.
_VARIABLES = {"type": "object", "additionalProperties": TEXT}
_RAM_ROLE = matching(r"acs:ram::\$\{vars\.account\}:role/[a-z-]+")
_HEALTH = fields(
    httpGetUrl=matching("/.*"),
    initialDelaySeconds=number(0, 120),
    periodSeconds=number(1, 120),
    timeoutSeconds=number(1, 3),
    failureThreshold=number(1, 120),
    successThreshold=number(1, 120),
)
_CONTAINER = fields(
    {"entrypoint": TEXTS, "command": TEXTS, "healthCheckConfig": _HEALTH},
    image=TEXT,
    port={"type": "integer", "minimum": 1, "maximum": 65535},
)


def _trigger(kind: str, config: Schema, **more: Schema) -> Schema:
    return fields(
        triggerName=TEXT,
        triggerType={"const": kind},
        qualifier={"const": "LATEST"},
        triggerConfig=config,
        **more,
    )


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_TRIGGERS = [
    _trigger(
        "http",
        fields(
            authType={"enum": ["anonymous", "function"]},
            methods={"type": "array", "items": {"enum": _METHODS}},
        ),
    ),
    _trigger(
        "oss",
        fields(
            events={"type": "array", "items": matching(r"oss:[A-Za-z]+:[A-Za-z*]+")},
            filter=fields(key=fields(prefix=TEXT, suffix=TEXT)),
        ),
        invocationRole=_RAM_ROLE,
        sourceArn=matching(r"acs:oss:[^:]+:[^:]+:[^:]+"),
    ),
    _trigger(
        "timer",
        fields(
            cronExpression=matching(r"(?:CRON_TZ=\S+ )?\S+(?: \S+){5}|@every \d+[mh]"),
            enable={"type": "boolean"},
            payload=TEXT,
        ),
    ),
]
_FUNCTION = fields(
    {
        "role": _RAM_ROLE,
        "asyncInvokeConfig": fields(
            maxAsyncRetryAttempts=number(0, 8), maxAsyncEventAgeInSeconds=number(1, 2_592_000)
        ),
    },
    region=TEXT,
    functionName=matching("[A-Za-z_][A-Za-z0-9_-]{0,63}"),
    runtime={"const": "custom-container"},
    cpu=number(0.05, 16, 0.05),
    memorySize=number(128, 32768, 64),
    diskSize={"enum": [512, 10240]},
    timeout=number(1, 86400),
    instanceConcurrency={"type": "integer", "minimum": 1, "maximum": 200},
    internetAccess={"type": "boolean"},
    customContainerConfig=_CONTAINER,
    environmentVariables=_VARIABLES,
    triggers={"type": "array", "items": {"oneOf": _TRIGGERS}, "minItems": 1},
)
ALIYUN = fields(
    edition={"const": "3.0.0"},
    name=TEXT,
    access=TEXT,
    vars={"type": "object", "additionalProperties": TEXT},
    resources={
        "type": "object",
        "additionalProperties": fields(component={"const": "fc3"}, props=_FUNCTION),
    },
)

# Resource Access Management.
ALIYUN_POLICY = fields(
    Version={"const": "1"},
    Statement={
        "type": "array",
        "items": fields(
            {"Condition": fields(StringLike=fields(**{"oss:Prefix": TEXTS}))},
            Effect={"enum": ["Allow", "Deny"]},
            Action=matching("oss:[A-Z][A-Za-z]+"),
            Resource=matching(r"acs:oss:\*:\*:.+"),
        ),
    },
)

# Knative Serving, and the part of it that Cloud Run reads.
_PROBE = fields(
    {"failureThreshold": number(1, 240)},
    httpGet=fields(path=matching("/.*"), port={"type": "integer"}),
    periodSeconds=number(1, 240),
    timeoutSeconds=number(1, 240),
)
_VARIABLE = {
    "oneOf": [
        fields(name=TEXT, value=TEXT),
        fields(name=TEXT, valueFrom=fields(secretKeyRef=fields(name=TEXT, key=TEXT))),
    ]
}
KNATIVE = fields(
    apiVersion={"const": "serving.knative.dev/v1"},
    kind={"const": "Service"},
    metadata=fields(name=matching("[a-z][a-z0-9-]{0,48}")),
    spec=fields(
        template=fields(
            metadata=fields(
                annotations={
                    "type": "object",
                    "propertyNames": matching(
                        r"autoscaling\.knative\.dev/(?:min|max)Scale"
                        r"|run\.googleapis\.com/(?:startup-cpu-boost|execution-environment)"
                    ),
                    "additionalProperties": TEXT,
                }
            ),
            spec=fields(
                containerConcurrency=number(0, 1000),
                timeoutSeconds=number(1, 3600),
                containers={
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": fields(
                        image=TEXT,
                        ports={
                            "type": "array",
                            "items": fields(
                                name={"enum": ["http1", "h2c"]}, containerPort={"type": "integer"}
                            ),
                        },
                        resources=fields(
                            limits=fields(cpu=matching(r"\d+m?"), memory=matching(r"\d+(?:Mi|Gi)"))
                        ),
                        env={"type": "array", "items": _VARIABLE},
                        startupProbe=_PROBE,
                        livenessProbe=_PROBE,
                    ),
                },
            ),
        )
    ),
)
