#include "codec/flat_change.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "codec/flat_verify.h"
#include "codec/hunt_generated.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::codec {

using detail::Aligned;
using detail::no_body;
using detail::read_name;
using detail::too_large;
using detail::verify_message;

namespace {

// Longer texts of an error are cut: they are for people.
constexpr std::size_t sentence_bytes_max = 1'024;

Errc parse_errc(std::string_view name) noexcept {
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const auto code = static_cast<Errc>(i);
    if (name_of(code) == name) return code;
  }
  return Errc::internal;  // a code that this version does not know
}

tl::unexpected<Error> out_of_range(std::string_view what) {
  return fail(Errc::invalid_argument, fmt::format("an invalidation's {} is out of range", what),
              std::string(what));
}

Result<model::TileChange> read_change(const wire::TileChange& from, std::size_t index) {
  if (from.epoch() > limits::epoch_max) return out_of_range("tiles.epoch");
  if (from.version() > limits::version_max) return out_of_range("tiles.version");
  if (from.budget() > limits::budget_max) return out_of_range("tiles.budget");
  model::TileChange change;
  change.world = from.world();
  change.epoch = from.epoch();
  change.row.tile = {from.tile()};
  change.row.version = from.version();
  change.row.spawn = from.spawn();
  if (const auto* text = from.loot_table(); text != nullptr && text->size() > 0) {
    HUNT_TRY(table, read_name(text->string_view(), fmt::format("tiles[{}].loot_table", index)));
    change.row.table = std::move(table);
  }
  change.row.budget = from.budget();
  change.row.opens_us = from.opens_us();
  change.row.closes_us = from.closes_us();
  change.row.buried_at_us = from.buried_at_us();
  change.row.sold_out = from.sold_out();
  return change;
}

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str().substr(0, sentence_bytes_max);
}

}  // namespace

Result<model::Invalidation> read_flat_invalidation(std::string_view bytes, std::uint64_t machine) {
  if (bytes.size() > limits::reply_bytes_max) {
    return too_large(bytes.size(), limits::reply_bytes_max);
  }
  const Aligned aligned(bytes);
  const wire::Message* message = verify_message(aligned.data(), bytes.size());
  const auto* body = message == nullptr ? nullptr : message->body_as_Invalidation();
  if (body == nullptr) return no_body(message, bytes, "Invalidation");
  if (body->shard() >= limits::shards_max) return out_of_range("shard");
  if (body->epoch() > limits::epoch_max) return out_of_range("epoch");
  if (body->committed_ns() < 0) return out_of_range("committed_ns");
  model::Invalidation invalidation;
  invalidation.shard = body->shard();
  invalidation.relay = body->relay();
  invalidation.epoch = body->epoch();
  invalidation.seq = body->seq();
  if (body->machine() == machine) invalidation.committed_ns = body->committed_ns();
  if (const auto* tiles = body->tiles()) {
    if (tiles->size() > limits::invalidation_rows_max) return out_of_range("tiles");
    invalidation.tiles.reserve(tiles->size());
    for (const auto* tile : *tiles) {
      HUNT_TRY(change, read_change(*tile, invalidation.tiles.size()));
      invalidation.tiles.push_back(std::move(change));
    }
  }
  return invalidation;
}

Result<Error> read_flat_failure(std::string_view bytes) {
  if (bytes.size() > limits::reply_bytes_max) {
    return too_large(bytes.size(), limits::reply_bytes_max);
  }
  const Aligned aligned(bytes);
  const wire::Message* message = verify_message(aligned.data(), bytes.size());
  const auto* body = message == nullptr ? nullptr : message->body_as_Failure();
  if (body == nullptr) return no_body(message, bytes, "Failure");
  return Error{parse_errc(body->code()->string_view()), text_of(body->message()),
               text_of(body->field())};
}

struct FlatChangeWriter::Builder {
  flatbuffers::FlatBufferBuilder buffer;

  template <class Body>
  std::string_view finish(wire::Body type, flatbuffers::Offset<Body> body) {
    wire::FinishMessageBuffer(buffer, wire::CreateMessage(buffer, type, body.Union()));
    return {reinterpret_cast<const char*>(buffer.GetBufferPointer()), buffer.GetSize()};
  }
};

FlatChangeWriter::FlatChangeWriter() : builder_(std::make_unique<Builder>()) {}
FlatChangeWriter::~FlatChangeWriter() = default;
FlatChangeWriter::FlatChangeWriter(FlatChangeWriter&&) noexcept = default;
FlatChangeWriter& FlatChangeWriter::operator=(FlatChangeWriter&&) noexcept = default;

std::string_view FlatChangeWriter::write(const model::Invalidation& invalidation,
                                         std::uint64_t machine) {
  auto& buffer = builder_->buffer;
  buffer.Clear();
  std::vector<flatbuffers::Offset<wire::TileChange>> changes;
  changes.reserve(invalidation.tiles.size());
  for (const auto& change : invalidation.tiles) {
    const auto& row = change.row;
    flatbuffers::Offset<flatbuffers::String> table;
    if (!row.table.empty()) table = buffer.CreateSharedString(row.table);
    changes.push_back(wire::CreateTileChange(
        buffer, change.world, row.tile.value, change.epoch, row.version, row.spawn, table,
        row.budget, row.opens_us, row.closes_us, row.buried_at_us, row.sold_out));
  }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::TileChange>>> tiles;
  if (!changes.empty()) tiles = buffer.CreateVector(changes);
  const auto body =
      wire::CreateInvalidation(buffer, invalidation.shard, invalidation.relay, invalidation.epoch,
                               invalidation.seq, tiles, invalidation.committed_ns, machine);
  return builder_->finish(wire::Body::Invalidation, body);
}

std::string_view FlatChangeWriter::write(const Error& error) {
  auto& buffer = builder_->buffer;
  buffer.Clear();
  const auto code = buffer.CreateString(std::string(name_of(error.code)));
  const auto message = buffer.CreateString(error.message.substr(0, sentence_bytes_max));
  flatbuffers::Offset<flatbuffers::String> field;
  if (!error.field.empty()) field = buffer.CreateString(error.field.substr(0, sentence_bytes_max));
  return builder_->finish(wire::Body::Failure, wire::CreateFailure(buffer, code, message, field));
}

}  // namespace hunt::codec
