#include "codec/line_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <utility>

#include "base/input_file.h"

namespace hunt::codec {
namespace {

constexpr std::size_t block_bytes = 256 * 1'024;
constexpr std::size_t first_bytes = 16;  // enough to tell what a file is

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// What begins so is no text of ours, whatever follows.
struct Foreign {
  std::string_view begins;
  std::string_view what;
  std::string_view advice;
};
constexpr std::string_view save_as_utf8 = "save it as UTF-8";
constexpr std::array<Foreign, 10> foreign_files = {{
    {"PK\x03\x04", "a zip file (spreadsheets are some, too)", "take the CSV out of it"},
    {"\xff\xfe", "UTF-16 text", save_as_utf8},
    {"\xfe\xff", "UTF-16 text", save_as_utf8},
    {"\xd0\xcf\x11\xe0", "an old spreadsheet", "save it as CSV"},
    {"BZh", "a bzip2 file", "unpack it, or pack it with gzip"},
    {"\xfd"
     "7zXZ",
     "an xz file", "unpack it, or pack it with gzip"},
    {"\x28\xb5\x2f\xfd", "a zstd file", "unpack it, or pack it with gzip"},
    {"7z\xbc\xaf", "a 7z file", "unpack it, or pack it with gzip"},
    {"SQLite format 3", "an SQLite database", "name it with --store sqlite:FILE"},
    {"PAR1", "a Parquet file", "write it as CSV or JSON Lines"},
}};

const Foreign* find_foreign(std::string_view text) {
  static constexpr Foreign utf16{"", "UTF-16 text", save_as_utf8};
  static constexpr Foreign binary{"", "no text", "expected CSV or JSON Lines, plain or gzip"};
  for (const Foreign& foreign : foreign_files) {
    if (text.starts_with(foreign.begins)) return &foreign;
  }
  // ASCII in UTF-16 has a zero in every other byte.
  const std::string_view first = text.substr(0, first_bytes);
  if (first.find('\0') == std::string_view::npos) return nullptr;
  const bool pairs = first.size() >= 4 && (first[0] == '\0') == (first[2] == '\0') &&
                     (first[1] == '\0') == (first[3] == '\0') && first[0] != first[1];
  return pairs ? &utf16 : &binary;
}

}  // namespace

// The bytes of a file, unpacked when they are gzip.
struct LineReader::Source {
  explicit Source(InputFile opened) : file(std::move(opened)) {}
  ~Source() {
    if (gzip) inflateEnd(&zlib);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // At least `count` bytes that were not used, if there are so many.
  [[nodiscard]] Result<void> want(std::size_t count);
  [[nodiscard]] Result<std::size_t> read(char* to, std::size_t size);
  [[nodiscard]] Result<std::size_t> unpack(char* to, std::size_t size);
  // After the end of a gzip member: another one, padding, or what does not belong there.
  [[nodiscard]] Result<void> next_member();
  [[nodiscard]] bool at_gzip() const { return rest().starts_with("\x1f\x8b"); }
  [[nodiscard]] std::string_view rest() const { return std::string_view(bytes).substr(at); }

  InputFile file;
  std::string bytes;  // as they lie in the file; used up to `at`
  std::size_t at = 0;
  bool ended = false;  // the file has no more
  bool begun = false;
  bool gzip = false;
  bool member_ended = false;
  bool done = false;  // gzip: the last member has ended, and the file
  z_stream zlib{};
};

Result<void> LineReader::Source::want(std::size_t count) {
  while (bytes.size() - at < count && !ended) {
    bytes.erase(0, at);
    at = 0;
    const std::size_t kept = bytes.size();
    bytes.resize(kept + block_bytes);
    auto got = file.read(bytes.data() + kept, block_bytes);
    bytes.resize(kept + got.value_or(0));
    if (!got) return tl::unexpected<Error>(std::move(got).error());
    ended = *got == 0;
  }
  return {};
}

Result<std::size_t> LineReader::Source::read(char* to, std::size_t size) {
  if (!begun) {
    begun = true;
    HUNT_CHECK(want(2));
    gzip = at_gzip() && inflateInit2(&zlib, 16 + MAX_WBITS) == Z_OK;
  }
  if (gzip) return unpack(to, size);
  HUNT_CHECK(want(1));
  const std::size_t count = rest().copy(to, size);
  at += count;
  return count;
}

Result<std::size_t> LineReader::Source::unpack(char* to, std::size_t size) {
  zlib.next_out = reinterpret_cast<Bytef*>(to);
  zlib.avail_out = static_cast<uInt>(size);
  while (!done && zlib.avail_out == size) {
    if (std::exchange(member_ended, false)) {
      HUNT_CHECK(next_member());
      continue;
    }
    HUNT_CHECK(want(1));
    if (rest().empty()) {
      return fail(Errc::corrupt, "the gzip data stops in the middle: the file is truncated");
    }
    zlib.next_in = reinterpret_cast<Bytef*>(bytes.data() + at);
    zlib.avail_in = static_cast<uInt>(bytes.size() - at);
    const int code = inflate(&zlib, Z_NO_FLUSH);
    at = bytes.size() - zlib.avail_in;
    member_ended = code == Z_STREAM_END;
    if (!member_ended && code != Z_OK && code != Z_BUF_ERROR) {
      return fail(Errc::corrupt, fmt::format("the file cannot be read further: {}",
                                             zlib.msg != nullptr ? zlib.msg : zError(code)));
    }
  }
  return size - zlib.avail_out;
}

Result<void> LineReader::Source::next_member() {
  HUNT_CHECK(want(2));
  if (at_gzip()) {
    inflateReset(&zlib);
    return {};
  }
  done = true;
  while (true) {  // tapes and some copies end with zeros
    HUNT_CHECK(want(1));
    if (rest().empty()) return {};
    if (rest().find_first_not_of('\0') != std::string_view::npos) break;
    at = bytes.size();
  }
  return fail(Errc::corrupt,
              "bytes follow the end of the gzip data: what was appended is not packed; unpack the "
              "file, append to that, and pack it again");
}

LineReader::LineReader() = default;
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

Result<LineReader> LineReader::open_file(const std::string& path) {
  HUNT_TRY(file, InputFile::open(path));
  LineReader reader;
  reader.name_ = file.name();
  reader.source_ = std::make_unique<Source>(std::move(file));
  return reader;
}

LineReader LineReader::from_text(std::string name, std::string text) {
  LineReader reader;
  reader.name_ = std::move(name);
  reader.block_ = std::move(text);
  return reader;
}

// The next block of the file; the first one is long enough to tell what the file is.
Result<void> LineReader::read_block() {
  if (later_) return tl::unexpected<Error>(*std::exchange(later_, std::nullopt));
  block_.resize(block_bytes);
  block_at_ = 0;
  std::size_t size = 0;
  do {
    auto got = source_->read(block_.data() + size, block_bytes - size);
    if (!got) {
      later_ = std::move(got).error();
      break;
    }
    if (*got == 0) break;
    size += *got;
  } while (!begun_ && size < first_bytes);
  block_.resize(size);
  if (size == 0 && later_) return tl::unexpected<Error>(*std::exchange(later_, std::nullopt));
  return {};
}

// True when the block has bytes to read.
Result<bool> LineReader::fill() {
  if (broken_) return false;
  if (block_at_ < block_.size() && begun_) return true;
  Result<void> read;
  if (source_ != nullptr) read = read_block();
  if (const auto* foreign = read && !begun_ ? find_foreign(block_) : nullptr; foreign != nullptr) {
    read = fail(Errc::unsupported, fmt::format("it is {}: {}", foreign->what, foreign->advice));
  }
  begun_ = true;
  if (read) return block_at_ < block_.size();
  broken_ = true;
  Error error = std::move(read).error();
  error.message = fmt::format("{} row {}: {}", name_, row_, error.message);
  return tl::unexpected<Error>(std::move(error));
}

Result<bool> LineReader::next(std::string_view& line) {
  ++row_;
  HUNT_TRY(more, take_line(line));
  if (!more) return false;
  if (row_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  return true;
}

Result<bool> LineReader::take_line(std::string_view& line) {
  line_.clear();
  bool any = false;
  bool too_long = false;
  while (true) {
    HUNT_TRY(filled, fill());
    if (!filled) break;
    any = true;
    const std::string_view rest = std::string_view(block_).substr(block_at_);
    const std::size_t end = rest.find('\n');
    const std::string_view piece = rest.substr(0, end);
    block_at_ += end == std::string_view::npos ? rest.size() : end + 1;
    // One byte more than the bound may be the CR of a CRLF.
    too_long = too_long || line_.size() + piece.size() > line_bytes_max + 1;
    if (end != std::string_view::npos && line_.empty() && !too_long) {
      line = without_end(piece);
      too_long = line.size() > line_bytes_max;
      if (!too_long) return true;
      break;
    }
    if (!too_long) line_.append(piece);
    if (end != std::string_view::npos) break;
  }
  if (!any) return false;
  line = without_end(line_);
  if (too_long || line.size() > line_bytes_max) {
    return fail(Errc::too_large, fmt::format("{} row {}: the line is longer than {} bytes", name_,
                                             row_, line_bytes_max));
  }
  return true;
}

}  // namespace hunt::codec
