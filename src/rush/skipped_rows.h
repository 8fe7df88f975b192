// print_skipped(): tells people which rows of a file were left out, on stderr.
//
// Not the reading (codec/row_reader.h counts them). For commands that were asked to skip bad rows.
#pragma once
#include <cstdio>

#include "base/text.h"
#include "codec/row_reader.h"

namespace hunt::rush {

inline void print_skipped(const codec::BadRows& bad) {
  for (const auto& message : bad.messages) {
    std::fprintf(stderr, "hunt: skipped: %s\n", message.c_str());
  }
  if (bad.count > bad.messages.size()) {
    std::fprintf(stderr, "hunt: skipped: and %s more rows\n",
                 with_commas(bad.count - bad.messages.size()).c_str());
  }
}

}  // namespace hunt::rush
