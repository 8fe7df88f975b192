#include "codec/line_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hunt::codec {
namespace {

constexpr std::size_t block_bytes = 256 * 1'024;

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void LineReader::Close::operator()(gzFile_s* file) const noexcept {
  gzclose_r(file);
}

Result<LineReader> LineReader::open_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) {
      return fail(Errc::not_found, fmt::format("{}: no such file", path));
    }
    return fail(Errc::io, fmt::format("{}: {}", path, std::strerror(error)));
  }
  if (S_ISDIR(status.st_mode)) {
    return fail(Errc::io, fmt::format("{} is a directory, expected a file", path));
  }
  LineReader reader;
  reader.name_ = path;
  errno = 0;
  reader.file_.reset(gzopen(path.c_str(), "rb"));
  if (!reader.file_) {
    return fail(Errc::io, fmt::format("{} cannot be opened: {}", path,
                                      errno != 0 ? std::strerror(errno) : "out of memory"));
  }
  gzbuffer(reader.file_.get(), 128 * 1'024);
  return reader;
}

LineReader LineReader::from_text(std::string name, std::string text) {
  LineReader reader;
  reader.name_ = std::move(name);
  reader.block_ = std::move(text);
  return reader;
}

// True when the block has bytes to read.
Result<bool> LineReader::fill() {
  if (block_at_ < block_.size()) return true;
  if (!file_ || broken_) return false;
  block_.resize(block_bytes);
  block_at_ = 0;
  const int got = gzread(file_.get(), block_.data(), static_cast<unsigned>(block_.size()));
  block_.resize(static_cast<std::size_t>(std::max(got, 0)));
  if (got > 0) return true;
  int code = Z_OK;
  const char* text = gzerror(file_.get(), &code);
  if (code == Z_OK || code == Z_STREAM_END) return false;
  broken_ = true;
  if (code == Z_BUF_ERROR) {
    return fail(Errc::corrupt,
                fmt::format("{} row {}: the gzip data stops in the middle: the file is truncated",
                            name_, row_));
  }
  const char* why = code == Z_ERRNO ? std::strerror(errno) : text;
  return fail(code == Z_ERRNO ? Errc::io : Errc::corrupt,
              fmt::format("{} row {}: the file cannot be read further: {}", name_, row_, why));
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
