// SQLite's default file system with a disk that can be told to fail.
#pragma once
#include <sqlite3.h>

#include <atomic>

namespace millrace::store::test {

class FailingDisk {
public:
    FailingDisk() {
        original_ = sqlite3_vfs_find(nullptr);
        shim_ = *original_;
        shim_.zName = "failing";
        shim_.xOpen = open;
        sqlite3_vfs_register(&shim_, 1);
    }
    ~FailingDisk() {
        flush_fails = false;
        write_result = SQLITE_OK;
        sqlite3_vfs_unregister(&shim_);
        sqlite3_vfs_register(original_, 1);
    }

    static inline std::atomic<bool> flush_fails{false};
    static inline std::atomic<int> write_result{SQLITE_OK}; // what writes answer without writing
    static inline std::atomic<int> flushes{0};

private:
    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
        const int code = original_->xOpen(original_, name, file, flags, out);
        if (code != SQLITE_OK || !file->pMethods) return code;
        // The database and its logs have different tables, which share these two functions.
        auto& shim = methods_[(flags & SQLITE_OPEN_MAIN_DB) != 0 ? 1 : 0];
        real_ = file->pMethods;
        shim = *real_;
        shim.xSync = [](sqlite3_file* f, int how) {
            ++flushes;
            return flush_fails ? SQLITE_IOERR_FSYNC : real_->xSync(f, how);
        };
        shim.xWrite = [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
            return write_result != SQLITE_OK ? write_result.load() : real_->xWrite(f, data, size, at);
        };
        file->pMethods = &shim;
        return code;
    }

    static inline sqlite3_vfs* original_ = nullptr;
    static inline sqlite3_vfs shim_{};
    static inline const sqlite3_io_methods* real_ = nullptr;
    static inline sqlite3_io_methods methods_[2]{};
};

} // namespace millrace::store::test
