"""The Open Inference Protocol as Triton's own Python client speaks it."""
import json
import pathlib
import threading

import numpy
import pytest
from support.protocol import TYPES, import_client, make_models

triton = import_client()

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
REFERENCE = json.loads((DATA / "models/reference.json").read_text())
SAMPLES = REFERENCE["digits"]["samples"]
DTYPES = dict(
    zip(TYPES, [bool, numpy.uint8, numpy.int8, numpy.int16, numpy.int32, numpy.int64, numpy.float32, numpy.float64])
)


@pytest.fixture(scope="module")
def models(admin, runtime):
    made = make_models()
    for name, (model, manifest) in made.items():
        answer = admin.push_model(name, model, manifest)
        assert answer.status == 201, answer
    return sorted(made)


@pytest.fixture(scope="module")
def connect(daemon):
    """Makes clients that send a key with every call; gevent ties each to its thread."""
    from tritonclient._plugin import InferenceServerClientPlugin

    class Key(InferenceServerClientPlugin):
        def __init__(self, key):
            self.key = key

        def __call__(self, request):
            request.headers["authorization"] = f"Bearer {self.key}"

    def make(role="admin", **options):
        client = triton.InferenceServerClient(f"127.0.0.1:{daemon.port}", **options)
        if role:
            client.register_plugin(Key(daemon.create_key(role)))
        return client

    return make


@pytest.fixture
def client(connect):
    with connect() as made:
        yield made


def tensor(name, values, datatype="FP32", binary=True):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def wants(name, binary=True, classes=0):
    return triton.InferRequestedOutput(name, binary_data=binary, class_count=classes)


def numbers(*shape):
    return numpy.arange(numpy.prod(shape), dtype=numpy.float32).reshape(shape) / 3


def failure(call, *arguments, **options):
    with pytest.raises(triton.InferenceServerException) as raised:
        call(*arguments, **options)
    return raised.value


def refused(status, because, call, *arguments, **options):
    error = failure(call, *arguments, **options)
    assert error.status() == str(status), error
    assert because in error.message(), error


# Health and metadata


def test_health_needs_no_key(connect):
    with connect(role=None) as anyone:
        assert anyone.is_server_live() and anyone.is_server_ready()
        refused(401, "key", anyone.get_server_metadata)


def test_the_server_describes_itself(client):
    metadata = client.get_server_metadata()
    assert metadata["name"] == "millrace" and metadata["version"]
    assert {"binary_tensor_data", "classification", "statistics", "model_repository"} <= set(metadata["extensions"])


def test_a_model_describes_its_tensors_with_the_batch_dimension(client, models):
    metadata = client.get_model_metadata("mixed")
    assert metadata["name"] == "mixed" and metadata["versions"] == ["1"] and metadata["platform"] == "pytorch_libtorch"
    assert metadata["inputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "b", "datatype": "INT64", "shape": [-1, 2]},
    ]
    assert [output["name"] for output in metadata["outputs"]] == ["scaled", "next", "positive"]
    assert client.get_model_metadata("mixed", "1") == metadata
    refused(404, "nothing", client.get_model_metadata, "nothing")
    refused(404, "7", client.get_model_metadata, "mixed", "7")


def test_a_model_has_a_configuration(client, models):
    config = client.get_model_config("mixed")
    assert config["max_batch_size"] == 8 and config["backend"] == "pytorch"
    assert (
        config["input"][1]["name"] == "b"
        and config["input"][1]["data_type"] == "TYPE_INT64"
        and config["input"][1]["dims"] == [2]
    )
    assert client.get_model_config("mixed", "1") == config
    refused(404, "nothing", client.get_model_config, "nothing")


# The repository


def state_of(client, name):
    return next(entry for entry in client.get_model_repository_index() if entry["name"] == name)


def test_models_are_listed_loaded_and_unloaded(client, models, admin):
    index = client.get_model_repository_index()
    assert {entry["name"] for entry in index} >= set(models)
    assert all(set(entry) == {"name", "version", "state", "reason"} and entry["version"] == "1" for entry in index)
    client.load_model("double")
    assert (
        client.is_model_ready("double")
        and client.is_model_ready("double", "1")
        and state_of(client, "double")["state"] == "READY"
    )
    assert "double/1" in admin.get("/api/v1/status").json["worker"]["models"]

    client.unload_model("double")
    assert not client.is_model_ready("double") and state_of(client, "double") == {
        "name": "double",
        "version": "1",
        "state": "UNAVAILABLE",
        "reason": "unloaded",
    }
    assert "double/1" not in admin.get("/api/v1/status").json["worker"]["models"]
    assert "double" not in {entry["name"] for entry in admin.post("/v2/repository/index", {"ready": True}).json}

    client.load_model("double")
    assert client.is_model_ready("double")
    client.unload_model("double")  # … and its next prediction brings it back
    assert client.infer("double", [tensor("x", numbers(1, 2))]).as_numpy("y").shape == (1, 2)
    assert client.is_model_ready("double")


