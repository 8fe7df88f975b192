#include "adapters/sqlite/connection.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "ports/store_trouble.h"

namespace hunt::sqlite {
namespace {

// How long a statement waits for a lock of another process before it gives up. A guess: longer
// than any checkpoint, shorter than a game server's patience (limits::answer_deadline_ns).
constexpr int busy_wait_ms = 2'000;

// SQLite says "unable to open database file" to all of these; this finds the reason.
std::string why_not_open(const std::string& path, Connection::Mode mode) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path file(path);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (fs::is_directory(file, ignored)) {
    return "it is a directory; name a file in it";
  }
  if (!fs::is_directory(folder, ignored)) {
    return fmt::format("the directory {} does not exist; create it or choose another path",
                       folder.string());
  }
  if (mode != Connection::Mode::read_write && !fs::exists(file, ignored)) {
    return "there is no such file; check the path";
  }
  return fmt::format(
      "this user may not write {} or the directory {}; change the permissions or choose another "
      "path",
      file.filename().string(), folder.string());
}

// What SQLite calls a file that does not change while it is open.
std::string uri_of(const std::string& path) {
  std::string uri = "file:";
  for (const char byte : path) {
    if (byte == '%' || byte == '?' || byte == '#') {
      uri += fmt::format("%{:02x}", byte);
    } else {
      uri.push_back(byte);
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Error error_of(int code, std::string_view sqlite_says, std::string_view path) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {Errc::disk_full,
              fmt::format("{} cannot grow ({}): free some space on its disk and try again; nothing "
                          "was written",
                          path, sqlite_says),
              {}};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::unavailable,
              fmt::format("another process keeps {} locked ({}): end its transaction, or try again",
                          path, sqlite_says),
              std::string(ports::lock_field)};
    case SQLITE_CORRUPT:
      return {Errc::corrupt,
              fmt::format("{} is damaged ({}): restore it from a backup or start a new file", path,
                          sqlite_says),
              {}};
    case SQLITE_NOTADB:
      return {Errc::corrupt,
              fmt::format("{} is not an SQLite database: choose another path, or move that file "
                          "away to start a new store",
                          path),
              {}};
    case SQLITE_CANTOPEN:
      return {Errc::io,
              fmt::format("{} cannot be opened ({}): check the permissions of the file and of its "
                          "directory, where SQLite keeps two more files beside it",
                          path, sqlite_says),
              {}};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Errc::io,
              fmt::format("{} cannot be written ({}): check the permissions of the file and of its "
                          "directory",
                          path, sqlite_says),
              {}};
    case SQLITE_IOERR:
      return {
          Errc::io,
          fmt::format("the operating system failed to read or write {} ({}, code {}): check the "
                      "disk and its free space",
                      path, sqlite_says, code),
          {}};
    case SQLITE_CONSTRAINT:
      return {Errc::corrupt, fmt::format("{} refuses a change: {}", path, sqlite_says), {}};
    default:
      return {Errc::internal,
              fmt::format("SQLite failed on {}: {} (code {}); please report this", path,
                          sqlite_says, code),
              {}};
  }
}

Result<std::unique_ptr<Connection>> Connection::open(std::string path, Mode mode) {
  const int flags = mode == Mode::read_write  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                    : mode == Mode::read_only ? SQLITE_OPEN_READONLY
                                              : SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  const std::string name = mode == Mode::as_it_lies ? uri_of(path) : path;
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  // SQLite gives a handle even when opening fails; the owner closes it.
  std::unique_ptr<Connection> connection(new Connection(db, std::move(path)));
  if (code != SQLITE_OK) {
    if ((code & 0xff) != SQLITE_CANTOPEN) return tl::unexpected(connection->error(code));
    return fail(Errc::io, fmt::format("cannot open {}: {}", connection->path(),
                                      why_not_open(connection->path(), mode)));
  }
  sqlite3_busy_timeout(db, busy_wait_ms);
  if (mode == Mode::read_write && sqlite3_db_readonly(db, "main") == 1) {
    return fail(Errc::io, fmt::format("cannot write {}: the file is read-only for this user; "
                                      "change its permissions or choose another path",
                                      connection->path()));
  }
  return connection;
}

Connection::~Connection() {
  sqlite3_close_v2(db_);
}

Result<void> Connection::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(error(code));
  return {};
}

Result<std::int64_t> Connection::integer(const char* sql) {
  Statement statement(*this, sql);
  Cursor cursor = statement.bind();
  HUNT_TRY(row, cursor.step());
  return row ? cursor.integer(0) : 0;
}

Error Connection::error(int code) const {
  // The connection knows more than the code, but only about its latest failure.
  const bool latest = sqlite3_extended_errcode(db_) == code;
  return error_of(code, latest ? sqlite3_errmsg(db_) : sqlite3_errstr(code), path_);
}

Result<bool> Cursor::step() {
  if (code_ == SQLITE_OK) {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    code_ = code;
  }
  return tl::unexpected(connection_.error(code_));
}

Result<void> Cursor::run() {
  HUNT_TRY(row, step());
  HUNT_ASSERT(!row);
  return {};
}

std::string Cursor::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Bytes Cursor::bytes(int column) const noexcept {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

model::Id128 Cursor::id(int column) const noexcept {
  const Bytes data = bytes(column);
  return data.size() == 16 ? model::id_from_bytes(data.data()) : model::Id128{};
}

int Statement::prepare() noexcept {
  if (statement_ != nullptr) return SQLITE_OK;
  return sqlite3_prepare_v3(connection_.handle(), sql_, -1, SQLITE_PREPARE_PERSISTENT, &statement_,
                            nullptr);
}

int Statement::bind_one(int index, std::string_view value) noexcept {
  // A null pointer would bind NULL, and an empty view may have one.
  return sqlite3_bind_text64(statement_, index, value.empty() ? "" : value.data(), value.size(),
                             SQLITE_TRANSIENT, SQLITE_UTF8);
}

int Statement::bind_one(int index, Bytes value) noexcept {
  return sqlite3_bind_blob64(statement_, index, value.data(), value.size(), SQLITE_TRANSIENT);
}

}  // namespace hunt::sqlite
