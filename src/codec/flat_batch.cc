#include "codec/flat_batch.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "codec/flat_verify.h"
#include "codec/hunt_generated.h"
#include "model/limits.h"
#include "model/reward.h"

namespace hunt::codec {

using detail::Aligned;
using detail::broken;
using detail::no_body;
using detail::read_name;
using detail::too_large;
using detail::verify_message;
using detail::wrong;

namespace {

// The structs of hunt.fbs are those of model/batch.h, member for member, so that reading copies
// vectors whole.
static_assert(std::endian::native == std::endian::little, "hunt.fbs is little-endian");
template <class Wire, class Model>
constexpr bool same_shape = sizeof(Wire) == sizeof(Model) &&
                            alignof(Wire) == alignof(Model) && std::is_trivially_copyable_v<Model>;
static_assert(same_shape<wire::Position, model::Position>);
static_assert(offsetof(model::Position, player) == 0 && offsetof(model::Id128, low) == 8);
static_assert(offsetof(model::Position, tile) == 16 && offsetof(model::Tile, y) == 4);
static_assert(offsetof(model::Position, kind) == 24);
static_assert(offsetof(model::Position, seq) == 32);
static_assert(offsetof(model::Position, sent_at_us) == 40);
static_assert(same_shape<wire::PositionOutcome, model::PositionOutcome>);
static_assert(offsetof(model::PositionOutcome, distance) == 2);
static_assert(offsetof(model::PositionOutcome, claim_index) == 4);

constexpr bool same(wire::Outcome wire, model::Outcome model) {
  return static_cast<int>(wire) == static_cast<int>(model);
}
static_assert(static_cast<int>(wire::Kind::dig) == static_cast<int>(model::Kind::dig));
static_assert(static_cast<std::size_t>(wire::Outcome::MAX) + 1 == model::outcome_count);
static_assert(!name_of(static_cast<model::Outcome>(model::outcome_count - 1)).empty());
static_assert(same(wire::Outcome::nothing, model::Outcome::nothing) &&
              same(wire::Outcome::hint, model::Outcome::hint) &&
              same(wire::Outcome::found, model::Outcome::found) &&
              same(wire::Outcome::granted, model::Outcome::granted) &&
              same(wire::Outcome::sold_out, model::Outcome::sold_out) &&
              same(wire::Outcome::capped, model::Outcome::capped) &&
              same(wire::Outcome::cooldown, model::Outcome::cooldown) &&
              same(wire::Outcome::closed, model::Outcome::closed) &&
              same(wire::Outcome::rejected, model::Outcome::rejected) &&
              same(wire::Outcome::expired, model::Outcome::expired) &&
              same(wire::Outcome::busy, model::Outcome::busy));

// The end of the year 9999: the latest time that the JSON form can tell.
constexpr std::int64_t sent_at_us_max = 253'402'300'799'999'999;

tl::unexpected<Error> too_many(std::string_view list) {
  return fail(Errc::too_large,
              fmt::format("{} holds more than {} entries; send the rest in another request", list,
                          with_commas(limits::batch_positions_max)),
              std::string(list));
}

// The world of a request that names it, or that gives no id.
Result<model::WorldRef> read_world_name(const wire::Request& request) {
  const auto* text = request.world_name();
  if (text == nullptr) return wrong("world", "must be between 1 and 4294967295, found 0");
  if (request.world() != 0) return wrong("world_name", "is given beside world; keep one");
  HUNT_TRY(name, read_name(text->string_view(), "world_name"));
  return model::WorldRef(std::move(name));
}

Result<void> check_positions(const std::vector<model::Position>& positions) {
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto kind = static_cast<unsigned>(positions[i].kind);
    if (kind > static_cast<unsigned>(wire::Kind::MAX)) {
      return wrong(fmt::format("positions[{}].kind", i),
                   fmt::format("must be 0 (step) or 1 (dig), found {}", kind));
    }
    const std::int64_t time_us = positions[i].sent_at_us;
    if (time_us < 0 || time_us > sent_at_us_max) {
      return wrong(fmt::format("positions[{}].sent_at_us", i),
                   fmt::format("must be between 0 and {}, found {}", sent_at_us_max, time_us));
    }
  }
  return {};
}

// Walks positions for a copy and collects on the way all bits that any kind or time has set: for
// sensible batches they stay within the bounds of one value, so that no second pass is needed.
struct Bits {
  std::uint8_t kinds = 0;
  std::uint64_t times = 0;
};
class CollectingIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = model::Position;
  using difference_type = std::ptrdiff_t;
  using pointer = const model::Position*;
  using reference = const model::Position&;

