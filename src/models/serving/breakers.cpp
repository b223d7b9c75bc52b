#include "models/breakers.hpp"

namespace millrace::models {

std::optional<Breakers::Passage> Breakers::ask(const inference::ModelVersion& version) {
    const auto now = clock_.monotonic();
    auto key = key_of(version);
    auto breakers = breakers_.lock();
    auto& breaker = (*breakers)[key];
    if (!breaker.allows(now)) return std::nullopt;
    breaker.began(now);
    return std::optional<Passage>{std::in_place, *this, std::move(key)};
}

Breakers::Passage Breakers::pass(const inference::ModelVersion& version) {
    auto key = key_of(version);
    auto breakers = breakers_.lock();
    (*breakers)[key].began(clock_.monotonic());
    return Passage{*this, std::move(key)};
}

void Breakers::record(const Key& key, bool success) {
    const auto now = clock_.monotonic();
    auto breakers = breakers_.lock();
    auto& breaker = (*breakers)[key];
    if (!breaker.record(success, now)) return;
    const auto view = breaker.view(now);
    log_.warning("the breaker of a model version changed", {{"model", std::get<1>(key)},
                                                            {"version", std::get<2>(key)},
                                                            {"state", view.name()},
                                                            {"attempts", view.attempts},
                                                            {"failures", view.failures}});
}

void Breakers::gave_up(const Key& key) { (*breakers_.lock())[key].gave_up(); }

values::BreakerView Breakers::view(OrganizationId organization, const std::string& model, const std::string& version) {
    auto breakers = breakers_.lock();
    const auto at = breakers->find({organization, model, version});
    return at == breakers->end() ? values::BreakerView{} : at->second.view(clock_.monotonic());
}

} // namespace millrace::models
