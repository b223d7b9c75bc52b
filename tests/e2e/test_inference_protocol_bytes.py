"""The Open Inference Protocol byte by byte: bodies that no client of good will sends."""
import gzip
import json
import struct
import zlib

import pytest
from support.protocol import make_models
from test_contract import check_answer

PATH = "/v2/models/double/infer"


@pytest.fixture(scope="module")
def models(admin, runtime):
    model, manifest = make_models()["double"]
    assert admin.push_model("double", model, manifest).status == 201


def request(count=2, size=None, **more):
    return {
        "inputs": [
            {
                "name": "x",
                "datatype": "FP32",
                "shape": [1, count],
                "parameters": {"binary_data_size": 4 * count if size is None else size},
            }
        ],
        **more,
    }


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def post(admin, body, **headers):
    return admin.request(
        "POST", PATH, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def send(admin, head, binary=b"", length=None, **headers):
    text = json.dumps(head).encode()
    return post(
        admin, text + binary, Inference_Header_Content_Length=str(len(text) if length is None else length), **headers
    )


def assert_error(answer, status, because=""):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json" and set(answer.json) == {"error"}, answer
    assert because in answer.json["error"], answer


def doubled(answer, *values):
    assert answer.status == 200, answer
    assert answer.json["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [1, len(values)], "data": [2 * value for value in values]}
    ]


def test_a_body_is_json_and_what_it_announces(admin, models):
    doubled(send(admin, request(), floats(1, 2)), 1, 2)
    text = json.dumps({"inputs": [{"data": [[3, 4.5]], "shape": [1, 2], "datatype": "FP32", "name": "x"}]})
    doubled(post(admin, text), 3, 4.5)
    doubled(post(admin, text, Content_Type="application/x-www-form-urlencoded"), 3, 4.5)
    doubled(post(admin, text, Inference_Header_Content_Length=str(len(text))), 3, 4.5)
    head = json.dumps(request()).encode()
    doubled(
        post(
            admin,
            iter([head[:10], head[10:] + floats(5)[:1], floats(5)[1:], floats(6)]),
            Inference_Header_Content_Length=str(len(head)),
        ),
        5,
        6,
    )  # chunks
    answer = send(admin, {**request(), "parameters": {"binary_data_output": True}}, floats(1, 2))
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert json.loads(answer.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 8} and answer.body[
        length:
    ] == floats(2, 4)


def test_lengths_that_do_not_hold_are_refused(admin, models):
    for length in ("-1", "0", "x", "1e2", "99999999999999999999", "100000"):
        assert_error(send(admin, request(), floats(1, 2), length=length), 400, "Inference-Header-Content-Length")
    assert_error(send(admin, request(), floats(1, 2), length=10), 400, "JSON")
    assert_error(send(admin, request(), floats(1)), 400, "4 bytes before")
    assert_error(send(admin, request(), b""), 400, "ends")
    assert_error(send(admin, request(), floats(1, 2, 3)), 400, "longer")
    assert_error(send(admin, request(size=4), floats(1)), 400, "announces 4 bytes")
    assert_error(send(admin, request(size=1 << 39), floats(1)), 400, "announces")
    assert_error(post(admin, json.dumps(request())), 400, "ends")
    huge = {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [1, 1 << 30], "parameters": {"binary_data_size": 1 << 32}}
        ]
    }
    assert_error(send(admin, huge, floats(1)), 413)


def test_what_is_no_request_is_refused(admin, models):
    for body in (
        "",
        "{",
        "[]",
        "null",
        '{"inputs":[]}',
        '{"inputs":[{}]}',
        '{"inputs":' + "[" * 1000 + "]" * 1000 + "}",
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[NaN]}]}',
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1e99]}]}',
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1]},{"name":"x","datatype":"FP32","shape":[1,1],"data":[1]}]}',
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1,2]}]}',
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,1],"data":[]}]}',
        '{"inputs":[{"name":"\\ud800","datatype":"FP32","shape":[1,1],"data":[1]}]}',
    ):
        assert_error(post(admin, body), 400)
    assert_error(post(admin, b"\xff\xfe"), 400)


