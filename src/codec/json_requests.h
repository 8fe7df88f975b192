// The JSON bodies that clients send, read into model values: positions, burials, tiles, worlds.
//
// Not the routes (adapters/http) and not the rules of the hunt: a table's name is checked by
// whoever knows the rules. Strict: unknown and repeated fields are errors, and every error names
// the field
// (`positions[3].x`), what was found and what was expected. A syntax error names its byte offset.
// Errors: invalid_argument, or too_large for what exceeds model/limits.h. Thread: any one at a
// time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/spawn.h"
#include "model/world_ref.h"

namespace hunt::codec {

struct PositionsRequest {
  model::WorldRef world = model::WorldId{0};
  model::Batch batch;               // batch.world is set when `world` is an id
  bool wait_terminal = false;       // "wait":"terminal"
  std::optional<std::uint64_t> id;  // of a stream's message: comes back with its answer
  std::string reply_to;             // of a stored batch: the subject for its outcomes; may be empty
};

// Where the positions come from: a stream's messages may carry an "id", a batch that is stored says
// where its outcomes go, "reply_to".
enum class Carrier : std::uint8_t { http, stream, stored };

// Reads positions. Keeps its buffers (about 2 MB for the largest body) between calls, so that the
// good path allocates the vector of positions and nothing else.
class PositionsReader {
 public:
  PositionsReader();
  ~PositionsReader();
  PositionsReader(PositionsReader&&) noexcept;
  PositionsReader& operator=(PositionsReader&&) noexcept;

  // {"world":1|"demo","wait"?:"terminal",
  // "positions":[{"player","x","y","kind"?:"step"|"dig","seq"?,"sent_at"?}]}
  // and on a stream also "id"?, stored "reply_to"?. Bound: limits::body_bytes_max (checked before
  // reading), limits::batch_positions_max.
  [[nodiscard]] Result<PositionsRequest> parse(std::string_view body,
                                               Carrier carrier = Carrier::http);
  // The same into a request whose memory is used again; with an error nobody knows what it holds.
  [[nodiscard]] Result<void> parse_into(std::string_view body, Carrier carrier,
                                        PositionsRequest& request);
  // The id of the last message parsed, where one was read before anything was found wrong.
  [[nodiscard]] std::optional<std::uint64_t> last_id() const noexcept { return last_id_; }

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  std::optional<std::uint64_t> last_id_;
};

// {"tiles":[{"x","y","table","budget"?,"key"?,"opens"?,"closes"?}]}; the budget is 1 unless given.
// Bound: limits::body_bytes_max, limits::tiles_per_request_max.
[[nodiscard]] Result<std::vector<model::Burial>> parse_burials(std::string_view body);

// {"tiles":[{"x","y"}]}. Bound: as above.
[[nodiscard]] Result<std::vector<model::Tile>> parse_tiles(std::string_view body);

// {"name":"..."}: the name of a world to create.
[[nodiscard]] Result<std::string> parse_world_name(std::string_view body);

// Letters, digits, '-', '_' and '.', at most limits::name_bytes_max, and not digits alone (that
// would read as an id). The error's field is `name`.
[[nodiscard]] Result<void> check_world_name(std::string_view name);

}  // namespace hunt::codec