  CollectingIterator(const model::Position* at, Bits& bits) : at_(at), bits_(&bits) {}
  reference operator*() const noexcept {
    bits_->kinds = static_cast<std::uint8_t>(bits_->kinds | static_cast<std::uint8_t>(at_->kind));
    bits_->times |= static_cast<std::uint64_t>(at_->sent_at_us);
    return *at_;
  }
  CollectingIterator& operator++() noexcept {
    ++at_;
    return *this;
  }
  friend bool operator==(const CollectingIterator& a, const CollectingIterator& b) noexcept {
    return a.at_ == b.at_;
  }

 private:
  const model::Position* at_;
  Bits* bits_;
};

Result<void> check_outcomes(const model::BatchReply& reply) {
  const auto claims = static_cast<std::int64_t>(reply.claims.size());
  for (std::size_t i = 0; i < reply.outcomes.size(); ++i) {
    const auto& one = reply.outcomes[i];
    const auto outcome = static_cast<unsigned>(one.outcome);
    if (outcome >= model::outcome_count) {
      return wrong(fmt::format("outcomes[{}].outcome", i),
                   fmt::format("must be at most {}, found {}", model::outcome_count - 1, outcome));
    }
    if (one.claim_index < -1 || one.claim_index >= claims) {
      return wrong(fmt::format("outcomes[{}].claim_index", i),
                   fmt::format("must be -1 or the index of one of the {} claims, found {}", claims,
                               one.claim_index));
    }
  }
  return {};
}

Result<std::string> read_item(const flatbuffers::String& text, std::string field) {
  if (text.string_view().find_first_of(model::reward_marks) != std::string_view::npos) {
    return wrong(std::move(field), "must be a name, without '*', ',' and '!'");
  }
  return read_name(text.string_view(), std::move(field));
}

// The text of a claim's stacks; of its `item` where a server tells that alone, as they did before
// there were stacks.
Result<std::string> read_reward(const wire::ClaimAnswer& claim, std::size_t index) {
  std::string reward;
  if (claim.items() == nullptr) {
    if (claim.item() == nullptr) return reward;
    return read_item(*claim.item(), fmt::format("claims[{}].item", index));
  }
  if (claim.items()->size() > limits::items_per_find_max) {
    return wrong(fmt::format("claims[{}].items", index),
                 fmt::format("must be at most {} stacks, found {}", limits::items_per_find_max,
                             claim.items()->size()));
  }
  for (flatbuffers::uoffset_t i = 0; i < claim.items()->size(); ++i) {
    const wire::Stack& stack = *claim.items()->Get(i);
    HUNT_TRY(item, read_item(*stack.item(), fmt::format("claims[{}].items[{}].item", index, i)));
    if (stack.count() == 0) {
      return wrong(fmt::format("claims[{}].items[{}].count", index, i), "must be at least 1");
    }
    model::append_stack(reward, item, stack.count());
  }
  return reward;
}

