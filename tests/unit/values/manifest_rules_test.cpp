// The members of a manifest about results and serving: postprocessing, several inputs and outputs, padding, execution,
// warm-up, cache, fallback.
#include "unit/values/manifest_texts.hpp"

using namespace millrace;
using namespace millrace::values;
using namespace millrace::values::test;

TEST_CASE("each kind of postprocessing has the outputs and members that it needs") {
    const auto whole = [](const char* task, const char* output, const char* labels, const char* postprocess) {
        return fmt::format(
            R"({{"format":1,"name":"m","task":"{}","input":{{"kind":"tensor","shape":[2]}},"output":{},"labels":{},"postprocess":{}}})",
            task, output, labels, postprocess);
    };
    const auto *two = R"(["no","yes"])", *three = R"(["a","b","c"])";
    CHECK(read(whole("classification", R"({"shape":[1]})", two, R"({"kind":"sigmoid","threshold":0.7})"))
              .postprocess.thresholds == std::vector<double>{0.7});
    CHECK(read(whole("classification", R"({"shape":[]})", two, R"({"kind":"sigmoid"})")).postprocess.thresholds ==
          std::vector<double>{0.5});
    CHECK(read(whole("classification", R"({"shape":[3]})", three, R"({"kind":"sigmoid","thresholds":[0.1,0.2,0.3]})"))
              .postprocess.thresholds.size() == 3);
    CHECK(read(whole("classification", R"({"shape":[3]})", three, R"({"kind":"softmax_top_k","probabilities":true})"))
              .postprocess.kind == PostprocessKind::top_k);
    CHECK(read(whole("regression", R"({"shape":[3],"datatype":"FP64"})", three, "{}")).task == Task::regression);
    CHECK(read(whole("pixel_classification", R"({"shape":[8,8]})", two,
                     R"({"kind":"sigmoid_map","colors":["#000000","#ffffff"]})"))
              .postprocess.colors.size() == 2);
    check_refused({
        {whole("classification", R"({"shape":[1]})", three, R"({"kind":"sigmoid"})"), "[3]"},
        {whole("classification", R"({"shape":[1]})", two, R"({"kind":"softmax_top_k"})"), "[2]"},
        {whole("classification", R"({"shape":[3]})", three, R"({"kind":"sigmoid","thresholds":[0.1]})"), "3 numbers"},
        {whole("classification", R"({"shape":[1]})", two, R"({"kind":"sigmoid","thresholds":[0.1,0.2]})"), "1 number"},
        {whole("classification", R"({"shape":[3]})", three, R"({"kind":"sigmoid","threshold":1.5})"), "threshold"},
        {whole("classification", R"({"shape":[3]})", three, R"({"kind":"sigmoid","thresholds":[0.1,2,0.1]})"),
         "0 to 1"},
        {whole("classification", R"({"shape":[3]})", three,
               R"({"kind":"sigmoid","threshold":0.1,"thresholds":[0.1,0.1,0.1]})"),
         "both"},
        {whole("classification", R"({"shape":[3]})", three, R"({"kind":"top_k","threshold":0.1})"), "threshold"},
        {whole("classification", R"({"shape":[3],"datatype":"INT64"})", three, R"({"kind":"top_k"})"), "FP32"},
        {whole("classification", R"({"shape":[3]})", three, R"({"kind":"values"})"), "sigmoid"},
        {whole("tensor", R"({"shape":[3]})", three, R"({"kind":"raw","probabilities":true})"), "probabilities"},
        {whole("regression", R"({"shape":[2]})", three, "{}"), "[3]"},
        {whole("regression", R"({"shape":[2]})", "[]", "{}"), "labels"},
        {whole("pixel_classification", R"({"shape":[1,8,8]})", three,
               R"({"kind":"sigmoid_map","colors":["#000000","#ffffff"]})"),
         "two"},
        {whole("pixel_classification", R"({"shape":[2,8,8]})", two,
               R"({"kind":"sigmoid_map","colors":["#000000","#ffffff"]})"),
         "[1,rows,columns]"},
    });
}

TEST_CASE("a detector's outputs and rule must fit each other") {
    const auto whole = [](const char* outputs, const char* postprocess) {
        return fmt::format(
            R"({{"format":1,"name":"m","task":"object_detection","input":{{"kind":"tensor","shape":[2]}},"outputs":[{}],"labels":["a","b"],"postprocess":{}}})",
            outputs, postprocess);
    };
    const auto* three =
        R"({"name":"boxes","shape":[-1,4]},{"name":"scores","shape":[-1]},{"name":"labels","datatype":"INT64","shape":[-1]})";
    const auto m = read(whole(three, R"({"kind":"objects","threshold":0.3,"nms":0.5,"first_label":1})"));
    CHECK(m.postprocess.objects.labels == 2u);
    CHECK(m.postprocess.objects.overlap == 0.5);
    CHECK(read(whole(R"({"name":"x","shape":[-1,6]})", R"({"kind":"objects"})")).postprocess.objects.detections == 0u);
    CHECK(read(whole(R"({"name":"b","shape":[9,4]},{"name":"s","shape":[9,3]})",
                     R"({"kind":"objects","boxes":"b","scores":"s","activation":"softmax"})"))
              .postprocess.objects.boxes == 0u);
    check_refused({
        {whole(three, R"({"kind":"raw"})"), "objects"},
        {whole(three, R"({"kind":"objects","boxes":"box"})"), "name of an output"},
        {whole(three, R"({"kind":"objects","columns":"scores"})"), "columns"},
        {whole(three, R"({"kind":"objects","format":"yxyx"})"), "xyxy"},
        {whole(three, R"({"kind":"objects","activation":"softmax"})"), "each class"},
        {whole(three, R"({"kind":"objects","top_k":3})"), "top_k"},
        {whole(R"({"name":"x","shape":[-1,7]})", R"({"kind":"objects"})"), "[n,6]"},
        {whole(R"({"name":"x","shape":[-1,5]})", R"({"kind":"objects","columns":"scores"})"), "[6,n]"},
        {whole(R"({"name":"boxes","shape":[-1,5]},{"name":"scores","shape":[-1,2]})", R"({"kind":"objects"})"),
         "[n,4]"},
        {whole(R"({"name":"boxes","shape":[-1,4]},{"name":"scores","shape":[-1]})", R"({"kind":"objects"})"),
         "[n,classes]"},
        {whole(R"({"name":"boxes","shape":[-1,4]},{"name":"other","shape":[-1]})", R"({"kind":"objects"})"),
         "\"scores\""},
        {whole(R"({"name":"x","shape":[-1,6],"optional":true})", R"({"kind":"objects"})"), "optional"},
    });
}

TEST_CASE("what an input or output is to forward() is said by argument, key and optional") {
    const auto m = read(
        R"({"format":1,"name":"m","task":"tensor","inputs":[{"name":"a","kind":"tensor","shape":[2],"argument":"x"},
        {"name":"b","kind":"tensor","shape":[2],"argument":"y","key":1,"optional":true}],"outputs":[{"name":"c","shape":[],"key":"out"},
        {"name":"d","shape":[],"key":[1,"*","boxes"],"optional":true},{"name":"e","shape":[],"key":3}]})");
    CHECK(m.inputs[0].argument == "x");
    CHECK(m.inputs[1].key == "1");
    CHECK(m.inputs[1].optional);
    CHECK(m.outputs[0].path == std::vector<std::string>{"out"});
    CHECK(m.outputs[1].path == std::vector<std::string>{"1", "*", "boxes"});
    CHECK(m.outputs[2].path == std::vector<std::string>{"3"});
    check_refused({
        {manifest_of(R"({"kind":"tensor","shape":[2],"optional":true})"), "optional"},
        {manifest_of(R"({"kind":"tensor","shape":[2],"key":-1})"), "key"},
        {manifest_of(R"({"kind":"tensor","shape":[2],"key":""})"), "key"},
        {manifest_of(R"({"kind":"tensor","shape":[2],"argument":1})"), "argument"},
        {R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"shape":[],"key":[]}})",
         "steps"},
        {R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"shape":[],"key":[1.5]}})",
         "key"},
        {R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"shape":[],"path":"x"}})",
         "path"},
        {manifest_of(tensor_input, R"("buffers":"mine")"), "own or shared"},
        {manifest_of(tensor_input, R"("buffers":"shared","cache":{"seconds":5})"), "cache"},
    });
    CHECK(read(manifest_of(tensor_input, R"("buffers":"shared")")).buffers_shared);
}

