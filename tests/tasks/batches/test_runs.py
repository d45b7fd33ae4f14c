"""What a batch makes of what Prefect says about its runs."""

from unittest.mock import Mock
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Running

from tasks.batches.runs import _refresh


def test_a_run_that_was_deleted_is_named_and_not_waited_for() -> None:
    kept, gone, done = (FlowRun(id=uuid4(), flow_id=uuid4(), state=state()) for state in (Running, Running, Completed))
    now = kept.model_copy(update={"state": Completed()})
    client = Mock(read_flow_runs=Mock(return_value=[now]))
    runs = {"kept": kept, "gone": gone, "done": done}
    assert _refresh(client, runs) == {"gone"}
    assert runs["kept"] == now and runs["done"] == done
