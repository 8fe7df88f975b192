#include "codec/json_answers.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "model/limits.h"
#include "model/reward.h"

namespace hunt::codec {

namespace {

namespace sj = simdjson::ondemand;

constexpr std::size_t excerpt_bytes = 120;

std::optional<model::Outcome> parse_outcome(std::string_view name) noexcept {
  for (std::size_t i = 0; i < model::outcome_count; ++i) {
    const auto outcome = static_cast<model::Outcome>(i);
    if (model::name_of(outcome) == name) return outcome;
  }
  return {};
}

Errc parse_errc(std::string_view name) noexcept {
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const auto code = static_cast<Errc>(i);
    if (name_of(code) == name) return code;
  }
  return Errc::internal;  // a code that this version does not know
}

// Each reader throws simdjson_error for what is not JSON or of another type; parse() catches.
struct Misfit {
  std::string what;
};

model::ClaimId claim_of(std::string_view text) {
  const auto claim = model::parse_claim_id(text);
  if (!claim) throw Misfit{"a claim that is not 32 hexadecimal digits"};
  return *claim;
}

model::Outcome outcome_of(std::string_view name) {
  const auto outcome = parse_outcome(name);
  if (!outcome) throw Misfit{fmt::format("an unknown outcome \"{}\"", printable(name, 32))};
  return *outcome;
}

// Of an item, or a tier.
bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_of(model::reward_marks) == std::string_view::npos;
}

// One of `items`, appended to the text.
void read_stack(sj::object object, std::string& reward) {
  std::string_view item;
  std::uint64_t count = 0;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "item") item = std::string_view(field.value().get_string());
    if (key == "count") count = std::uint64_t(field.value().get_uint64());
  }
  if (!is_name(item) || count == 0) {
    throw Misfit{"a stack without an item or a count"};
  }
  model::append_stack(reward, item, count);
}

// What was granted, whichever of its fields comes first. `items` is all of it; `item` alone is what
// servers told before there were stacks.
class RewardReader {
 public:
  // Skips a field that is none of a reward.
  template <class Field>
  void read(std::string_view key, Field& field) {
    if (key == "items") {
      read_stacks(field.value().get_array());
    } else if (key == "item") {
      const std::string_view item = field.value().get_string();
      if (!is_name(item)) throw Misfit{"an item without a name"};
      if (!whole_) reward_ = item;
    } else if (key == "announce") {
      announce_ = field.value().get_bool();
    } else if (key == "tier") {
      tier_ = std::string_view(field.value().get_string());
      if (!is_name(tier_)) throw Misfit{"a tier without a name"};
    }
  }
  [[nodiscard]] std::string take() {
    if (announce_ && !tier_.empty() && !reward_.empty()) model::announce(reward_, tier_);
    return std::move(reward_);
  }

 private:
  void read_stacks(sj::array stacks) {
    reward_.clear();
    for (auto stack : stacks) read_stack(stack.get_object(), reward_);
    whole_ = true;
  }

  std::string reward_;
  std::string tier_;
  bool announce_ = false;
  bool whole_ = false;  // `items` was read
};

void read_outcome(sj::object object, model::BatchReply& reply) {
  model::PositionOutcome outcome;
  model::ClaimAnswer claim;
  RewardReader reward;
  bool has_claim = false;
  bool has_outcome = false;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "outcome") {
      outcome.outcome = outcome_of(field.value().get_string());
      has_outcome = true;
    } else if (key == "claim") {
      claim.claim = claim_of(field.value().get_string());
      has_claim = true;
    } else if (key == "repeat") {
      claim.repeat = field.value().get_bool();
    } else if (key == "distance") {
      outcome.distance = static_cast<std::uint16_t>(std::uint64_t(field.value().get_uint64()));
    } else {
      reward.read(key, field);
    }
  }
  if (!has_outcome) throw Misfit{"a position without an outcome"};
  if (has_claim) {
    claim.reward = reward.take();
    outcome.claim_index = static_cast<std::int32_t>(reply.claims.size());
    reply.claims.push_back(std::move(claim));
  }
  reply.outcomes.push_back(outcome);
}