TEST_CASE("several inputs and outputs are named, each once") {
    const std::string two =
        R"("inputs":[{"name":"a","kind":"tensor","shape":[2]},{"name":"b","kind":"tensor","shape":[-1],"datatype":"INT64"}])";
    const auto whole = [](const std::string& inputs, const std::string& outputs) {
        return R"({"format":1,"name":"m","task":"tensor",)" + inputs + "," + outputs + "}";
    };
    const auto m = read(whole(two, R"("outputs":[{"name":"x","shape":[1]},{"name":"y","shape":[]}])"));
    REQUIRE(m.inputs.size() == 2);
    CHECK(m.inputs[1].tensor.datatype == Datatype::int64);
    REQUIRE(m.outputs.size() == 2);
    CHECK(m.outputs[1].name == "y");
    CHECK(m.to_json().contains("inputs"));
    const auto one = read(whole(R"("inputs":[{"kind":"tensor","shape":[2]}])", R"("outputs":[{"shape":[1]}])"));
    CHECK(one.inputs[0].tensor.name == "input");
    CHECK(one.to_json().contains("output"));
    const std::string output = R"("output":{"shape":[1]})";
    check_refused({
        {whole(R"("inputs":[])", output), "inputs"},
        {whole(R"("inputs":{})", output), "inputs"},
        {whole(R"("inputs":[7])", output), "objects"},
        {whole(R"("inputs":[{"kind":"tensor","shape":[2]},{"kind":"tensor","shape":[2]}])", output), "name"},
        {whole(R"("inputs":[{"name":"a","kind":"tensor","shape":[2]},{"name":"a","kind":"tensor","shape":[2]}])",
               output),
         "twice"},
        {whole(two + R"(,"input":{"kind":"tensor","shape":[2]})", output), "both"},
        {whole(R"("inputs":[{"name":"a","kind":"tensor","shape":[2]},{"name":"b","kind":"tensor","shape":[0]}])",
               output),
         "inputs[1]"},
        {whole(two, R"("outputs":[{"name":"x","shape":[1]},{"name":"x","shape":[1]}])"), "twice"},
        {whole(two, R"("outputs":[{"name":"x","shape":[1],"kind":"tensor"}])"), "kind"},
    });
}

