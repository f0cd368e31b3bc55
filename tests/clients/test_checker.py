"""The strict walk itself: it takes good answers and finds every kind of flaw."""

import pathlib
import subprocess
import sys

import pytest

import check_responses
import strict_json

ID = "01234567-89ab-4cde-8f01-23456789abcd"
RDS = "http://rds.amazonaws.com/doc/2014-10-31/"
CLOUDFORMATION = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def answer(operation, result, namespace=RDS):
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></{operation}Response>"
    )


def error(code, kind="Sender", namespace=RDS):
    return (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{code}</Code><Message>No</Message></Error>'
        f"<RequestId>{ID}</RequestId></ErrorResponse>"
    )


def clusters(inside):
    return answer("DescribeDBClusters", f"<DBClusters><DBCluster>{inside}</DBCluster></DBClusters>")


CLUSTER = "<DBClusterIdentifier>prod</DBClusterIdentifier>"
CLUSTERS = clusters(CLUSTER)
STACK = answer(
    "DescribeStacks",
    "<Stacks><member><StackName>s</StackName><CreationTime>2026-01-01T00:00:00.000Z</CreationTime>"
    "<StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks>",
    CLOUDFORMATION,
)
DELETED = (
    f'<DeleteStackResponse xmlns="{CLOUDFORMATION}"><ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata>'
    "</DeleteStackResponse>"
)


def events(status):
    return answer(
        "DescribeStackEvents",
        "<StackEvents><member><StackId>s</StackId><EventId>1</EventId><StackName>s</StackName>"
        f"<Timestamp>2026-01-01T00:00:00.000Z</Timestamp><ResourceStatus>{status}</ResourceStatus></member></StackEvents>",
        CLOUDFORMATION,
    )


@pytest.mark.parametrize(
    ("operation", "status", "document"),
    [
        ("DescribeDBClusters", 200, CLUSTERS),
        ("DescribeDBClusters", 200, clusters("<MultiAZ>true</MultiAZ><Port>5432</Port>")),
        ("DescribeDBClusters", 404, error("DBClusterNotFoundFault")),
        ("DescribeDBClusters", 500, error("InternalFailure", "Receiver")),
        ("DescribeStacks", 200, STACK),
        ("DescribeStacks", 400, error("ValidationError", namespace=CLOUDFORMATION)),
        ("DeleteStack", 200, DELETED),
        ("DescribeStackEvents", 200, events("UPDATE_FAILED")),
        ("DescribeStackEvents", 200, events("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")),
    ],
)
def test_good_answers_pass(operation, status, document):
    assert check_responses.check(operation, status, document.encode()) == []


@pytest.mark.parametrize(
    ("operation", "status", "document", "problem"),
    [
        ("DescribeDBClusters", 200, clusters("<Colour>red</Colour>"), "has no member Colour"),
        ("DescribeDBClusters", 200, clusters("<ClusterStatus/>"), "has no member ClusterStatus"),
        ("DescribeDBClusters", 200, clusters(CLUSTER * 2), "comes twice"),
        ("DescribeDBClusters", 200, clusters("<TagList><member/></TagList>"), "list item member"),
        ("DescribeDBClusters", 200, CLUSTERS.replace("DBCluster>", "DBClusterr>"), "list item DBClusterr"),
        ("DescribeDBClusters", 200, clusters("<MultiAZ>True</MultiAZ>"), "'True' is no boolean"),
        ("DescribeDBClusters", 200, clusters("<MultiAZ/>"), "'' is no boolean"),
        ("DescribeDBClusters", 200, clusters("<Port>5432.0</Port>"), "is no integer"),
        ("DescribeDBClusters", 200, clusters("<Port>3000000000</Port>"), "is no integer"),
        ("DescribeDBClusters", 200, clusters("<ClusterCreateTime>yesterday</ClusterCreateTime>"), "no timestamp"),
        (
            "DescribeDBClusters",
            200,
            clusters("<ClusterCreateTime>2026-13-01T00:00:00Z</ClusterCreateTime>"),
            "no timestamp",
        ),
        (
            "DescribeDBClusters",
            200,
            clusters("<ClusterCreateTime>2026-01-01T00:00:00+00:00</ClusterCreateTime>"),
            "no timestamp",
        ),
        ("DescribeDBClusters", 200, clusters("<Status><b/></Status>"), "elements inside of a string"),
        ("DescribeDBClusters", 200, clusters("stray"), "text inside of a structure"),
        ("DescribeDBClusters", 200, clusters(f"{CLUSTER}stray"), "text inside of a structure"),
        ("DescribeDBClusters", 200, clusters("<NetworkType a='1'/>"), "has attributes"),
        ("DescribeDBClusters", 200, answer("DescribeDBClusters", ""), "the result is empty"),
        ("DescribeDBClusters", 200, CLUSTERS.replace(RDS, CLOUDFORMATION), "has no operation DescribeDBClusters"),
        ("DescribeDBClusters", 200, CLUSTERS.replace(RDS, RDS[:-1]), "none of the namespaces"),
        ("DescribeDBClusters", 200, CLUSTERS.replace(f' xmlns="{RDS}"', ""), "none of the namespaces"),
        ("DescribeDBClusters", 200, CLUSTERS.replace(ID, "fault"), "request id 'fault'"),
        ("DescribeDBClusters", 200, CLUSTERS.replace("DescribeDBClustersResponse", "DescribeResponse"), "root is"),
        ("DescribeDBClusters", 200, CLUSTERS[:-5], "not well-formed"),
        ("DescribeDBClusters", 200, "", "not well-formed"),
        ("DescribeDBClusters", 400, CLUSTERS, "a document that is no error"),
        ("DescribeDBInstances", 200, CLUSTERS, "root is DescribeDBClustersResponse"),
        ("PaintDBCluster", 200, answer("PaintDBCluster", "<a/>"), "no operation PaintDBCluster"),
        ("DescribeDBClusters", 404, error("DBInstanceNotFound"), "neither modelled"),
        ("DescribeDBInstances", 404, error("DBInstanceNotFoundFault"), "neither modelled"),
        ("DescribeDBClusters", 400, error("ValidationError"), "neither modelled"),
        ("DescribeDBClusters", 400, error("DBClusterNotFoundFault"), "the model says 404"),
        ("DescribeDBClusters", 404, error("DBClusterNotFoundFault", "Receiver"), "error type Receiver"),
        ("DescribeDBClusters", 404, error("DBClusterNotFoundFault").replace(">No<", "><"), "without a message"),
        ("DescribeDBClusters", 404, error("DBClusterNotFoundFault").replace("Code>", "Kode>"), "expected"),
        ("DescribeStacks", 200, STACK.replace("_COMPLETE", "_COMPLETED"), "is none of"),
        ("DescribeStackEvents", 200, events("UPDATE_CLEANUP"), "is none of"),
        ("DescribeStacks", 200, STACK.replace("StackStatus>", "Description>"), "required StackStatus is missing"),
        ("DescribeStacks", 200, STACK.replace("member>", "Stack>"), "list item Stack"),
        ("DeleteStack", 200, DELETED.replace("<Resp", "<DeleteStackResult/><Resp"), "expected"),
    ],
)
def test_flaws_are_found(operation, status, document, problem):
    problems = check_responses.check(operation, status, document.encode())
    assert any(problem in found for found in problems), problems


