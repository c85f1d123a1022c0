"""Starts ministack with what it lacks for this project. Run by scripts/test-aws.mjs; see docs/emulators.md.

ministack 1.5.33 emulates S3, SQS, SNS, Lambda, EventBridge, IAM and CloudFormation, but AWS Batch only in name.
Batch calls are handed to our own server (batch-server.ts) at BATCH_SERVER, and its events put on the bus here.
The tables patched below are ministack's private ones, hence the exact version.
"""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from importlib.metadata import version
from urllib.parse import parse_qs

EXPECTED = "1.5.33"
if version("ministack") != EXPECTED:
    sys.exit(f"Expected ministack {EXPECTED} but received {version('ministack')}: its private tables may have moved")

BATCH_SERVER = os.environ["BATCH_SERVER"]
ACCOUNT = os.environ["AWS_ACCESS_KEY_ID"]
REGION = os.environ["MINISTACK_REGION"]

from ministack import app as ministack  # noqa: E402
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses  # noqa: E402
from ministack.services import batch, cloudformation, eventbridge, sns  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

for module, name in [
    (ministack, "pin_request_origin"), (ministack, "app"), (batch, "handle_request"), (eventbridge, "_put_events"),
    (cloudformation, "_stacks"), (provisioners, "_RESOURCE_HANDLERS"), (lambda_runtime, "execution_credentials"),
    (iam_actions, "extract_resource_arn"), (iam_evaluator, "_gather_role_policies"), (iam_evaluator, "evaluate"),
    (iam_evaluator, "evaluate_resource_policy"), (sns, "_topics"), (responses, "set_request_account_id"), (responses, "set_request_region"),
]:
    if not hasattr(module, name):
        sys.exit(f"Expected {module.__name__}.{name} in ministack {EXPECTED} but it is gone")


def call_batch_server(path, payload):
    """POSTs JSON; answers (status, body)."""
    request = urllib.request.Request(BATCH_SERVER + path, json.dumps(payload).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


async def forward_batch(method, path, headers, body, query_params):
    """Every Batch API call; IAM has been applied by now."""
    text = body.decode() if isinstance(body, bytes) else body or "{}"
    status, answer = await asyncio.to_thread(call_batch_server, path.lower(), json.loads(text or "{}"))
    headers = {"content-type": "application/json"}
    if status >= 400:
        headers["x-amzn-errortype"] = json.loads(answer).get("__type", "ServerException")
    return status, headers, answer


batch.handle_request = forward_batch


original_resource = iam_actions.extract_resource_arn


def resource_of(service, method, path, headers, body, *rest):
    """Policies name the queue that jobs are submitted to; ministack would ask for permission on everything."""
    if service == "batch" and path.lower().rstrip("/") == "/v1/submitjob":
        return json.loads(body).get("jobQueue", "*")
    return original_resource(service, method, path, headers, body, *rest)


iam_actions.extract_resource_arn = resource_of


def register(kind, attribute):
    """CloudFormation's create, update and delete of a Batch resource: our server keeps it and names its ARN."""

    def create(logical_id, properties, stack_name):
        status, answer = call_batch_server(f"/resources/{kind}", {
            "logicalId": f"{stack_name}-{logical_id}", "properties": properties, "account": ACCOUNT, "region": REGION,
        })
        if status != 200:
            raise ValueError(answer.decode())
        arn = json.loads(answer)["arn"]
        return arn, {attribute: arn}

    def update(physical_id, old_properties, properties, stack_name, logical_id=None):
        return create(logical_id or physical_id.rsplit("/", 1)[-1].split(":")[0], properties, stack_name)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": lambda physical_id, properties: None}


provisioners._RESOURCE_HANDLERS.update({
    "AWS::Batch::ComputeEnvironment": register("compute-environment", "ComputeEnvironmentArn"),
    "AWS::Batch::JobQueue": register("job-queue", "JobQueueArn"),
    "AWS::Batch::JobDefinition": register("job-definition", "JobDefinitionArn"),
})

# Requests arrive in the clear here; every enforceSSL policy would deny them.
original_pin = ministack.pin_request_origin
ministack.pin_request_origin = lambda source_ip, _secure: original_pin(source_ip, True)

original_app = ministack.app


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def answer_json(send, value):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


def as_principal(principal, kind, action, resource):
    return iam_evaluator.EvalContext(
        principal_arn=principal, principal_type=kind, principal_account=ACCOUNT, action=action, resource_arn=resource,
        region=REGION, secure_transport=True, service_context={"aws:SourceAccount": ACCOUNT, "aws:sourceaccount": ACCOUNT},
    )


def role_may(role, action, resource):
    """Whether a role's own policies allow a call."""
    if not role:
        return False
    policies = iam_evaluator._gather_role_policies(role.rsplit("/", 1)[-1], ACCOUNT)
    return iam_evaluator.evaluate(as_principal(role, "AssumedRole", action, resource), policies).decision == "Allow"


def alarm_may_publish(topic):
    """CloudWatch publishes as a service of AWS: it needs an Allow of the topic's own policy."""
    policy = sns._topics[topic]["attributes"].get("Policy")
    context = as_principal(f"arn:aws:iam::{ACCOUNT}:root", "Root", "sns:Publish", topic)
    found = iam_evaluator.evaluate_resource_policy(policy, context, service="cloudwatch.amazonaws.com")
    return found.decision == "Allow"


async def app(scope, receive, send):
    """ministack, and two paths of our own for the Batch server: events for the bus, credentials of a job's role."""
    path = scope.get("path", "")
    if scope["type"] == "http" and path == "/_cytolens/events":
        responses.set_request_account_id(ACCOUNT)
        responses.set_request_region(REGION)
        entries = json.loads(await read_body(receive))
        eventbridge._put_events({"Entries": entries}, allow_aws_source=True)
        return await answer_json(send, {})
    if scope["type"] == "http" and path == "/_cytolens/credentials":
        role = parse_qs(scope["query_string"].decode())["role"][0]
        name = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:batch-job"
        return await answer_json(send, lambda_runtime.execution_credentials({"FunctionArn": name, "FunctionName": "batch-job", "Role": role}))
    if scope["type"] == "http" and path == "/_cytolens/may":
        responses.set_request_account_id(ACCOUNT)
        question = parse_qs(scope["query_string"].decode())
        role = question.get("role", [""])[0]
        return await answer_json(send, {"allowed": role_may(role, question["action"][0], question["resource"][0])})
    if scope["type"] == "http" and path == "/_cytolens/alarm":
        responses.set_request_account_id(ACCOUNT)
        responses.set_request_region(REGION)
        topic = parse_qs(scope["query_string"].decode())["topic"][0]
        return await answer_json(send, {"allowed": alarm_may_publish(topic)})
    if scope["type"] == "http" and path == "/_cytolens/resources":
        name = parse_qs(scope["query_string"].decode())["stack"][0]
        responses.set_request_account_id(ACCOUNT)
        responses.set_request_region(REGION)
        resources = cloudformation._stacks[name]["_resources"]
        return await answer_json(send, {logical_id: resource["PhysicalResourceId"] for logical_id, resource in resources.items()})
    return await original_app(scope, receive, send)


ministack.app = app
ministack.main()