TEST_CASE("a classification takes any input") {
    const std::string good = R"({"format":1,"name":"m","task":"classification","input":{"kind":"tensor","shape":[4]},
        "output":{"shape":[2]},"labels":["no","yes"],"postprocess":{"kind":"softmax_top_k"}})";
    CHECK(read(good).postprocess.top_k == 2);
    auto no_labels = good;
    no_labels.replace(no_labels.find(R"(["no","yes"])"), 12, "[]");
    check_refused({{no_labels, "labels"}});
}

TEST_CASE("serving: padding, execution, warm-up inputs, cache and fallback are read") {
    const auto m =
        read(manifest_of(tensor_input, R"("batching":{"max_batch":8,"padding":{"buckets":[16,32],"value":-1}},
        "execution":{"threads":2,"instances":3,"precision":"bf16","channels_last":true,"tolerance":0.1},
        "warm_up":{"inputs":[{"data":[1,2]},[3]]},"cache":{"seconds":60},"fallback":{"model":"small","version":"2"})"));
    REQUIRE(m.batching.padding.has_value());
    CHECK(m.batching.padding->buckets == std::vector<std::int64_t>{16, 32});
    CHECK(m.batching.padding->value == -1);
    CHECK(m.execution.threads == 2);
    CHECK(m.execution.instances == 3);
    CHECK(m.execution.precision == Precision::bf16);
    CHECK(m.execution.channels_last);
    CHECK(m.execution.tolerance == 0.1);
    CHECK(m.warm_up.enabled);
    CHECK(m.warm_up.inputs == std::vector<std::string>{R"({"data":[1,2]})", "[3]"});
    CHECK(m.cache_for == std::chrono::seconds{60});
    CHECK(m.fallback->model == "small");
    CHECK(m.fallback->version == "2");
    CHECK_FALSE(read(manifest_of(tensor_input, R"("warm_up":false)")).warm_up.enabled);
    CHECK(read(manifest_of(tensor_input, R"("fallback":{"model":"m","version":"1"})")).fallback.has_value());
}

TEST_CASE(
    "serving: a model may have a worker to itself; who says nothing shares one, and its normal form is as it was") {
    const auto own = read(manifest_of(tensor_input, R"("isolation":"own")"));
    CHECK(own.isolation == Isolation::own);
    CHECK(Manifest::from_json(own.to_json())->isolation == Isolation::own);
    const auto plain = read(manifest_of(tensor_input, R"("isolation":"shared")"));
    CHECK(plain.isolation == Isolation::shared);
    CHECK_FALSE(plain.to_json().contains("isolation"));
    check_refused({{manifest_of(tensor_input, R"("isolation":"alone")"), "isolation"},
                   {manifest_of(tensor_input, R"("isolation":true)"), "isolation"}});
}

TEST_CASE("serving: what cannot be meant is refused") {
    const auto with = [](const std::string& more) { return manifest_of(tensor_input, more); };
    check_refused({
        {with(R"("batching":{"padding":{}})"), "buckets"},
        {with(R"("batching":{"padding":{"buckets":[32,16]}})"), "rise"},
        {with(R"("batching":{"padding":{"buckets":[16,16]}})"), "rise"},
        {with(R"("batching":{"padding":{"buckets":[0]}})"), "buckets"},
        {with(R"("batching":{"padding":{"buckets":[1],"with":2}})"), "batching: padding"},
        {manifest_of(R"({"kind":"tensor","shape":[4]})", R"("batching":{"padding":{"buckets":[8]}})"),
         "open dimension"},
        {manifest_of(R"({"kind":"tensor","datatype":"INT64","shape":[-1]})",
                     R"("batching":{"padding":{"buckets":[8],"value":0.5}})"),
         "integer"},
        {with(R"("execution":{"threads":-1})"), "threads"},
        {with(R"("execution":{"instances":1.5})"), "instances"},
        {with(R"("execution":{"precision":"fp8"})"), "precision"},
        {with(R"("execution":{"channels_last":1})"), "channels_last"},
        {with(R"("execution":{"tolerance":2})"), "tolerance"},
        {with(R"("execution":{"device":"cpu"})"), "device"},
        {with(R"("warm_up":7)"), "warm_up"},
        {with(R"("warm_up":{})"), "inputs"},
        {with(R"("warm_up":{"inputs":["x"]})"), "objects or arrays"},
        {with(R"("cache":{})"), "seconds"},
        {with(R"("cache":{"seconds":0})"), "seconds"},
        {with(R"("cache":true)"), "cache"},
        {with(R"("fallback":{"model":"m"})"), "its own fallback"},
        {with(R"("fallback":{"model":"A b"})"), "model"},
        {with(R"("fallback":{"version":"1"})"), "model"},
        {with(R"("fallback":{"model":"other","version":""})"), "version"},
    });
}
