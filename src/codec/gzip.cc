#include "codec/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace hunt::codec {

namespace {

constexpr int as_gzip = 15 + 16;

// zlib does not write there.
Bytef* bytes_of(std::string_view text) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

std::string gzip(std::string_view text) {
  z_stream stream{};
  HUNT_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, as_gzip, 8,
                           Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  HUNT_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max) {
  z_stream stream{};
  HUNT_ASSERT(inflateInit2(&stream, as_gzip) == Z_OK);
  stream.next_in = bytes_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    out.resize(std::min(std::max<std::size_t>(out.size() * 2, 64 * 1'024), bytes_max + 1));
    stream.next_out = bytes_of(out) + stream.total_out;
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    status = inflate(&stream, Z_NO_FLUSH);
    if (stream.avail_out > 0 || stream.total_out > bytes_max) break;
  }
  const std::size_t got = stream.total_out;
  inflateEnd(&stream);
  if (got > bytes_max)
    return fail(Errc::too_large, fmt::format("unpacked it has more than {} bytes", bytes_max));
  if (status != Z_STREAM_END) return fail(Errc::corrupt, "it is no whole gzip");
  out.resize(got);
  return out;
}

}  // namespace hunt::codec
