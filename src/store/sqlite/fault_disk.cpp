#include "store/sqlite/fault_disk.hpp"

#include "store/sqlite/held_writes.hpp"

#include <sqlite3.h>

#include <map>
#include <new>
#include <string>

#include <unistd.h>

namespace millrace::store {

struct FaultDisk::State {
    State(FaultDisk& owner, DiskFaults ordered) : disk{owner}, faults{std::move(ordered)} {}

    FaultDisk& disk;
    const DiskFaults faults;
    sqlite3_vfs* original = nullptr;
    sqlite3_vfs shim{};
    std::atomic<std::uint64_t> flushes{0}, grown{0};
    async::Guarded<std::map<std::string, std::weak_ptr<HeldWrites>>>
        held; // by path: connections share what is not flushed

    bool refuses_writes() const { return disk.full || exists(faults.full_while_exists); }
    bool refuses_growth(std::uint64_t bytes) {
        return bytes > 0 && faults.full_after && grown.fetch_add(bytes) + bytes > *faults.full_after;
    }
    bool fails_flush() {
        return ++flushes == faults.failing_flush || disk.flushes_fail || exists(faults.flushes_fail_while_exists);
    }

    std::shared_ptr<HeldWrites> held_of(const char* path) {
        if (!faults.lose_unflushed || !path) return nullptr;
        auto known = held.lock();
        auto shared = (*known)[path].lock();
        if (!shared) (*known)[path] = shared = std::make_shared<HeldWrites>();
        return shared;
    }

private:
    static bool exists(const std::filesystem::path& path) { return !path.empty() && ::access(path.c_str(), F_OK) == 0; }
};

namespace {

// SQLite gives the memory and never runs a destructor: xClose does. The real file lies behind it in the same memory.
struct FaultFile : sqlite3_file {
    FaultDisk::State* state;
    std::shared_ptr<HeldWrites> held; // null: writes go straight through

    sqlite3_file* real();
};

constexpr std::size_t real_offset = (sizeof(FaultFile) + 15) / 16 * 16;

sqlite3_file* FaultFile::real() {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<std::byte*>(this) + real_offset);
}
FaultFile& own(sqlite3_file* file) { return *static_cast<FaultFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return own(file).real(); }
const sqlite3_io_methods& methods(sqlite3_file* file) { return *real(file)->pMethods; }

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
    auto& mine = own(file);
    return mine.held ? mine.held->read(mine.real(), data, size, at) : methods(file).xRead(mine.real(), data, size, at);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    const int code = methods(file).xFileSize(real(file), size);
    if (code == SQLITE_OK && own(file).held) *size = std::max<sqlite3_int64>(*size, own(file).held->end());
    return code;
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    auto& mine = own(file);
    if (mine.state->refuses_writes()) return SQLITE_FULL;
    if (mine.state->faults.full_after) {
        sqlite3_int64 before = 0;
        if (const int code = file_size(file, &before); code != SQLITE_OK) return code;
        if (mine.state->refuses_growth(static_cast<std::uint64_t>(std::max<sqlite3_int64>(at + size - before, 0))))
            return SQLITE_FULL;
    }
    return mine.held ? mine.held->write(mine.real(), data, size, at)
                     : methods(file).xWrite(mine.real(), data, size, at);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (own(file).held) own(file).held->cut(size);
    return methods(file).xTruncate(real(file), size);
}

int sync(sqlite3_file* file, int how) {
    auto& mine = own(file);
    if (mine.state->fails_flush()) {
        if (mine.held) mine.held->drop();
        return SQLITE_IOERR_FSYNC;
    }
    if (mine.held)
        if (const int code = mine.held->put_through(mine.real()); code != SQLITE_OK) return code;
    return methods(file).xSync(mine.real(), how);
}

int close(sqlite3_file* file) {
    auto& mine = own(file);
    // The last one to close leaves what it wrote to the kernel, which is not what is lost.
    if (mine.held && mine.held.use_count() == 1) mine.held->put_through(mine.real());
    const int code = methods(file).xClose(mine.real());
    mine.~FaultFile();
    return code;
}

sqlite3_io_methods forwarding() {
    sqlite3_io_methods table{};
    table.iVersion = 2; // with shared memory, without mapped files
    table.xClose = close;
    table.xRead = read;
    table.xWrite = write;
    table.xTruncate = truncate;
    table.xSync = sync;
    table.xFileSize = file_size;
    table.xLock = [](sqlite3_file* f, int level) { return methods(f).xLock(real(f), level); };
    table.xUnlock = [](sqlite3_file* f, int level) { return methods(f).xUnlock(real(f), level); };
    table.xCheckReservedLock = [](sqlite3_file* f, int* out) { return methods(f).xCheckReservedLock(real(f), out); };
    table.xFileControl = [](sqlite3_file* f, int what, void* out) {
        return methods(f).xFileControl(real(f), what, out);
    };
    table.xSectorSize = [](sqlite3_file* f) { return methods(f).xSectorSize(real(f)); };
    table.xDeviceCharacteristics = [](sqlite3_file* f) { return methods(f).xDeviceCharacteristics(real(f)); };
    table.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return methods(f).xShmMap(real(f), page, size, extend, out);
    };
    table.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
        return methods(f).xShmLock(real(f), offset, n, flags);
    };
    table.xShmBarrier = [](sqlite3_file* f) { methods(f).xShmBarrier(real(f)); };
    table.xShmUnmap = [](sqlite3_file* f, int gone) { return methods(f).xShmUnmap(real(f), gone); };
    return table;
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* memory, int flags, int* out) {
    static const sqlite3_io_methods table = forwarding();
    auto& state = *static_cast<FaultDisk::State*>(vfs->pAppData);
    auto* file = new (memory) FaultFile{};
    file->state = &state;
    const int code = state.original->xOpen(state.original, name, file->real(), flags, out);
    if (code != SQLITE_OK) {
        if (file->real()->pMethods) file->real()->pMethods->xClose(file->real());
        file->~FaultFile();
        memory->pMethods = nullptr; // nothing to close
        return code;
    }
    file->held = state.held_of(name);
    file->pMethods = &table;
    return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int flush_folder) {
    auto& state = *static_cast<FaultDisk::State*>(vfs->pAppData);
    state.held.lock()->erase(name);
    return state.original->xDelete(state.original, name, flush_folder);
}

} // namespace

FaultDisk::FaultDisk(DiskFaults faults) : state_{std::make_unique<State>(*this, std::move(faults))} {
    state_->original = sqlite3_vfs_find(nullptr);
    auto& shim = state_->shim = *state_->original;
    shim.zName = "millrace-faults";
    shim.pAppData = state_.get(); // the calls that are taken over as they are do not look at it
    shim.szOsFile = static_cast<int>(real_offset) + state_->original->szOsFile;
    shim.xOpen = open;
    shim.xDelete = remove;
    sqlite3_vfs_register(&shim, 1);
}

FaultDisk::~FaultDisk() {
    sqlite3_vfs_unregister(&state_->shim);
    sqlite3_vfs_register(state_->original, 1);
}

std::uint64_t FaultDisk::flushes() const { return state_->flushes; }

} // namespace millrace::store
