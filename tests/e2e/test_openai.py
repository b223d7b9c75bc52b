"""/v1 as OpenAI's clients speak it: the client from PyPI, and the wire itself."""
import base64
import json
import struct

import pytest
from support.brought import imported
from support.daemon import ROOT

openai = imported("openai")

# Its vector: the sum of the tokens, how many they are, and how many came in the pass with their filling.
TEXTS = (ROOT / "tests/unit/inference/models/texts.pt").read_bytes()


def manifest(name, **more):
    return json.dumps(
        {
            "format": 1,
            "name": name,
            "task": "tensor",
            "input": {
                "kind": "text",
                "datatype": "INT64",
                "shape": [-1],
                "tokenizer": {"kind": "bytes", "max_length": 40},
            },
            "output": {"shape": [3]},
            "batching": {"max_batch": 8},
            **more,
        }
    )


@pytest.fixture(scope="module")
def texts(admin, runtime):
    assert admin.push_model("texts", TEXTS, manifest("texts")).status in (200, 201)
    numbers = {
        "format": 1,
        "name": "numbers",
        "task": "tensor",
        "input": {"kind": "tensor", "shape": [4]},
        "output": {"shape": [4]},
    }
    assert admin.push_model(
        "numbers", (ROOT / "tests/unit/inference/models/numbers.pt").read_bytes(), json.dumps(numbers)
    ).status in (200, 201)
    return "texts"


@pytest.fixture(scope="module")
def client(daemon, admin, texts):
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key=daemon.create_key("submitter", "openai"), max_retries=0
    )


def sums(answer):
    return [each.embedding[0] for each in answer.data]


def test_the_client_embeds_a_text_and_several(client, texts):
    for options in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        one = client.embeddings.create(model=texts, input="abc", **options)
        assert (
            one.object == "list" and one.model == texts and one.data[0].object == "embedding" and one.data[0].index == 0
        )
        if options.get("encoding_format") == "base64":
            assert struct.unpack("<3f", base64.b64decode(one.data[0].embedding))[:2] == (sum(b"abc"), 3)
        else:
            assert one.data[0].embedding[:2] == [sum(b"abc"), 3]
        assert one.usage.prompt_tokens == one.usage.total_tokens == 3
    several = client.embeddings.create(model=texts, input=["abc", "é", "a" * 100])
    assert sums(several) == [sum(b"abc"), sum("é".encode()), 40 * ord("a")]  # cut at its longest
    assert [each.index for each in several.data] == [0, 1, 2]
    assert several.usage.prompt_tokens == 3 + 2 + 40


def test_token_numbers_are_taken_as_they_are(client, texts):
    assert sums(client.embeddings.create(model=texts, input=[1, 2, 3])) == [6]
    assert sums(client.embeddings.create(model=texts, input=[[1, 2, 3], [4], [5, 6]])) == [6, 4, 11]
    assert sums(client.embeddings.create(model=texts, input=["abc", "x"])) == [sum(b"abc"), ord("x")]
    with pytest.raises(openai.BadRequestError, match="41 tokens"):
        client.embeddings.create(model=texts, input=[1] * 41)
    with pytest.raises(openai.BadRequestError, match="input 1: a token must be a number"):
        client.embeddings.create(model=texts, input=[[1], [-1]])


def test_more_texts_than_a_pass_takes_keep_their_order(client, texts):
    lengths = [(7 * i) % 40 + 1 for i in range(300)]
    answer = client.embeddings.create(model=texts, input=["b" * n for n in lengths])
    assert [each.embedding[1] for each in answer.data] == lengths
    assert answer.usage.prompt_tokens == sum(lengths)
    widths = [each.embedding[2] for each in answer.data]
    assert all(width >= n for width, n in zip(widths, lengths))
    assert sum(widths) < 300 * 40  # not all filled up to the longest


def test_the_models_are_those_that_give_embeddings(client, texts):
    listed = {each.id: each for each in client.models.list()}
    assert texts in listed and "numbers" not in listed
    one = client.models.retrieve(texts)
    assert one.id == texts and one.object == "model" and one.owned_by == "millrace" and one.created > 1_600_000_000
    for name in ("none", "numbers"):
        with pytest.raises(openai.NotFoundError) as refused:
            client.models.retrieve(name)
        assert refused.value.code == "model_not_found"


def test_a_version_is_named_behind_a_colon(client, admin, texts):
    again = admin.push_model(texts, TEXTS, manifest(texts, description="again"))
    assert again.status in (200, 201)
    assert sums(client.embeddings.create(model=f"{texts}:{again.json['version']}", input="abc")) == [sum(b"abc")]
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=f"{texts}:99", input="abc")


@pytest.mark.parametrize(
    "body, named",
    [
        ({"model": "texts"}, "input"),
        ({"input": "abc"}, "model"),
        ({"model": "texts", "input": ""}, "empty"),
        ({"model": "texts", "input": []}, "empty"),
        ({"model": "texts", "input": ["a", ""]}, "text 1 is empty"),
        ({"model": "texts", "input": ["a", 3]}, "element 1"),
        ({"model": "texts", "input": [[1], []]}, "element 1"),
        ({"model": "texts", "input": {"text": "a"}}, "element 0"),
        ({"model": "texts", "input": ["a"] * 2049}, "2049"),
        ({"model": "texts", "input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"model": "texts", "input": "a", "dimensions": 2}, "dimensions"),
        ({"model": "texts", "input": "a", "dimension": 3}, "dimension"),
        ({"model": "numbers", "input": "a"}, "gives no embeddings"),
    ],
)
def test_what_cannot_be_is_refused_in_openais_form(admin, texts, body, named):
    answer = admin.post("/v1/embeddings", body)
    assert answer.status == 400, answer
    error = answer.json["error"]
    assert (
        named in error["message"]
        and error["type"] == "invalid_request_error"
        and set(error) == {"message", "type", "param", "code"}
    )


def test_the_dimensions_that_the_model_has_may_be_asked_for(client, texts):
    assert sums(client.embeddings.create(model=texts, input="abc", dimensions=3)) == [sum(b"abc")]


def test_errors_have_the_status_that_the_client_knows(daemon, admin, roles, client, texts):
    with pytest.raises(openai.AuthenticationError) as refused:
        openai.OpenAI(base_url=str(client.base_url), api_key="sk-wrong", max_retries=0).embeddings.create(
            model=texts, input="a"
        )
    assert refused.value.code == "invalid_api_key"
    assert daemon.client().get("/v1/models").status == 401
    with pytest.raises(openai.NotFoundError) as refused:
        client.embeddings.create(model="none", input="a")
    assert refused.value.code == "model_not_found"
    viewer = roles["viewer"].post("/v1/embeddings", {"model": texts, "input": "a"})
    assert viewer.status == 403 and viewer.json["error"]["type"] == "permission_error"
    assert (
        admin.request("POST", "/v1/embeddings", body=b"{", headers={"Content-Type": "application/json"}).json["error"][
            "code"
        ]
        is None
    )
    unknown = admin.get("/v1/none")
    assert unknown.status == 404 and unknown.json["error"]["code"] is None
