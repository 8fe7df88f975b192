// The JSON of /v1/why and `hunt why --json`: of one process, of its last hour, of a fleet. Times in
// seconds, shares from 0 to 1, wall times RFC 3339.
//
// Not the other replies (json_replies.h): this one is small, rare and shown to people, so it is
// written with Boost.JSON. why_reader.h reads it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/fleet_why.h"
#include "model/why.h"
#include "model/why_past.h"

namespace hunt::codec {

[[nodiscard]] std::string write_why(const model::Why& why);
// With "process": who says so.
[[nodiscard]] std::string write_why(const model::Why& why, const model::Process& process);

// What is asked of one process; nothing of both: now. Times as parse_moment() takes them.
struct WhyQuestion {
  std::optional<std::string> at;
  std::optional<std::string> since;
};
// {"at"?,"since"?}, or nothing. Errors: invalid_argument, too_large (why_question_bytes_max).
inline constexpr std::size_t why_question_bytes_max = 256;
[[nodiscard]] Result<WhyQuestion> read_why_question(std::string_view body);
[[nodiscard]] std::string write_why_question(const WhyQuestion& question);

// The parts of answer_why(). Errors: not_found where nothing is kept of that time.
[[nodiscard]] Result<std::string> write_why_at(std::int64_t at_us, const model::WhyPast& past,
                                               const model::Process& process);
[[nodiscard]] std::string write_why_since(std::int64_t from_us, const model::WhyPast& past,
                                          const model::Process& process);
// Neither the future nor both at once. Errors: invalid_argument.
[[nodiscard]] Result<std::int64_t> moment_of(const WhyQuestion& question, std::int64_t now_us);

// `source` is a ports::Monitor, or what has its process(), why(), why_since() and why_at().
// Errors: as above.
template <class Source>
[[nodiscard]] Result<std::string> answer_why(const Source& source, const WhyQuestion& question) {
  const model::Process process = source.process();
  if (!question.at && !question.since) return write_why(source.why(), process);
  HUNT_TRY(moment_us, moment_of(question, process.now_us));
  if (question.since) return write_why_since(moment_us, source.why_since(moment_us), process);
  return write_why_at(moment_us, source.why_at(moment_us), process);
}

// `answer` with what was heard on the bus.
[[nodiscard]] std::string with_heard(std::string answer, const model::Heard& heard);
// "peers":[…],"left":[…]
[[nodiscard]] std::string write_heard(const model::Heard& heard);

// One line: the fields of one process for the fleet, then its places, notes and processes.
[[nodiscard]] std::string write_fleet_why(const model::FleetWhy& fleet,
                                          const std::vector<model::Asked>& asked);
[[nodiscard]] std::string write_fleet_past(const model::FleetPast& past,
                                           const std::vector<model::Asked>& asked);

}  // namespace hunt::codec
