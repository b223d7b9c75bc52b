// A circuit breaker for each model version that predicts. Thread-safe.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "inference/prediction.hpp"
#include "telemetry/log.hpp"
#include "values/breaker.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>

namespace millrace::models {

class Breakers {
    using Key = std::tuple<OrganizationId, std::string, std::string>;

public:
    Breakers(const Clock& clock, telemetry::Log& log) : clock_{clock}, log_{log} {}

    // One prediction on its way. Ends once, by record(), or without having told anything.
    class Passage {
    public:
        Passage(Breakers& owner, Key key) : owner_{&owner}, key_{std::move(key)} {}
        Passage(Passage&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)}, key_{std::move(other.key_)} {}
        Passage& operator=(Passage&& other) noexcept {
            std::swap(owner_, other.owner_); // what it stood for ends with `other`
            std::swap(key_, other.key_);
            return *this;
        }
        ~Passage() {
            if (owner_) owner_->gave_up(key_);
        }
        void record(bool success) { std::exchange(owner_, nullptr)->record(key_, success); }

    private:
        Breakers* owner_;
        Key key_;
    };

    // nullopt while the version's breaker is open, or half open with a probe on its way.
    std::optional<Passage> ask(const inference::ModelVersion& version);
    Passage pass(const inference::ModelVersion& version); // whatever its state
    values::BreakerView view(OrganizationId organization, const std::string& model, const std::string& version);

private:
    static Key key_of(const inference::ModelVersion& version) {
        return {version.organization, version.name, version.version};
    }
    void record(const Key& key, bool success);
    void gave_up(const Key& key);

    const Clock& clock_;
    telemetry::Log& log_;
    async::Guarded<std::map<Key, values::Breaker>> breakers_;
};

} // namespace millrace::models
