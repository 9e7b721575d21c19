"""The Python client as Airflow and others embed it, in every way it can send over HTTP."""

import os
import sys
import uuid
from datetime import datetime, timezone

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

from expect_jobs import expect

URL, TOKEN = os.environ["LAKEWARDEN_URL"], os.environ["LAKEWARDEN_INGEST_TOKEN"]


def transport(token=TOKEN, **options):
    config = HttpConfig(url=URL, auth=ApiKeyTokenProvider({"apiKey": token}), timeout=10, **options)
    return HttpTransport(config)


def events(name):
    run = Run(runId=str(uuid.uuid4()))
    job = Job(namespace="clients", name=name)
    fields = [schema_dataset.SchemaDatasetFacetFields(name="order_id", type="bigint")]
    schema = schema_dataset.SchemaDatasetFacet(fields=fields)
    source = InputDataset(namespace="s3://lake-raw", name="acme/orders", facets={"schema": schema})
    target = OutputDataset(namespace="s3://lake-processed", name="acme/orders", facets={"schema": schema})
    for state in (RunState.START, RunState.COMPLETE):
        now = datetime.now(timezone.utc).isoformat()
        yield RunEvent(eventType=state, eventTime=now, run=run, job=job, producer="https://lakewarden.example/tests",
                       inputs=[source], outputs=[target])


def send(name, client):
    for event in events(name):
        client.emit(event)
    print(f"  {name}: taken")


def send_asynchronously():
    """Sent from threads of the client's own; closing it waits for them."""
    try:
        from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
    except ImportError:
        print("  this version of the client has no asynchronous transport")
        return []
    config = AsyncHttpConfig(url=URL, auth=ApiKeyTokenProvider({"apiKey": TOKEN}))
    asynchronous = AsyncHttpTransport(config)
    send("client_async", OpenLineageClient(transport=asynchronous))
    if not asynchronous.close(timeout=20):
        sys.exit("the asynchronous client could not send everything in 20 seconds")
    return ["client_async"]


def refuses_a_wrong_token():
    try:
        send("client_refused", OpenLineageClient(transport=transport(token="lwt_wrong")))
    except Exception as error:
        print(f"  a wrong token is refused: {type(error).__name__}")
        return
    sys.exit("a wrong token was not refused")


send("client_plain", OpenLineageClient(transport=transport()))
send("client_gzip", OpenLineageClient(transport=transport(compression=HttpCompression.GZIP)))
names = ["client_plain", "client_gzip", *send_asynchronously()]
refuses_a_wrong_token()
expect("clients", names)
