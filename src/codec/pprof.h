// A profile as pprof reads it: profile.proto of github.com/google/pprof.
//
// Written by hand: five message types of varints and strings, where the generated code and its
// library would be larger than this program's whole codec.
#pragma once
#include <string>

#include "model/profile.h"

namespace hunt::codec {

// Of CPU time samples/count and cpu/nanoseconds; of memory alloc_objects/count, alloc_space/bytes,
// inuse_objects/count and inuse_space/bytes, of which a profile that was read from folded stacks
// has the last one only; of requests wall/microseconds. Functions with their files, no lines.
[[nodiscard]] std::string write_pprof(const model::Profile& profile);
// The same, gzipped, as it travels.
[[nodiscard]] std::string write_packed_pprof(const model::Profile& profile);

}  // namespace hunt::codec