model::BatchReply read_outcomes(sj::array array) {
  model::BatchReply reply;
  for (auto entry : array) {
    if (reply.outcomes.size() == limits::batch_positions_max) throw Misfit{"too many outcomes"};
    read_outcome(entry.get_object(), reply);
  }
  return reply;
}

Error read_error(sj::object object) {
  Error error;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "code") error.code = parse_errc(field.value().get_string());
    if (key == "message") error.message = std::string(std::string_view(field.value().get_string()));
    if (key == "field") error.field = std::string(std::string_view(field.value().get_string()));
  }
  return error;
}

model::ClaimEvent read_event(sj::object object) {
  model::ClaimEvent event;
  RewardReader reward;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "claim") {
      event.claim = claim_of(field.value().get_string());
    } else if (key == "outcome") {
      event.outcome = outcome_of(field.value().get_string());
    } else if (key == "rules") {
      event.rules = std::string(std::string_view(field.value().get_string()));
    } else if (key == "world") {
      event.world = static_cast<model::WorldId>(std::uint64_t(field.value().get_uint64()));
    } else if (key == "x") {
      event.tile.x = static_cast<std::int32_t>(std::int64_t(field.value().get_int64()));
    } else if (key == "y") {
      event.tile.y = static_cast<std::int32_t>(std::int64_t(field.value().get_int64()));
    } else if (key == "player") {
      event.player = model::parse_uuid(field.value().get_string()).value_or(model::PlayerId{});
    } else if (key == "cursor") {
      event.cursor = parse_u64(field.value().get_string()).value_or(0);
    } else if (key == "at") {
      event.at_us = parse_time_us(field.value().get_string()).value_or(0);
    } else {
      reward.read(key, field);
    }
  }
  event.reward = reward.take();
  return event;
}

Answer read_answer(sj::object object) {
  Answer answer;
  bool has_content = false;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "id") {
      answer.id = std::uint64_t(field.value().get_uint64());
      continue;
    }
    if (key == "part" || key == "parts") {
      const std::uint64_t number = field.value().get_uint64();
      if (number > limits::batch_positions_max) throw Misfit{"a part that cannot be"};
      (key == "part" ? answer.part : answer.parts) = static_cast<std::uint32_t>(number);
      continue;
    }
    if (key == "outcomes") {
      answer.content = read_outcomes(field.value().get_array());
    } else if (key == "error") {
      answer.content = read_error(field.value().get_object());
    } else if (key == "grant" || key == "claim") {
      answer.content = read_event(field.value().get_object());
    } else {
      continue;
    }
    has_content = true;
  }
  if (!has_content) throw Misfit{"neither outcomes nor an error nor an event"};
  return answer;
}

}  // namespace

struct AnswersReader::Buffers {
  sj::parser parser;
  std::vector<char> padded;
};

AnswersReader::AnswersReader() : buffers_(std::make_unique<Buffers>()) {}
AnswersReader::~AnswersReader() = default;
AnswersReader::AnswersReader(AnswersReader&&) noexcept = default;
AnswersReader& AnswersReader::operator=(AnswersReader&&) noexcept = default;

Result<Answer> AnswersReader::parse(std::string_view body) {
  auto& padded = buffers_->padded;
  padded.assign(body.begin(), body.end());
  padded.resize(body.size() + simdjson::SIMDJSON_PADDING, ' ');
  std::string why;
  try {
    sj::document document = buffers_->parser.iterate(padded.data(), body.size(), padded.size());
    Answer answer = read_answer(document.get_object());
    if (document.current_location().error() == simdjson::OUT_OF_BOUNDS) return answer;
    why = "more than one JSON object";
  } catch (const simdjson::simdjson_error& error) {
    why = error.what();
  } catch (const Misfit& misfit) {
    why = misfit.what;
  }
  return fail(Errc::corrupt, fmt::format("the answer is not a hunt server's ({}): {}", why,
                                         printable(body.substr(0, excerpt_bytes), excerpt_bytes)));
}

}  // namespace hunt::codec
