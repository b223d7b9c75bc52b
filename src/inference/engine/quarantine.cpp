#include "inference/engine/quarantine.hpp"

#include <algorithm>
#include <utility>

namespace millrace::inference {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

milliseconds left(Monotonic until, Monotonic now) {
    return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
}

// Makes room for one more by dropping the entry whose end lies back the longest, of those that are not held.
template <class Map>
void make_room(Map& map, std::size_t most) {
    if (map.size() < most) return;
    auto oldest = map.end();
    for (auto at = map.begin(); at != map.end(); ++at) {
        if (at->second.hold.until && oldest != map.end()) continue;
        const bool better = oldest == map.end() || (oldest->second.hold.until && !at->second.hold.until) ||
                            at->second.last < oldest->second.last;
        if (better) oldest = at;
    }
    map.erase(oldest);
}

} // namespace

std::string_view name(Quarantine::Kind kind) {
    switch (kind) {
    case Quarantine::Kind::input: return "input";
    case Quarantine::Kind::model: return "model";
    case Quarantine::Kind::organization: return "organization";
    }
    return "input";
}

bool Quarantine::is_troubled(const Version& version, Monotonic now) const {
    if (versions_.empty()) return false;
    const auto found = versions_.find(version);
    if (found == versions_.end()) return false;
    const auto& record = found->second;
    return record.hold.until || now - record.last < rules_.memory ||
           std::ranges::any_of(record.inputs, [](const auto& each) { return each.second.hold.until.has_value(); });
}

Quarantine::Verdict Quarantine::ask(const Version& version, const std::string& digest, Monotonic now) {
    const auto found = versions_.find(version);
    if (found == versions_.end()) return {};
    auto& record = found->second;
    std::vector<std::pair<Kind, Hold*>> holds;
    const auto look = [&](Kind kind, Hold& hold) {
        if (hold.until) holds.emplace_back(kind, &hold);
    };
    // A disturbance alone does not make a version one of those that its organisation is held for.
    if (const auto organization = organizations_.find(version.organization);
        organization != organizations_.end() && ends_of(record) > 0)
        look(Kind::organization, organization->second);
    look(Kind::model, record.hold);
    if (const auto input = record.inputs.find(digest); input != record.inputs.end())
        look(Kind::input, input->second.hold);

    Verdict verdict;
    for (const auto& [kind, hold] : holds) {
        if (now >= *hold->until && !hold->probing) continue;
        const auto wait = std::max(milliseconds{1000}, left(*hold->until, now));
        if (!verdict.refused || wait > verdict.wait) verdict = {true, false, kind, wait};
    }
    if (verdict.refused) return verdict;
    for (const auto& [kind, hold] : holds) hold->probing = true;
    verdict.probe = !holds.empty();
    return verdict;
}

std::vector<Quarantine::Change> Quarantine::ended(const Version& version, const std::string& digest, Monotonic now) {
    auto& record = record_of(version, now);
    std::vector<Change> changes;
    const auto tell = [&](Kind kind, const Hold& hold, int ends) {
        changes.push_back({kind, version, kind == Kind::input ? digest : std::string{}, true, ends, hold.length});
    };
    if (digest.empty()) {
        ++record.loads;
    } else {
        auto& input = input_of(record, digest, now);
        ++input.ends;
        if (hold(input.hold, input.ends >= rules_.input_ends, now)) tell(Kind::input, input.hold, input.ends);
    }
    const bool many =
        static_cast<int>(record.inputs.size()) >= rules_.model_inputs || record.loads >= rules_.input_ends;
    if (hold(record.hold, many, now)) tell(Kind::model, record.hold, ends_of(record));
    const auto organization = organizations_.find(version.organization);
    const bool too_many = organization == organizations_.end() || !organization->second.until
                              ? reaches_organization_limit(version.organization)
                              : true;
    if (too_many) {
        auto& its = organizations_[version.organization];
        if (hold(its, true, now)) tell(Kind::organization, its, ends_of(record));
    }
    return changes;
}

// A hold that lasts already is not made longer by ends that were under way when it began; one whose probe failed is.
bool Quarantine::hold(Hold& hold, bool reached, Monotonic now) const {
    if (rules_.first_hold.count() == 0) return false;
    if (hold.until ? !std::exchange(hold.probing, false) : !reached) return false;
    hold.length = hold.length.count() == 0 ? rules_.first_hold : std::min(2 * hold.length, rules_.longest_hold);
    hold.until = now + hold.length;
    return true;
}

void Quarantine::disturbed(const Version& version, Monotonic now) { record_of(version, now); }

