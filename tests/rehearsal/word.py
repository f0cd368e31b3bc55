"""CloudFormation's word about a resource that is being made or changed, which MiniStack does not have.

AWS answers DescribeStackResource with CREATE_IN_PROGRESS or UPDATE_IN_PROGRESS while a resource is worked on; the product asks for
that before it makes a database. MiniStack knows a resource only when it is complete ("does not exist in stack" before), and shows the
old status while it is updated. Its own list of events has the truth, so this server stands between the functions and
MiniStack's CloudFormation: it answers this one question from the latest event, and hands everything else on as it came.
"""

import http.client
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import boto3

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def answer(logical_id, event):
    fields = {
        "StackName": event["StackName"],
        "StackId": event["StackId"],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": event.get("PhysicalResourceId", ""),
        "ResourceType": event["ResourceType"],
        "LastUpdatedTimestamp": event["Timestamp"].isoformat(),
        "ResourceStatus": event["ResourceStatus"],
    }
    detail = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
    return (
        f'<DescribeStackResourceResponse xmlns="{NAMESPACE}"><DescribeStackResourceResult><StackResourceDetail>{detail}'
        "</StackResourceDetail></DescribeStackResourceResult><ResponseMetadata><RequestId>rehearsal</RequestId>"
        "</ResponseMetadata></DescribeStackResourceResponse>"
    )


class Word:
    def __init__(self, ministack):
        behind = urllib.parse.urlsplit(ministack).netloc
        cloudformation = boto3.client("cloudformation", endpoint_url=ministack)

        def in_progress(body):
            """The latest event of a resource that somebody asks about, if it is being worked on."""
            asked = dict(urllib.parse.parse_qsl(body.decode()))
            if asked.get("Action") != "DescribeStackResource":
                return None
            logical_id = asked["LogicalResourceId"]
            try:
                events = cloudformation.describe_stack_events(StackName=asked["StackName"])["StackEvents"]
            except cloudformation.exceptions.ClientError:
                return None
            latest = next((event for event in events if event["LogicalResourceId"] == logical_id), None)
            if latest is None or not latest["ResourceStatus"].endswith("_IN_PROGRESS"):
                return None
            if not latest.get("PhysicalResourceId"):
                known = (event.get("PhysicalResourceId") for event in events if event["LogicalResourceId"] == logical_id)
                latest["PhysicalResourceId"] = next(filter(None, known), "")
            return answer(logical_id, latest)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                text = in_progress(body)
                if text is not None:
                    self.reply(200, "text/xml", text.encode())
                    return
                connection = http.client.HTTPConnection(behind, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                connection.request("POST", self.path, body, headers)
                response = connection.getresponse()
                self.reply(response.status, response.headers.get("Content-Type", "text/xml"), response.read())
                connection.close()

            def reply(self, status, kind, body):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