Result<model::ClaimAnswer> read_claim(const wire::ClaimAnswer& claim, std::size_t index) {
  model::ClaimAnswer answer;
  answer.claim = {claim.claim()->high(), claim.claim()->low()};
  answer.repeat = claim.repeat();
  HUNT_TRY(reward, read_reward(claim, index));
  answer.reward = std::move(reward);
  if (!claim.announce() || claim.tier() == nullptr || answer.reward.empty()) return answer;
  HUNT_TRY(tier, read_item(*claim.tier(), fmt::format("claims[{}].tier", index)));
  model::announce(answer.reward, tier);
  return answer;
}

// The structs of a vector as the model's, or nothing when they cannot be read there: FlatBuffers
// verifies where a vector begins, but not where its structs do.
template <class Model, class Wire>
const Model* structs_of(const flatbuffers::Vector<const Wire*>& from) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(from.Data()) % alignof(Wire) == 0;
  if (from.size() != 0 && !aligned) return nullptr;
  return reinterpret_cast<const Model*>(from.Data());
}

}  // namespace

Result<PositionsRequest> read_flat_request(std::string_view bytes) {
  if (bytes.size() > limits::body_bytes_max) {
    return too_large(bytes.size(), limits::body_bytes_max);
  }
  const Aligned aligned(bytes);
  const wire::Message* message = verify_message(aligned.data(), bytes.size());
  const auto* body = message == nullptr ? nullptr : message->body_as_Request();
  if (body == nullptr) return no_body(message, bytes, "Request");
  const std::size_t count = body->positions()->size();
  if (count > limits::batch_positions_max) return too_many("positions");
  const auto* first = structs_of<model::Position>(*body->positions());
  if (first == nullptr) return broken();
  Result<PositionsRequest> request(tl::in_place);
  auto& positions = request->batch.positions;
  Bits bits;
  positions.assign(CollectingIterator(first, bits), CollectingIterator(first + count, bits));
  if (bits.kinds > static_cast<unsigned>(wire::Kind::MAX) || bits.times > sent_at_us_max) {
    HUNT_CHECK(check_positions(positions));
  }
  if (body->world() != 0 && body->world_name() == nullptr) {
    request->batch.world = body->world();
    request->world = request->batch.world;
  } else {
    HUNT_TRY(world, read_world_name(*body));
    request->world = std::move(world);
  }
  request->wait_terminal = body->wait_terminal();
  if (const auto* subject = body->reply_to()) {
    if (subject->size() > limits::subject_bytes_max) {
      return wrong("reply_to", fmt::format("has {} bytes; a subject has at most {}",
                                           subject->size(), limits::subject_bytes_max));
    }
    request->reply_to = subject->str();
  }
  return request;
}

Result<model::BatchReply> read_flat_reply(std::string_view bytes) {
  if (bytes.size() > limits::reply_bytes_max) {
    return too_large(bytes.size(), limits::reply_bytes_max);
  }
  const Aligned aligned(bytes);
  const wire::Message* message = verify_message(aligned.data(), bytes.size());
  const auto* body = message == nullptr ? nullptr : message->body_as_Reply();
  if (body == nullptr) return no_body(message, bytes, "Reply");
  if (body->outcomes()->size() > limits::batch_positions_max) return too_many("outcomes");
  const auto* first = structs_of<model::PositionOutcome>(*body->outcomes());
  if (first == nullptr) return broken();
  model::BatchReply reply;
  reply.outcomes.assign(first, first + body->outcomes()->size());
  if (const auto* claims = body->claims()) {
    if (claims->size() > limits::batch_positions_max) return too_many("claims");
    reply.claims.reserve(claims->size());
    for (const auto* claim : *claims) {
      HUNT_TRY(answer, read_claim(*claim, reply.claims.size()));
      reply.claims.push_back(std::move(answer));
    }
  }
  HUNT_CHECK(check_outcomes(reply));
  return reply;
}

struct FlatWriter::Builder {
  flatbuffers::FlatBufferBuilder buffer;
  std::vector<flatbuffers::Offset<wire::Stack>> stacks;  // of one reward

