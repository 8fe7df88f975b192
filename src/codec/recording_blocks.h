// The bytes of a recording: a header, then blocks, each packed with zlib and with its own CRC, so
// that a file that was cut anywhere is good up to the last whole block.
//
// Not the events in a block (recording_writer.h, recording_reader.h). All numbers little-endian.
//   file:  "HUNTREC\n" | version u16 | 0 u16 | 0 u32 | key id u64 | CRC-32 of these u32
//   block: "HRB1" | flags u32 | packed bytes u32 | raw bytes u32 | positions u32 | events u32
//          | first t_ms i64 | last t_ms i64 | CRC-32 of these and of the packed bytes u32 | packed
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/input_file.h"
#include "base/result.h"

namespace hunt::codec {

inline constexpr std::string_view recording_magic = "HUNTREC\n";
inline constexpr std::uint16_t recording_version = 1;
inline constexpr std::size_t recording_header_bytes = 28;
inline constexpr std::size_t block_head_bytes = 44;
inline constexpr std::size_t block_raw_bytes_max = 4 * 1'024 * 1'024;
inline constexpr std::size_t block_packed_bytes_max = block_raw_bytes_max + 64 * 1'024;
// Keeps times in microseconds and differences of two times inside int64: the end of year 9999.
inline constexpr std::int64_t trace_t_ms_max = 253'402'300'799'999;

// Tables of players and texts begin anew with a block that says so: at the start of each recorder,
// and when they are full.
inline constexpr std::uint32_t block_starts_anew = 1;
inline constexpr std::size_t recording_players_max = 1'000'000;
inline constexpr std::size_t recording_texts_max = 65'536;

struct BlockHead {
  std::uint32_t flags = 0;
  std::uint32_t packed_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t positions = 0;
  std::uint32_t events = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

[[nodiscard]] std::string recording_header(std::uint64_t key_id);
// A whole block; the sizes of `head` are filled in. Bound: block_raw_bytes_max.
[[nodiscard]] std::string make_block(BlockHead head, std::string_view raw);

// Whole numbers in as many bytes as they need, 7 bits in each; signed ones zigzag.
void put_number(std::string& out, std::uint64_t value);
void put_signed(std::string& out, std::int64_t value);

// Reads the blocks of a file in order. What cannot be read at the end is cut, where it is no more
// than a recorder that was killed can leave behind. Move-only; one thread.
class BlockReader {
 public:
  // Errors: those of InputFile::open(); invalid_argument (no recording), unsupported (another
  // version), corrupt.
  [[nodiscard]] static Result<BlockReader> open_file(const std::string& path);
  // The same over bytes in memory; `name` stands for the path in messages.
  [[nodiscard]] static Result<BlockReader> from_text(std::string name, std::string bytes);

  // The next block, unpacked. False at the end. Errors: io; corrupt (damage before the end, or time
  // that goes back).
  [[nodiscard]] Result<bool> next(BlockHead& head, std::string& raw);

  [[nodiscard]] std::uint64_t key_id() const noexcept { return key_id_; }
  // Up to the end of the last good block; and what was cut behind it, after the end.
  [[nodiscard]] std::uint64_t good_bytes() const noexcept { return good_bytes_; }
  [[nodiscard]] std::uint64_t cut_bytes() const noexcept { return cut_bytes_; }
  [[nodiscard]] std::int64_t last_ms() const noexcept { return last_ms_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // corrupt, naming the file and the place of the last block.
  [[nodiscard]] tl::unexpected<Error> damaged(std::string_view what) const;

 private:
  explicit BlockReader(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] Result<void> read_header();
  // As many bytes as there are, up to `size`.
  [[nodiscard]] Result<void> read(std::string& to, std::size_t size);
  [[nodiscard]] Result<bool> cut(std::uint64_t bytes, std::string_view what);

  std::string name_;
  std::optional<InputFile> file_;  // none: `text_`
  std::string text_;
  std::size_t text_at_ = 0;
  std::string head_bytes_;
  std::string packed_;
  std::uint64_t key_id_ = 0;
  std::uint64_t good_bytes_ = 0;
  std::uint64_t cut_bytes_ = 0;
  std::int64_t last_ms_ = 0;
  bool ended_ = false;
};

// Whether the file begins as a recording does. False where it cannot be looked at twice.
[[nodiscard]] bool is_recording(const std::string& path);

}  // namespace hunt::codec