std::vector<Quarantine::Change> Quarantine::survived(const Version& version, const std::string& digest) {
    std::vector<Change> changes;
    const auto found = versions_.find(version);
    if (found == versions_.end()) return changes;
    auto& record = found->second;
    const auto release = [&](Kind kind, Hold& hold, int ends) {
        if (!hold.until || !hold.probing) return false;
        hold.until.reset();
        hold.probing = false;
        changes.push_back({kind, version, kind == Kind::input ? digest : std::string{}, false, ends, {}});
        return true;
    };
    if (const auto organization = organizations_.find(version.organization); organization != organizations_.end())
        release(Kind::organization, organization->second, ends_of(record));
    if (release(Kind::model, record.hold, ends_of(record))) {
        // It begins anew, but for the inputs that are held themselves. The length of its hold is remembered with the
        // record.
        record.loads = 0;
        std::erase_if(record.inputs, [&](const auto& each) { return each.first != digest && !each.second.hold.until; });
    }
    if (const auto input = record.inputs.find(digest); input != record.inputs.end())
        if (release(Kind::input, input->second.hold, input->second.ends)) input->second.ends = 0;
    return changes;
}

void Quarantine::gave_up(const Version& version, const std::string& digest) {
    const auto found = versions_.find(version);
    if (found == versions_.end()) return;
    found->second.hold.probing = false;
    if (const auto input = found->second.inputs.find(digest); input != found->second.inputs.end())
        input->second.hold.probing = false;
    if (const auto organization = organizations_.find(version.organization); organization != organizations_.end())
        organization->second.probing = false;
}

std::vector<Quarantine::Change> Quarantine::lift(const Version& version) {
    std::vector<Change> changes;
    const auto found = versions_.find(version);
    if (found == versions_.end()) return changes;
    const auto& record = found->second;
    if (record.hold.until) changes.push_back({Kind::model, version, {}, false, ends_of(record), {}});
    for (const auto& [digest, input] : record.inputs)
        if (input.hold.until) changes.push_back({Kind::input, version, digest, false, input.ends, {}});
    if (const auto organization = organizations_.find(version.organization); organization != organizations_.end()) {
        if (organization->second.until)
            changes.push_back({Kind::organization, version, {}, false, ends_of(record), {}});
        organizations_.erase(organization);
    }
    versions_.erase(found);
    return changes;
}

std::vector<Quarantine::Held> Quarantine::held(Monotonic now) const {
    std::vector<Held> list;
    const auto add = [&](Kind kind, const Version& version, const std::string& digest, int ends, const Hold& hold) {
        if (hold.until) list.push_back({kind, version, digest, ends, left(*hold.until, now)});
    };
    for (const auto& [organization, hold] : organizations_) {
        int ends = 0;
        for (const auto& [version, record] : versions_)
            if (version.organization == organization) ends += ends_of(record);
        add(Kind::organization, {organization, {}, {}}, {}, ends, hold);
    }
    for (const auto& [version, record] : versions_) {
        add(Kind::model, version, {}, ends_of(record), record.hold);
        for (const auto& [digest, input] : record.inputs) add(Kind::input, version, digest, input.ends, input.hold);
    }
    return list;
}

void Quarantine::forget(Monotonic now) {
    const auto is_over = [&](const Hold& hold, Monotonic last) {
        const auto quiet_since = hold.until ? std::max(last, *hold.until) : last;
        return !hold.probing && now - quiet_since >= rules_.memory;
    };
    for (auto& [version, record] : versions_) {
        std::erase_if(record.inputs, [&](const auto& input) { return is_over(input.second.hold, input.second.last); });
        if (now - record.last >= rules_.memory) record.loads = 0;
    }
    std::erase_if(versions_, [&](const auto& each) {
        return each.second.inputs.empty() && is_over(each.second.hold, each.second.last);
    });
    std::erase_if(organizations_, [&](const auto& each) {
        const auto& organization = each.first;
        const auto& hold = each.second;
        const bool known =
            std::ranges::any_of(versions_, [&](const auto& other) { return other.first.organization == organization; });
        return !known && !hold.probing && (!hold.until || now - *hold.until >= rules_.memory);
    });
}

Quarantine::Record& Quarantine::record_of(const Version& version, Monotonic now) {
    forget(now);
    if (!versions_.contains(version)) make_room(versions_, rules_.most_versions);
    auto& record = versions_[version];
    record.last = now;
    return record;
}

Quarantine::Input& Quarantine::input_of(Record& record, const std::string& digest, Monotonic now) {
    if (!record.inputs.contains(digest)) make_room(record.inputs, rules_.most_inputs);
    auto& input = record.inputs[digest];
    input.last = now;
    return input;
}

bool Quarantine::reaches_organization_limit(const OrganizationId& organization) const {
    int models = 0, inputs = 0;
    for (const auto& [version, record] : versions_) {
        if (version.organization != organization) continue;
        const auto its = static_cast<int>(record.inputs.size()) + record.loads;
        models += its > 0;
        inputs += its;
    }
    return models >= rules_.organization_models && inputs >= rules_.organization_inputs;
}

int Quarantine::ends_of(const Record& record) {
    int ends = record.loads;
    for (const auto& [digest, input] : record.inputs) ends += input.ends;
    return ends;
}

} // namespace millrace::inference