  // Stacks, and the one item beside them.
  struct Reward {
    flatbuffers::Offset<flatbuffers::String> item;
    flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::Stack>>> items;
    flatbuffers::Offset<flatbuffers::String> tier;  // null: it is not announced
  };
  Reward add(std::string_view text) {
    Reward reward;
    stacks.clear();
    model::for_each_stack(text, [&](const model::ItemStack& stack) {
      const auto item = buffer.CreateString(stack.item);
      if (model::is_one_item(text)) reward.item = item;
      stacks.push_back(wire::CreateStack(buffer, item, stack.count));
    });
    if (!stacks.empty()) reward.items = buffer.CreateVector(stacks);
    const std::string_view tier = model::announced_tier(text);
    if (!tier.empty()) reward.tier = buffer.CreateString(tier);
    return reward;
  }

  template <class Body>
  std::string_view finish(wire::Body type, flatbuffers::Offset<Body> body) {
    wire::FinishMessageBuffer(buffer, wire::CreateMessage(buffer, type, body.Union()));
    return {reinterpret_cast<const char*>(buffer.GetBufferPointer()), buffer.GetSize()};
  }
};

FlatWriter::FlatWriter() : builder_(std::make_unique<Builder>()) {}
FlatWriter::~FlatWriter() = default;
FlatWriter::FlatWriter(FlatWriter&&) noexcept = default;
FlatWriter& FlatWriter::operator=(FlatWriter&&) noexcept = default;

std::string_view FlatWriter::write(const PositionsRequest& request) {
  auto& buffer = builder_->buffer;
  buffer.Clear();
  flatbuffers::Offset<flatbuffers::String> name;
  const auto* id = std::get_if<model::WorldId>(&request.world);
  if (id == nullptr) name = buffer.CreateString(std::get<std::string>(request.world));
  flatbuffers::Offset<flatbuffers::String> reply_to;
  if (!request.reply_to.empty()) reply_to = buffer.CreateString(request.reply_to);
  const auto& positions = request.batch.positions;
  // One by one: what lies between the members of ours is nobody's business.
  const auto list = buffer.CreateVectorOfStructs<wire::Position>(
      positions.size(), [&positions](std::size_t i, wire::Position* to) {
        const auto& one = positions[i];
        *to = wire::Position({one.player.high, one.player.low}, one.tile.x, one.tile.y,
                             static_cast<wire::Kind>(one.kind), one.seq, one.sent_at_us);
      });
  const auto body = wire::CreateRequest(buffer, id == nullptr ? 0 : *id, name,
                                        request.wait_terminal, list, reply_to);
  return builder_->finish(wire::Body::Request, body);
}

std::string_view FlatWriter::write(const model::BatchReply& reply) {
  auto& buffer = builder_->buffer;
  buffer.Clear();
  std::vector<flatbuffers::Offset<wire::ClaimAnswer>> answers;
  answers.reserve(reply.claims.size());
  for (const auto& claim : reply.claims) {
    const auto reward = builder_->add(claim.reward);
    const wire::Id id(claim.claim.high, claim.claim.low);
    answers.push_back(wire::CreateClaimAnswer(buffer, &id, reward.item, claim.repeat, reward.items,
                                              !reward.tier.IsNull(), reward.tier));
  }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::ClaimAnswer>>> claims;
  if (!answers.empty()) claims = buffer.CreateVector(answers);
  const auto list = buffer.CreateVectorOfStructs<wire::PositionOutcome>(
      reply.outcomes.size(), [&reply](std::size_t i, wire::PositionOutcome* to) {
        const auto& one = reply.outcomes[i];
        *to = wire::PositionOutcome(static_cast<wire::Outcome>(one.outcome), one.distance,
                                    one.claim_index);
      });
  return builder_->finish(wire::Body::Reply, wire::CreateReply(buffer, list, claims));
}

}  // namespace hunt::codec
