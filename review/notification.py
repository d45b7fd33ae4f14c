"""A webhook that is called when a style waits: an automation on Prefect's own event, nothing that runs of ours."""

from uuid import UUID

from prefect.automations import AutomationCore, CallWebhook, EventTrigger, Posture
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from data.errors import SpecError

NAME = "a style waits for a reviewer"
FLOWS = ["onboard-style", "onboard-subject"]

PAYLOAD = """{
  "text": {{ ("Style " ~ flow_run.parameters.spec.name ~ " waits for a reviewer: " ~ flow_run|ui_url)|tojson }},
  "style": {{ flow_run.parameters.spec.name|tojson }},
  "flow_run_id": {{ flow_run.id|string|tojson }},
  "url": {{ flow_run|ui_url|tojson }}
}"""
"""JSON; `text` is what Slack, Mattermost and others show."""


def notify_when_waiting(webhook_url: str) -> UUID:
    """Have `webhook_url` called with JSON whenever an onboarding run is suspended; gives the automation's id.

    Said again, perhaps with another address, it replaces what it said before.

    Raises:
        SpecError: if it is no http(s) address.
    """
    if not webhook_url.startswith(("http://", "https://")):
        raise SpecError(f"expected an address that starts with http:// or https://, got {webhook_url!r}")
    block_id = Webhook(url=SecretStr(webhook_url), headers={"Content-Type": "application/json"}).save(
        "style-waits", overwrite=True
    )
    automation = AutomationCore(
        name=NAME,
        description="Calls the webhook block style-waits; made by `styledrop-review-terminal notify`.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Suspended"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": FLOWS},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[CallWebhook(block_document_id=block_id, payload=PAYLOAD)],
    )
    with get_client(sync_client=True) as client:
        for old in client.read_automations_by_name(NAME):
            client.delete_automation(old.id)
        return client.create_automation(automation)
