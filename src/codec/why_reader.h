// Reads what /v1/why and `$SRV.WHY` answer, of this release, an older or a newer one.
//
// Not strict, as bodies of clients are: a field that is missing or of another kind is as if it were
// not told, a stage that is not known is left out, and a cause that is not known is unclear. Bound:
// why_answer_bytes_max.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/why_past.h"

namespace hunt::codec {

inline constexpr std::size_t why_answer_bytes_max = 4 * 1'024 * 1'024;

struct WhyAnswer {
  model::Asked asked;  // its process has no id where the server is older
  bool has_why = false;
  bool has_spells = false;
  model::Heard heard;
};

// An answer that is an error is `refused`, with its sentence as the reason. Errors: corrupt.
[[nodiscard]] Result<WhyAnswer> read_why_answer(std::string_view body);

// {"id","kind","name","version","leaves"?}: a beat on the bus. Errors: corrupt.
struct Beat {
  model::Process process;
  bool leaves = false;
};
[[nodiscard]] Result<Beat> read_beat(std::string_view body);
[[nodiscard]] std::string write_beat(const Beat& beat);

// The answer to `$SRV.PING`: the process that this service is a part of. Errors: corrupt.
[[nodiscard]] Result<model::Process> read_ping(std::string_view body);

}  // namespace hunt::codec