def test_what_cannot_be_loaded_is_refused(client, models, connect):
    assert not client.is_model_ready("nothing") and not client.is_model_ready("double", "7")
    refused(404, "nothing", client.load_model, "nothing")
    refused(404, "nothing", client.unload_model, "nothing")
    refused(400, "pushed", client.load_model, "double", config="{}")
    with connect("submitter") as other:
        refused(403, "role", other.load_model, "double")


# Inference


@pytest.mark.parametrize("binary_in", [True, False], ids=["binary in", "json in"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["binary out", "json out"])
def test_every_datatype_goes_in_and_comes_out_as_it_is(client, models, binary_in, binary_out):
    sent = {}
    for datatype, dtype in DTYPES.items():
        limits = (
            (0, 1)
            if dtype is bool
            else (numpy.iinfo(dtype).min, numpy.iinfo(dtype).max)
            if numpy.issubdtype(dtype, numpy.integer)
            else (-1 / 3, 1e-30)
        )
        sent[datatype] = numpy.array([limits, limits[::-1]], dtype=dtype)
    inputs = [tensor(datatype.lower(), values, datatype, binary_in) for datatype, values in sent.items()]
    outputs = [wants(f"{datatype.lower()}_out", binary_out) for datatype in sent]
    result = client.infer("same", inputs, outputs=outputs)
    for datatype, values in sent.items():
        got = result.as_numpy(f"{datatype.lower()}_out")
        assert got.dtype == values.dtype and (got == values).all(), datatype
        assert (result.get_output(f"{datatype.lower()}_out").get("parameters") is not None) == binary_out


def test_several_inputs_give_several_outputs_in_the_order_asked_for(client, models):
    a, b = numpy.array([[1, -2, 0.5], [3, 0, -1]], dtype=numpy.float32), numpy.array(
        [[1, 2], [-1, 5]], dtype=numpy.int64
    )
    result = client.infer("mixed", [tensor("b", b, "INT64"), tensor("a", a)], request_id="my request")
    response = result.get_response()
    assert response["id"] == "my request" and response["model_name"] == "mixed" and response["model_version"] == "1"
    assert [output["name"] for output in response["outputs"]] == ["scaled", "next", "positive"]
    assert (result.as_numpy("scaled") == a * b.sum(1, keepdims=True)).all()
    assert (result.as_numpy("next") == b + 1).all() and (result.as_numpy("positive") == (a > 0)).all()
    assert response["parameters"]["batch_size"] >= 2 and response["parameters"]["infer_ms"] > 0

    some = client.infer(
        "mixed",
        [tensor("a", a, binary=False), tensor("b", b, "INT64")],
        outputs=[wants("positive", False), wants("next")],
        model_version="1",
    )
    assert [output["name"] for output in some.get_response()["outputs"]] == ["positive", "next"]
    assert (some.as_numpy("next") == b + 1).all() and some.as_numpy("scaled") is None


def test_a_batch_equals_its_rows_asked_one_by_one(client, models):
    rows = numpy.random.default_rng(1).standard_normal((8, 5), dtype=numpy.float32)
    whole = client.infer("double", [tensor("x", rows)]).as_numpy("y")
    single = [client.infer("double", [tensor("x", row[None])]).as_numpy("y") for row in rows]
    assert (whole == numpy.concatenate(single)).all() and (whole == rows * 2).all()


def test_many_at_once_each_get_their_own_answer(connect, models):
    with connect(concurrency=16) as client:
        sent = [numbers(1 + i % 3, 4) + i for i in range(96)]
        waiting = [
            client.async_infer("double", [tensor("x", values)], request_id=str(i)) for i, values in enumerate(sent)
        ]
        for i, (values, pending) in enumerate(zip(sent, waiting)):
            result = pending.get_result()
            assert result.get_response()["id"] == str(i)
            assert (result.as_numpy("y") == values * 2).all()


def test_threads_share_the_server(connect, models):
    wrong = []

    def work(seed):
        with connect() as client:
            for i in range(10):
                values = numbers(1, 7) * seed + i
                if not (client.infer("double", [tensor("x", values)]).as_numpy("y") == values * 2).all():
                    wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("size", [3, 5000], ids=["little", "much"])
@pytest.mark.parametrize("request_coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("response_coding", [None, "gzip", "deflate"])
def test_bodies_may_be_packed_in_both_directions(client, models, size, request_coding, response_coding):
    values = numbers(2, size)
    for binary in (True, False):
        result = client.infer(
            "double",
            [tensor("x", values, binary=binary)],
            outputs=[wants("y", binary)],
            request_compression_algorithm=request_coding,
            response_compression_algorithm=response_coding,
        )
        assert (result.as_numpy("y") == values * 2).all()


def test_priority_and_a_timeout_that_is_long_enough_change_nothing(client, models):
    for priority in (0, 1, 9, 1000):
        assert (
            client.infer("double", [tensor("x", numbers(1, 2))], priority=priority, timeout=30_000_000).as_numpy("y")
            == numbers(1, 2) * 2
        ).all()


def test_a_request_that_is_too_late_is_refused(client, models):
    refused(503, "", client.infer, "double", [tensor("x", numbers(1, 2))], timeout=1)


def test_equal_requests_are_answered_from_the_cache_of_a_model_that_wants_it(client, models):
    values = numbers(2, 3)
    answers = [client.infer("kept", [tensor("x", values)], request_id=str(i)) for i in range(3)]
    answers.append(client.infer("kept", [tensor("x", values, binary=False)], outputs=[wants("y", False)]))
    assert all((answer.as_numpy("y") == values * 2).all() for answer in answers)
    assert [answer.get_response().get("id") for answer in answers] == ["0", "1", "2", None]
    stats = client.get_inference_statistics("kept")["model_stats"][0]["inference_stats"]
    assert (stats["cache_hit"]["count"], stats["cache_miss"]["count"]) == (3, 1)


def test_a_version_may_be_named(client, models, admin):
    model, about = make_models()["mixed"]
    assert (
        admin.push_model("mixed", model, json.dumps({**json.loads(about), "description": "another"})).json["version"]
        == "2"
    )
    inputs = [tensor("a", numbers(1, 3)), tensor("b", numpy.ones((1, 2), dtype=numpy.int64), "INT64")]
    for version in ("1", "2"):
        assert client.infer("mixed", inputs, model_version=version).get_response()["model_version"] == version
        assert client.get_model_metadata("mixed", version)["versions"] == [version]
        assert client.is_model_ready("mixed", version)
    production = admin.get("/api/v1/models/mixed").json["production"]
    assert client.infer("mixed", inputs).get_response()["model_version"] == production
    assert client.get_model_metadata("mixed")["versions"] == ["1", "2"]
    assert [entry["version"] for entry in client.get_inference_statistics("mixed")["model_stats"]] == ["1", "2"]


# Pictures, texts, classes


def picture(*contents):
    made = triton.InferInput("image", [len(contents), 1], "BYTES")
    made.set_data_from_numpy(numpy.array(contents, dtype=object).reshape(-1, 1))
    return made


def softmax(rows):
    powers = numpy.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_encoded_pictures_are_bytes_and_answered_along_the_batch(client, digits):
    samples = SAMPLES[:5]
    logits = client.infer(digits, [picture(*((DATA / s["file"]).read_bytes() for s in samples))]).as_numpy("logits")
    assert logits.shape == (5, 10)
    for row, sample in zip(softmax(logits), samples):
        assert numpy.abs(row - sample["probabilities"]).max() < 1e-4


def test_a_picture_may_come_as_the_tensor_that_the_model_takes(client, digits):
    tensors = numpy.zeros((2, 1, 8, 8), dtype=numpy.float32)
    assert client.infer(digits, [tensor("image", tensors)]).as_numpy("logits").shape == (2, 10)


def test_one_bad_picture_fails_its_request_and_no_other(client, digits):
    good = (DATA / SAMPLES[0]["file"]).read_bytes()
    refused(400, "", client.infer, digits, [picture(good, b"no picture")])
    assert client.infer(digits, [picture(good)]).as_numpy("logits").shape == (1, 10)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_classes_are_answered_with_value_place_and_label(client, digits, binary):
    samples = SAMPLES[:3]
    pictures = picture(*((DATA / s["file"]).read_bytes() for s in samples))
    classes = client.infer(digits, [pictures], outputs=[wants("logits", binary, classes=3)]).as_numpy("logits")
    assert classes.shape == (3, 3)
    for row, sample in zip(classes, samples):
        values = [(each if isinstance(each, str) else each.decode()).split(":") for each in row]
        assert values[0][2] == sample["label"] == values[0][1]
        assert [float(v[0]) for v in values] == sorted((float(v[0]) for v in values), reverse=True)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_texts_are_bytes(client, models, binary):
    texts = triton.InferInput("text", [2], "BYTES")
    texts.set_data_from_numpy(numpy.array(["abc", "de"], dtype=object), binary_data=binary)
    got = client.infer("tokens", [texts]).as_numpy("y")
    assert got.shape == (2, 6) and len(set(got[0])) == 4 and len(set(got[1])) == 3


# Statistics


def test_statistics_have_what_perf_analyzer_reads(client, models):
    before = client.get_inference_statistics("double")["model_stats"][0]
    for rows in (1, 3):
        client.infer("double", [tensor("x", numbers(rows, 2))])
    failure(client.infer, "double", [tensor("x", numpy.full((1, 2), -901, dtype=numpy.float32))])
    stats = client.get_inference_statistics("double")["model_stats"]
    assert len(stats) == 1
    after = stats[0]
    assert after["name"] == "double" and after["version"] == "1"
    assert after["inference_count"] - before["inference_count"] >= 4
    assert after["execution_count"] - before["execution_count"] >= 2
    assert after["last_inference"] > 1_600_000_000_000
    for figure in (
        "success",
        "fail",
        "queue",
        "compute_input",
        "compute_infer",
        "compute_output",
        "cache_hit",
        "cache_miss",
    ):
        assert set(after["inference_stats"][figure]) == {"count", "ns"}, figure
    moved = {
        figure: after["inference_stats"][figure]["count"] - before["inference_stats"][figure]["count"]
        for figure in ("success", "fail")
    }
    assert moved == {"success": 2, "fail": 1}
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    assert {batch["batch_size"] for batch in after["batch_stats"]} >= {1, 3}
    every = client.get_inference_statistics()["model_stats"]
    assert {each["name"] for each in every} >= set(models)
    assert client.get_inference_statistics("double", "1")["model_stats"][0]["name"] == "double"
    refused(404, "nothing", client.get_inference_statistics, "nothing")
    refused(404, "7", client.get_inference_statistics, "double", "7")


def failed_requests(admin, name):
    return admin.get(f"/v2/models/{name}/stats").json["model_stats"][0]["inference_stats"]["fail"]["count"]


def test_dashboards_find_the_figures_under_tritons_names(client, models, admin):
    client.infer("double", [tensor("x", numbers(2, 2))])
    text = admin.get("/metrics").body.decode()
    figures = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("nv_") and 'model="double"' in line
    )
    assert float(figures['nv_inference_request_success{model="double",version="1"}']) >= 1
    assert (
        float(figures['nv_inference_count{model="double",version="1"}'])
        >= float(figures['nv_inference_exec_count{model="double",version="1"}'])
        >= 1
    )
    assert float(figures['nv_inference_compute_infer_duration_us{model="double",version="1"}']) > 0
    failed = {
        reason: int(figures[f'nv_inference_request_failure{{model="double",version="1",reason="{reason}"}}'])
        for reason in ("BACKEND", "REJECTED", "OTHER", "CANCELED")
    }
    assert failed["BACKEND"] + failed["REJECTED"] == failed_requests(admin, "double")
    assert figures['nv_inference_pending_request_count{model="double",version="1"}'] == "0"


# Refusals


def test_wrong_tensors_are_refused_with_the_reason(client, models):
    a, b = tensor("a", numbers(1, 3)), tensor("b", numpy.zeros((1, 2), dtype=numpy.int64), "INT64")
    refused(404, "nothing", client.infer, "nothing", [a])
    refused(404, "7", client.infer, "mixed", [a, b], model_version="7")
    refused(400, "2 inputs", client.infer, "mixed", [a])
    refused(400, "no input \"c\"", client.infer, "mixed", [a, tensor("c", numbers(1, 2))])
    refused(400, "twice", client.infer, "mixed", [a, a])
    refused(400, "is INT64, not FP32", client.infer, "mixed", [a, tensor("b", numbers(1, 2))])
    refused(400, "[-1,3], not [1,4]", client.infer, "mixed", [tensor("a", numbers(1, 4)), b])
    refused(400, "as many of each", client.infer, "mixed", [tensor("a", numbers(2, 3)), b])
    refused(400, "1 to 8 rows", client.infer, "double", [tensor("x", numbers(9, 2))])
    refused(400, "no output \"w\"", client.infer, "mixed", [a, b], outputs=[wants("w")])
    refused(
        400, "FP32, not FP16", client.infer, "double", [tensor("x", numpy.zeros((1, 2), dtype=numpy.float16), "FP16")]
    )
    refused(400, "BYTES", client.infer, "double", [tensor("x", numpy.array([b"a"], dtype=object), "BYTES")])
    refused(
        413,
        "a row may have",
        client.infer,
        "double",
        [tensor("x", numpy.zeros((1, (1 << 20) + 1), dtype=numpy.float32))],
    )


def test_a_model_that_fails_is_told_and_does_not_stop_the_server(client, models):
    error = failure(client.infer, "double", [tensor("x", numpy.full((1, 2), -901, dtype=numpy.float32))])
    assert error.status() == "500" and "poisoned" in error.message()
    assert (client.infer("double", [tensor("x", numbers(1, 2))]).as_numpy("y") == numbers(1, 2) * 2).all()


def test_roles_hold_here_too(connect, models):
    with connect("viewer") as viewer:
        assert viewer.get_model_metadata("double")["name"] == "double"
        refused(403, "role", viewer.infer, "double", [tensor("x", numbers(1, 2))])
