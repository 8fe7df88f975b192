#include "adapters/redis/message.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <iterator>

#include "base/result.h"

namespace hunt::redis {

CommandWriter::CommandWriter(std::size_t words) : missing_(words) {
  fmt::format_to(std::back_inserter(bytes_), "*{}\r\n", words);
}

CommandWriter& CommandWriter::add(std::string_view word) {
  HUNT_ASSERT(missing_ > 0);
  --missing_;
  fmt::format_to(std::back_inserter(bytes_), "${}\r\n", word.size());
  bytes_.append(word).append("\r\n");
  return *this;
}

CommandWriter& CommandWriter::add(std::uint64_t number) {
  const fmt::format_int text(number);
  return add(std::string_view(text.data(), text.size()));
}

std::string CommandWriter::take() {
  HUNT_ASSERT(missing_ == 0);
  return std::move(bytes_);
}

bool Reply::is_error(std::string_view word) const noexcept {
  const std::string_view whole = text;
  return is_error() && whole.starts_with(word) &&
         (whole.size() == word.size() || whole[word.size()] == ' ');
}

Reply copy_of(const redisReply& reply) {
  Reply out;
  switch (reply.type) {
    case REDIS_REPLY_STATUS:
      out.kind = Reply::Kind::status;
      break;
    case REDIS_REPLY_ERROR:
      out.kind = Reply::Kind::error;
      break;
    case REDIS_REPLY_STRING:
      out.kind = Reply::Kind::text;
      break;
    case REDIS_REPLY_INTEGER:
      out.kind = Reply::Kind::integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = Reply::Kind::list;
      break;
    default:
      return out;
  }
  if (out.kind == Reply::Kind::integer) {
    out.integer = reply.integer;
  } else if (out.kind == Reply::Kind::list) {
    out.list.reserve(reply.elements);
    for (std::size_t i = 0; i < reply.elements; ++i) out.list.push_back(copy_of(*reply.element[i]));
  } else {
    out.text.assign(reply.str, reply.len);
  }
  return out;
}

}  // namespace hunt::redis