def test_packed_bodies_are_unpacked_within_limits(admin, models):
    text = json.dumps(request()).encode()
    body = text + floats(1, 2)
    for coding, packed in (
        ("gzip", gzip.compress(body)),
        ("deflate", zlib.compress(body)),
        ("GZIP", gzip.compress(body)),
        ("identity", body),
    ):
        doubled(post(admin, packed, Content_Encoding=coding, Inference_Header_Content_Length=str(len(text))), 1, 2)
    assert_error(
        post(admin, body, Content_Encoding="gzip", Inference_Header_Content_Length=str(len(text))), 400, "gzip"
    )
    assert_error(
        post(admin, gzip.compress(body)[:-9], Content_Encoding="gzip", Inference_Header_Content_Length=str(len(text))),
        400,
        "ends",
    )
    assert_error(post(admin, body, Content_Encoding="br"), 400, "Content-Encoding")
    assert_error(post(admin, gzip.compress(body), Content_Encoding="gzip, gzip"), 400, "Content-Encoding")
    assert_error(post(admin, gzip.compress(b" " * (40 << 20)), Content_Encoding="gzip"), 413, "unpacks")
    assert_error(
        post(
            admin,
            gzip.compress(text + b" " * 1000),
            Content_Encoding="gzip",
            Inference_Header_Content_Length=str(len(text) + 1001),
        ),
        400,
    )


def test_an_answer_is_packed_only_for_those_who_ask(admin, models):
    head = {**request(1000), "parameters": {"binary_data_output": True}}
    plain = send(admin, head, floats(*range(1000)))
    assert plain.headers.get("Content-Encoding") is None and plain.headers["Vary"] == "Accept-Encoding"
    for coding, unpack in (("gzip", gzip.decompress), ("deflate", zlib.decompress)):
        packed = send(admin, head, floats(*range(1000)), Accept_Encoding=coding)
        assert packed.headers["Content-Encoding"] == coding and len(packed.body) < len(plain.body)
        length = int(packed.headers["Inference-Header-Content-Length"])
        assert unpack(packed.body)[length:] == plain.body[int(plain.headers["Inference-Header-Content-Length"]) :]
    assert (
        send(admin, head, floats(*range(1000)), Accept_Encoding="br, gzip;q=0").headers.get("Content-Encoding") is None
    )


def test_every_failure_has_the_protocols_form(admin, anonymous, models):
    assert_error(anonymous.get("/v2"), 401, "key")
    assert anonymous.get("/v2").headers["WWW-Authenticate"]
    assert_error(admin.get("/v2/nothing"), 404, "path")
    assert_error(admin.get("/v2/systemsharedmemory/status"), 501)
    wrong = admin.get(PATH)
    assert_error(wrong, 405, "method")
    assert "POST" in wrong.headers["Allow"]
    assert_error(admin.request("POST", PATH, body=b"x", headers={"Content-Length": str(1 << 40)}), 413)
    assert_error(admin.request("POST", "/v2/repository/index", body=b"[", headers={}), 400)
    for body in (b'{"ready":1}', b'{"ready":null}'):
        assert_error(admin.request("POST", "/v2/repository/index", body=body), 400)
    assert_error(admin.request("POST", PATH, body=b"{}", headers={"Authorization": "Basic abc"}), 401)
    assert_error(admin.request("POST", PATH, body=b"{}", headers={"X-Sticky-Key": "k" * 300}), 400, "X-Sticky-Key")
    assert admin.get("/api/v1/nothing").headers["Content-Type"] == "application/problem+json"


def test_health_has_no_body(anonymous, models, admin):
    for path in ("/v2/health/live", "/v2/health/ready"):
        answer = anonymous.get(path)
        assert answer.status == 200 and answer.body == b""
    assert admin.get("/v2/models/double/ready").status == 200
    assert admin.get("/v2/models/nothing/ready").status == 400
    assert_error(anonymous.get("/v2/models/double/ready"), 401)


def test_answers_about_a_model_have_the_documented_form(admin, models):
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1]}
    check_answer("post", "/v2/models/{name}/infer", admin.post(PATH, {"id": "1", "inputs": [tensor]}))
    check_answer(
        "post",
        "/v2/models/{name}/versions/{version}/infer",
        admin.post("/v2/models/double/versions/1/infer", {"inputs": [{**tensor, "data": []}]}),
    )
    check_answer("get", "/v2/models/{name}", admin.get("/v2/models/double"))
    check_answer("get", "/v2/models/{name}/config", admin.get("/v2/models/double/config"))
    check_answer("get", "/v2/models/{name}/stats", admin.get("/v2/models/double/stats"))
    check_answer("post", "/v2/repository/index", admin.post("/v2/repository/index"))
    check_answer("post", "/v2/repository/models/{name}/load", admin.post("/v2/repository/models/double/load", {}))
    check_answer("post", "/v2/repository/models/{name}/unload", admin.post("/v2/repository/models/double/unload"))
