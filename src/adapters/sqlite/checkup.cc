#include "adapters/sqlite/checkup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/sqlite/reader.h"
#include "adapters/sqlite/schema.h"

namespace hunt::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t space_warning_bytes = std::uint64_t{2} << 30;  // guesses
constexpr std::uint64_t space_failure_bytes = std::uint64_t{64} << 20;
// A disk behind a network, or one that spins: every batch of claims waits for it.
constexpr std::int64_t sync_warning_ns = 10'000'000;

void note_file(ports::Findings& findings, const std::string& path, const ports::Clock& clock,
               const std::vector<std::string>& tables) {
  std::error_code ignored;
  const bool open_elsewhere = fs::exists(path + "-wal", ignored);
  auto opened = Connection::open(
      path, open_elsewhere ? Connection::Mode::read_only : Connection::Mode::as_it_lies);
  if (!opened) return findings.failure(opened.error());
  if (const auto fine = check_store(**opened); !fine) return findings.failure(fine.error());
  const auto shard = (*opened)->integer("SELECT shard FROM meta");
  if (!shard) return findings.failure(shard.error());
  findings.ok(fmt::format("it is the store of shard {}, schema {}", *shard, schema_version));
  if (!tables.empty()) {
    const auto counts = Reader(**opened, clock).open_tables();
    if (!counts) return findings.failure(counts.error());
    ports::note_tables(findings, *counts, tables);
  }
  const std::string wide = open_to_others(path);
  if (wide.empty()) {
    findings.ok("only its owner may open it");
  } else {
    findings.warning(wide.substr(0, wide.find("; ")), wide.substr(wide.find("; ") + 2));
  }
}

void note_disk(ports::Findings& findings, const fs::path& folder) {
  struct statfs disk {};
  if (statfs(folder.c_str(), &disk) != 0) return;
  if (disk.f_type == NFS_SUPER_MAGIC || disk.f_type == SMB_SUPER_MAGIC) {
    findings.failure("it lies on a network file system, where SQLite's locks do not hold",
                     "put it on a disk of this machine, or use PostgreSQL");
  }
  const std::uint64_t free_bytes =
      static_cast<std::uint64_t>(disk.f_bavail) * static_cast<std::uint64_t>(disk.f_bsize);
  const std::string found = fmt::format("{} are free on its disk", ports::shown_bytes(free_bytes));
  const std::string advice = "make space: a full disk stops grants until there is some";
  if (free_bytes < space_failure_bytes) return findings.failure(found, advice);
  if (free_bytes < space_warning_bytes) return findings.warning(found, advice);
  findings.ok(found);
}

void note_syncs(ports::Findings& findings, const fs::path& folder, const ports::Clock& clock) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) {
    return findings.ok(
        "how long its disk takes to sync is not known: no nameless file can be made "
        "there");
  }
  const std::array<char, 4'096> page{};
  auto took_ns = ports::time_round_trips(clock, [&] {
    return ::pwrite(file, page.data(), page.size(), 0) == static_cast<ssize_t>(page.size()) &&
           ::fdatasync(file) == 0;
  });
  ::close(file);
  if (took_ns.empty()) {
    return findings.failure("its disk failed to write or sync a page", "look at the kernel's log");
  }
  std::sort(took_ns.begin(), took_ns.end());
  const std::int64_t median_ns = took_ns[took_ns.size() / 2];
  const std::string found =
      fmt::format("its disk syncs a page in {} (median of {}), at worst {}",
                  ports::shown_ms(median_ns), took_ns.size(), ports::shown_ms(took_ns.back()));
  if (median_ns <= sync_warning_ns) return findings.ok(found);
  findings.warning(found, "use a local disk that syncs faster: every batch of claims waits for it");
}

}  // namespace

std::vector<ports::Finding> check_up(const std::string& path, const ports::Clock& clock,
                                     const std::vector<std::string>& tables) {
  ports::Findings findings("sqlite:" + path);
  std::error_code ignored;
  const fs::path file(path);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::exists(file, ignored) && fs::is_directory(folder, ignored)) {
    findings.warning("there is no such file yet",
                     "if it is the right path: it is made when `hunt serve` opens it first");
  } else {
    note_file(findings, path, clock, tables);
  }
  if (!fs::is_directory(folder, ignored)) return findings.all();
  if (::access(folder.c_str(), W_OK) != 0) {
    findings.failure("this user may not write into its folder, where SQLite keeps more files",
                     "change the permissions, or run this as the user of `hunt serve`");
    note_disk(findings, folder);
    return findings.all();
  }
  note_disk(findings, folder);
  note_syncs(findings, folder, clock);
  return findings.all();
}

}  // namespace hunt::sqlite
