#include "codec/recording_blocks.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/text.h"

namespace hunt::codec {

namespace {

constexpr std::string_view block_magic = "HRB1";

template <class Number>
void put(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
  }
}

// Takes a number off the front. Requires: it is there.
template <class Number>
Number take(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(sizeof(Number));
  return static_cast<Number>(value);
}

std::uint32_t crc_of(std::string_view bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

// Nothing: it is no block head.
std::optional<BlockHead> read_head(std::string_view bytes) {
  if (bytes.size() < block_head_bytes || !bytes.starts_with(block_magic)) return {};
  bytes.remove_prefix(block_magic.size());
  BlockHead head;
  head.flags = take<std::uint32_t>(bytes);
  head.packed_bytes = take<std::uint32_t>(bytes);
  head.raw_bytes = take<std::uint32_t>(bytes);
  head.positions = take<std::uint32_t>(bytes);
  head.events = take<std::uint32_t>(bytes);
  head.first_ms = take<std::int64_t>(bytes);
  head.last_ms = take<std::int64_t>(bytes);
  if (head.packed_bytes > block_packed_bytes_max || head.raw_bytes > block_raw_bytes_max) return {};
  return head;
}

// Unpacks no more than the head says, whatever the packed bytes would come to.
bool unpack(std::string_view packed, std::size_t raw_bytes, std::string& raw) {
  raw.resize(raw_bytes);
  uLongf size = raw_bytes;
  const int code = uncompress(reinterpret_cast<Bytef*>(raw.data()), &size,
                              reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  return code == Z_OK && size == raw_bytes;
}

}  // namespace

std::string recording_header(std::uint64_t key_id) {
  std::string out(recording_magic);
  put(out, recording_version);
  put(out, std::uint16_t{0});
  put(out, std::uint32_t{0});
  put(out, key_id);
  put(out, crc_of(out));
  return out;
}

std::string make_block(BlockHead head, std::string_view raw) {
  HUNT_ASSERT(raw.size() <= block_raw_bytes_max);
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  HUNT_ASSERT(compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                        reinterpret_cast<const Bytef*>(raw.data()), raw.size(),
                        Z_DEFAULT_COMPRESSION) == Z_OK);
  packed.resize(size);
  std::string out(block_magic);
  put(out, head.flags);
  put(out, static_cast<std::uint32_t>(packed.size()));
  put(out, static_cast<std::uint32_t>(raw.size()));
  put(out, head.positions);
  put(out, head.events);
  put(out, head.first_ms);
  put(out, head.last_ms);
  put(out, crc_of(packed, crc_of(out)));
  return out + packed;
}

void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_signed(std::string& out, std::int64_t value) {
  put_number(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

Result<BlockReader> BlockReader::open_file(const std::string& path) {
  HUNT_TRY(file, InputFile::open(path));
  BlockReader reader(file.name());
  reader.file_.emplace(std::move(file));
  HUNT_CHECK(reader.read_header());
  return reader;
}

Result<BlockReader> BlockReader::from_text(std::string name, std::string bytes) {
  BlockReader reader(std::move(name));
  reader.text_ = std::move(bytes);
  HUNT_CHECK(reader.read_header());
  return reader;
}

Result<void> BlockReader::read(std::string& to, std::size_t size) {
  to.resize(size);
  std::size_t got = 0;
  while (got < size) {
    std::size_t more = 0;
    if (file_) {
      HUNT_TRY(count, file_->read(to.data() + got, size - got));
      more = count;
    } else {
      more = text_.copy(to.data() + got, size - got, text_at_);
      text_at_ += more;
    }
    if (more == 0) break;
    got += more;
  }
  to.resize(got);
  return {};
}

Result<void> BlockReader::read_header() {
  std::string bytes;
  HUNT_CHECK(read(bytes, recording_header_bytes));
  const std::string_view known = recording_magic.substr(0, bytes.size());
  if (bytes.empty() || !bytes.starts_with(known)) {
    return fail(Errc::invalid_argument,
                fmt::format("{} is no recording; expected a file of `hunt replay record`", name_));
  }
  if (bytes.size() < recording_header_bytes) {
    return fail(Errc::corrupt,
                fmt::format("{} ends within its first {} bytes: nothing was recorded", name_,
                            recording_header_bytes));
  }
  std::string_view rest = bytes;
  rest.remove_prefix(recording_magic.size());
  const auto version = take<std::uint16_t>(rest);
  rest.remove_prefix(6);
  key_id_ = take<std::uint64_t>(rest);
  if (version != recording_version) {
    return fail(Errc::unsupported,
                fmt::format("{} is a recording of version {}, this program reads version {}: use "
                            "the hunt that recorded it, or a newer one",
                            name_, version, recording_version));
  }
  if (take<std::uint32_t>(rest) != crc_of(std::string_view(bytes).substr(0, 24))) {
    return fail(Errc::corrupt,
                fmt::format("{}: its first {} bytes are damaged", name_, recording_header_bytes));
  }
  good_bytes_ = recording_header_bytes;
  return {};
}

tl::unexpected<Error> BlockReader::damaged(std::string_view what) const {
  return fail(Errc::corrupt, fmt::format("{}: the block before byte {} is damaged: {}", name_,
                                         with_commas(good_bytes_), what));
}

// A killed recorder leaves a part of one block; what is behind more than that was there before.
Result<bool> BlockReader::cut(std::uint64_t bytes, std::string_view what) {
  std::string rest;
  HUNT_CHECK(read(rest, block_packed_bytes_max + 1));
  cut_bytes_ = bytes + rest.size();
  ended_ = true;
  if (rest.size() <= block_packed_bytes_max) return false;
  return fail(Errc::corrupt,
              fmt::format("{}: the block at byte {} is damaged ({}), and more blocks follow: what "
                          "is before it can be read",
                          name_, with_commas(good_bytes_), what));
}

Result<bool> BlockReader::next(BlockHead& head, std::string& raw) {
  if (ended_) return false;
  HUNT_CHECK(read(head_bytes_, block_head_bytes));
  if (head_bytes_.empty()) {
    ended_ = true;
    return false;
  }
  const auto found = read_head(head_bytes_);
  if (!found) return cut(head_bytes_.size(), "it has no head");
  HUNT_CHECK(read(packed_, found->packed_bytes));
  std::string_view sum = std::string_view(head_bytes_).substr(block_head_bytes - 4);
  const std::string_view before = std::string_view(head_bytes_).substr(0, block_head_bytes - 4);
  const std::uint64_t size = head_bytes_.size() + packed_.size();
  if (packed_.size() < found->packed_bytes) return cut(size, "it is not whole");
  if (take<std::uint32_t>(sum) != crc_of(packed_, crc_of(before))) {
    return cut(size, "its checksum is wrong");
  }
  head = *found;
  good_bytes_ += size;
  if (head.first_ms < last_ms_ || head.last_ms < head.first_ms || head.last_ms > trace_t_ms_max) {
    return damaged(
        fmt::format("its time goes from {} to {} after {}", head.first_ms, head.last_ms, last_ms_));
  }
  if (!unpack(packed_, head.raw_bytes, raw)) {
    return damaged(fmt::format("it does not unpack to its {} bytes", head.raw_bytes));
  }
  last_ms_ = head.last_ms;
  return true;
}

bool is_recording(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  auto file = InputFile::open(path);
  if (!file) return false;
  std::string begin(recording_magic.size(), '\0');
  const auto got = file->read(begin.data(), begin.size());
  return got && *got > 0 && begin.substr(0, *got) == recording_magic.substr(0, *got);
}

}  // namespace hunt::codec
