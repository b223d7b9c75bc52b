// What keeps ending workers is refused (quarantine.hpp): asked when a request comes, told when a worker ends or a probe
// is over.
#include "inference/engine/scheduler.hpp"

#include "inference/input_digest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

using std::chrono::ceil;
using std::chrono::seconds;

Monotonic now() { return std::chrono::steady_clock::now(); }

Quarantine::Version subject(const ModelVersion& version) {
    return {version.organization, version.name, version.version};
}

Failure refusal(const ModelVersion& version, Quarantine::Kind kind, std::chrono::milliseconds wait) {
    const auto left = static_cast<int>(ceil<seconds>(wait).count());
    const auto title = version.name + "/" + version.version;
    std::string why;
    switch (kind) {
    case Quarantine::Kind::input:
        why = fmt::format("this input has ended several workers of {} and is held in quarantine; send another one",
                          title);
        break;
    case Quarantine::Kind::model:
        why = fmt::format("{} keeps ending its workers and is held in quarantine; see its events, use another version, "
                          "or load it to lift the "
                          "quarantine",
                          title);
        break;
    case Quarantine::Kind::organization:
        why = fmt::format(
            "models of this organisation keep ending workers; {}, which is one of them, is held in quarantine", title);
        break;
    }
    return {FailureReason::quarantined, fmt::format("{}, or try again after {} s", why, left), false, false, left};
}

} // namespace

// Only the inputs of a version that has ended a worker are looked at.
std::optional<Failure> Scheduler::quarantined(const Request& request, Admission& admission) {
    const auto version = subject(*request.model);
    if (!quarantine_.is_troubled(version, now())) return std::nullopt;
    admission.digest = digest_of(request.input);
    const auto verdict = quarantine_.ask(version, admission.digest, now());
    admission.probe = verdict.probe;
    if (!verdict.refused) return std::nullopt;
    quarantine_metrics_.refused->add();
    return refusal(*request.model, verdict.kind, verdict.wait);
}

void Scheduler::ended_worker(ModelEntry& entry, Pending* pending, const std::string& why) {
    std::string digest;
    if (pending) {
        if (pending->admission.digest.empty()) pending->admission.digest = digest_of(pending->input);
        digest = pending->admission.digest;
        pending->admission.probe = false; // it has told what it was to tell
    }
    const auto changes = quarantine_.ended(subject(*entry.version), digest, now());
    seat(entry);
    tell(changes, why);
}

void Scheduler::end_probe(const Pending& pending, const Outcome& outcome) {
    const bool ran = outcome || outcome.error().reason == FailureReason::model_failed;
    if (ran) tell(quarantine_.survived(subject(*pending.model), pending.admission.digest), "a probe went well");
    else quarantine_.gave_up(subject(*pending.model), pending.admission.digest);
}

void Scheduler::lift_quarantine(const ModelVersion& version) {
    tell(quarantine_.lift(subject(version)), "it was loaded by hand");
}

void Scheduler::tell(const std::vector<Quarantine::Change>& changes, const std::string& why) {
    for (const auto& change : changes) {
        const auto title = change.version.model + "/" + change.version.version;
        const auto until = SystemClock::instance().now() + change.wait;
        if (change.held)
            log_.warning("quarantined", {{"what", name(change.kind)},
                                         {"model", title},
                                         {"input", change.digest},
                                         {"workers_ended", change.ends},
                                         {"seconds", change.wait.count() / 1000},
                                         {"reason", why}});
        else
            log_.info("quarantine lifted",
                      {{"what", name(change.kind)}, {"model", title}, {"input", change.digest}, {"reason", why}});
        if (change.held) quarantine_metrics_.begun->add();
        if (options_.on_quarantine)
            options_.on_quarantine({std::string{name(change.kind)}, change.version.organization, change.version.model,
                                    change.version.version, change.digest, change.held, change.ends, until, why});
        if (change.held) refuse_waiting(change);
    }
    if (changes.empty()) return;
    quarantine_metrics_.held->set(static_cast<std::int64_t>(quarantine_.held(now()).size()));
    publish();
}

// What waits already is refused like what comes from now on.
void Scheduler::refuse_waiting(const Quarantine::Change& change) {
    std::vector<std::pair<Batcher::ItemKey, Failure>> refused;
    for (auto& [key, pending] : pending_) {
        if (pending.batch != 0 || pending.admission.probe || subject(*pending.model) != change.version) continue;
        if (change.kind == Quarantine::Kind::input) {
            if (pending.admission.digest.empty()) pending.admission.digest = digest_of(pending.input);
            if (pending.admission.digest != change.digest) continue;
        }
        if (batcher_.remove(pending.lane, pending.item))
            refused.emplace_back(key, refusal(*pending.model, change.kind, change.wait));
    }
    for (const auto& [key, failure] : refused) finish(key, failure);
}

std::vector<QuarantineStatus> Scheduler::quarantine_status() const {
    std::vector<QuarantineStatus> list;
    const auto at = SystemClock::instance().now();
    for (const auto& held : quarantine_.held(now()))
        list.push_back({std::string{name(held.kind)},
                        held.version.organization,
                        held.version.model,
                        held.version.version,
                        held.digest,
                        true,
                        held.ends,
                        at + held.wait,
                        {}});
    return list;
}

} // namespace millrace::inference