def run(folder):
    program = pathlib.Path(check_responses.__file__)
    return subprocess.run([sys.executable, program, folder], capture_output=True, text=True)


def test_the_program_counts_and_exits(tmp_path):
    done = run(tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (1, [f"no recordings in {tmp_path}", "0 passed, 0 failed"])
    assert run(tmp_path / "nothing").returncode == 1

    (tmp_path / "DescribeDBClusters.1.xml").write_text(f"<!-- status 200 -->\n{CLUSTERS}")
    (tmp_path / "DescribeDBClusters.2.xml").write_text(f"<!-- status 404 -->\n{error('DBClusterNotFoundFault')}")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, "2 passed, 0 failed\n")

    (tmp_path / "DescribeDBClusters.3.xml").write_text(CLUSTERS)
    (tmp_path / "DescribeDBClusters.4.xml").write_text(f"<!-- status 200 -->\n{clusters('<Colour/>')}")
    done = run(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 passed, 2 failed")
    assert "DescribeDBClusters.3.xml: no status before the document" in done.stdout
    assert "DescribeDBClusters.4.xml: " in done.stdout


HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": ID}


@pytest.mark.parametrize(
    ("operation", "status", "headers", "body", "problem"),
    [
        ("GetItem", 200, HEADERS, b'{"Item":{"id":{"S":"a"}}}', None),
        ("GetItem", 200, HEADERS, b"{}", None),
        ("PutItem", 400, HEADERS, b'{"__type":"a#ConditionalCheckFailedException","message":"no"}', None),
        ("GetItem", 200, HEADERS, b'{"Itm":{}}', "has no member Itm"),
        ("GetItem", 200, HEADERS, b'{"Item":{"id":{"S":1}}}', "is no string"),
        ("GetItem", 200, HEADERS, b'{"Item":{"id":{"BOOL":"true"}}}', "is no boolean"),
        ("GetItem", 200, HEADERS, b'{"Item":[]}', "is no map"),
        ("GetItem", 200, HEADERS, b"", "no JSON"),
        ("GetItem", 400, HEADERS, b"", "no JSON"),
        ("GetItem", 200, {**HEADERS, "x-amzn-requestid": ""}, b"{}", "request id"),
        ("GetItem", 200, {**HEADERS, "content-type": "text/plain"}, b"{}", "content type"),
        ("GetItem", 400, HEADERS, b'{"__type":"ConditionalCheckFailedException","message":"no"}', "neither modelled"),
        ("GetItem", 400, HEADERS, b'{"__type":"ResourceNotFoundException"}', "without a message"),
        ("GetItem", 404, HEADERS, b'{"__type":"ResourceNotFoundException","message":"no"}', "status 404"),
    ],
)
def test_json_answers_are_walked_too(client, operation, status, headers, body, problem):
    model = client("dynamodb", "http://127.0.0.1:9").meta.service_model.operation_model(operation)
    problems = strict_json.check(model, status, headers, body)
    assert problems == [] if problem is None else any(problem in found for found in problems), problems


def test_only_an_operation_without_an_output_may_answer_nothing(client):
    headers = {**HEADERS, "content-type": "application/x-amz-json-1.1"}
    model = client("kms", "http://127.0.0.1:9").meta.service_model
    assert strict_json.check(model.operation_model("CreateAlias"), 200, headers, b"") == []
    assert strict_json.check(model.operation_model("CreateAlias"), 400, headers, b"")
    assert strict_json.check(model.operation_model("CreateKey"), 200, headers, b"")
    assert strict_json.check(model.operation_model("CreateAlias"), 200, HEADERS, b""), "another version's content type"
