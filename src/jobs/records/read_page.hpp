// A page of jobs read in several looks, each a task of its own: lists beside it come in between.
#pragma once
#include "jobs/job_repository.hpp"
#include "store/database.hpp"

#include <utility>

namespace millrace::jobs {

// `look` reads what `filter` lets through from filter.before on, in one task of a reader:
// Result<JobPage>(OrganizationSession&, const Filter&). It is copied into each task, and is no coroutine.
template <class Filter, class Look>
awaitable<Result<job_repository::JobPage>> read_page(store::Database& database, OrganizationId organization,
                                                     Filter filter, Look look) {
    job_repository::JobPage page;
    const int limit = filter.limit;
    std::size_t bytes = 0;
    for (int looks = 0; looks < most_looks; ++looks) {
        filter.limit = limit - static_cast<int>(page.items.size());
        auto task = [filter, look](store::OrganizationSession& tenant) -> Result<job_repository::JobPage> {
            return look(tenant, filter);
        };
        auto found = co_await database.read(organization, std::move(task));
        if (!found) co_return found.error();
        for (auto& job : found->items) {
            bytes += job_repository::shown_bytes(job);
            page.items.push_back(std::move(job));
        }
        filter.before = page.next = found->next;
        if (!page.next || static_cast<int>(page.items.size()) >= limit || bytes >= most_page_bytes) break;
    }
    co_return page;
}

} // namespace millrace::jobs
