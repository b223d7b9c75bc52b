// POST /v2/models/{name}[/versions/{version}]/infer: reads a body of JSON and binary tensors, predicts, answers.
#pragma once
#include "api/protocol/protocol_output.hpp"
#include "async/thread_pool.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "models/serving.hpp"

namespace millrace::api {

inline constexpr std::uint64_t max_infer_bytes = 256 << 20; // of a body, unpacked

class ProtocolInfer {
public:
    // Borrows both. `pool` is where much text is read, written and packed.
    ProtocolInfer(models::Serving& serving, async::ThreadPool& pool) : serving_{serving}, pool_{pool} {}

    // Of a route with BodyPolicy::streamed. Failures are problem documents, which others turn into the protocol's form.
    awaitable<http::Response> answer(http::Request& request) const;

private:
    Result<models::Chosen> choose(const http::Request& request) const;
    awaitable<Result<protocol::InferRequest>> read_json(http::BodyReader& body, const http::Request& request) const;
    awaitable<Result<protocol::InferRequest>> read(const http::Request& request) const;
    awaitable<Result<http::Response>> infer(const http::Request& request) const;
    // One call for each item, like the one given, which has no input.
    awaitable<Result<std::vector<inference::Prediction>>> predict(models::Call call,
                                                                  std::vector<inference::Input> items) const;
    awaitable<Result<http::Response>> render(const http::Request& request, const protocol::InferRequest& asked,
                                             const values::Manifest& manifest, protocol::InferAnswer answer) const;

    models::Serving& serving_;
    async::ThreadPool& pool_;
};

} // namespace millrace::api
