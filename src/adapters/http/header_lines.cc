#include "adapters/http/header_lines.h"

namespace hunt::http {

std::string_view HeaderLines::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (done_) break;
    if (++count_ > bytes_max_) return "the header is too large";
    if (after_cr_) {
      if (c != '\n') return "a line of the header ends with CR alone; end lines with CR LF";
      after_cr_ = false;
      done_ = line_bytes_ == 0 && line_ > 0;
      ++line_;
      line_bytes_ = 0;
      continue;
    }
    if (c == '\r') {
      after_cr_ = true;
      continue;
    }
    if (c == '\n') return "a line of the header ends with LF alone; end lines with CR LF";
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return "the header holds a control character";
    if (line_ > 0 && line_bytes_ == 0 && (c == ' ' || c == '\t')) {
      return "a line of the header begins with a space: lines cannot be folded";
    }
    ++line_bytes_;
  }
  return {};
}

}  // namespace hunt::http
