#include "api/predict/predict_input.hpp"

#include "api/input.hpp"
#include "http/multipart.hpp"

namespace millrace::api {
namespace {

awaitable<Result<inference::Input>> read_form(http::Request& request, std::uint64_t max_bytes) {
    auto form = http::MultipartReader::open(request.header("Content-Type"), *request.body_reader);
    if (!form) co_return form.error();
    auto part = co_await form->next();
    if (!part) co_return part.error();
    if (!*part)
        co_return Error{Code::unprocessable,
                        "the form has no part; send the input as its one part, such as -F image=@seven.png"};
    inference::Input input;
    // A part that does not say what it is counts as text; then its bytes tell.
    if (const auto type = media_type((*part)->content_type); !http::equal_ignoring_case(type, "text/plain"))
        input.media_type = type;
    auto bytes = co_await form->text(max_bytes);
    if (!bytes) co_return bytes.error();
    input.bytes = std::move(*bytes);
    auto more = co_await form->next();
    if (!more) co_return more.error();
    if (*more)
        co_return Error{Code::unprocessable,
                        "the form has several parts; a prediction takes one input, several tensors as JSON or .npz"};
    co_return input;
}

} // namespace

awaitable<Result<inference::Input>> read_predict_input(http::Request& request, std::uint64_t max_bytes) {
    inference::Input input;
    input.media_type = media_type(request.header("Content-Type"));
    if (http::equal_ignoring_case(input.media_type, "multipart/form-data"))
        co_return co_await read_form(request, max_bytes);
    auto body = co_await read_body(*request.body_reader, max_bytes);
    if (!body) co_return body.error();
    input.bytes = std::move(*body);
    co_return input;
}

} // namespace millrace::api
