#include "inference/prediction.hpp"

#include <fcntl.h>

namespace millrace::inference {

std::uint64_t Input::size() const {
    if (file) return file_size;
    std::uint64_t total = bytes.size();
    for (const auto& tensor : tensors) total += tensor.bytes.size();
    return total;
}

std::optional<Input> duplicate(const Input& input) {
    Input copy;
    copy.media_type = input.media_type;
    copy.bytes = input.bytes;
    copy.tensors = input.tensors;
    copy.file_size = input.file_size;
    copy.file_sha256 = input.file_sha256;
    copy.regions = input.regions;
    if (input.file) {
        copy.file = Descriptor{::fcntl(input.file.get(), F_DUPFD_CLOEXEC, 0)};
        if (!copy.file) return std::nullopt;
    }
    return copy;
}

std::string_view word(FailureReason reason) {
    switch (reason) {
    case FailureReason::bad_input: return "bad_input";
    case FailureReason::model_failed: return "model_failed";
    case FailureReason::timed_out: return "timed_out";
    case FailureReason::worker_lost: return "worker_lost";
    case FailureReason::unavailable: return "unavailable";
    case FailureReason::cancelled: return "cancelled";
    case FailureReason::quarantined: return "quarantined";
    }
    return "model_failed";
}

bool may_retry(const Failure& failure) { return failure.reason != FailureReason::bad_input && !failure.no_answer; }

Error to_error(const Failure& failure) {
    switch (failure.reason) {
    case FailureReason::bad_input: return {Code::unprocessable, failure.message};
    case FailureReason::model_failed:
        return {failure.no_answer ? Code::unprocessable : Code::internal, failure.message};
    case FailureReason::timed_out: return {Code::timed_out, failure.message};
    case FailureReason::worker_lost:
    case FailureReason::cancelled:
    case FailureReason::quarantined:
    case FailureReason::unavailable: return {Code::unavailable, failure.message, failure.retry_after_seconds};
    }
    return {Code::internal, failure.message};
}

} // namespace millrace::inference
