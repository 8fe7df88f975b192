#include "codec/json_profile.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>

#include "base/text.h"

namespace hunt::codec {

namespace {

namespace json = boost::json;

tl::unexpected<Error> no_question(std::string_view what) {
  return fail(
      Errc::invalid_argument,
      fmt::format("{}; expected {{\"kind\":\"cpu\",\"seconds\":10,\"asked_at_us\":…}}", what));
}

std::optional<std::int64_t> number_at(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

}  // namespace

Result<ProfileQuestion> read_profile_question(std::string_view body) {
  if (body.size() > profile_question_bytes_max) {
    return fail(Errc::too_large, fmt::format("a question has at most {} bytes, this one {}",
                                             profile_question_bytes_max, body.size()));
  }
  boost::system::error_code bad;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), bad);
  if (bad || !parsed.is_object()) return no_question("the question is no JSON object");
  const json::object& from = parsed.get_object();
  const auto seconds = number_at(from, "seconds");
  const auto asked_us = number_at(from, "asked_at_us");
  const json::value* kind = from.if_contains("kind");
  if (!seconds || !asked_us || kind == nullptr || !kind->is_string() || from.size() != 3)
    return no_question("the question has not just these three");
  const auto& named = kind->get_string();
  for (std::size_t i = 0; i < std::size(model::profile_kinds); ++i) {
    if (model::profile_kinds[i].name == std::string_view(named.data(), named.size()))
      return ProfileQuestion{static_cast<model::ProfileKind>(i), *seconds, *asked_us};
  }
  return fail(Errc::invalid_argument,
              fmt::format("kind must be cpu, heap or wall, found \"{}\"",
                          printable({named.data(), named.size()}, 64)),
              "kind");
}

std::string write_profile_question(const ProfileQuestion& question) {
  return fmt::format(R"({{"kind":"{}","seconds":{},"asked_at_us":{}}})",
                     model::facts_of(question.kind).name, question.seconds, question.asked_us);
}

}  // namespace hunt::codec
