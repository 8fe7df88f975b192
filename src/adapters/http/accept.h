// What an Accept header takes (RFC 9110, 12.5.1).
//
// Not languages or encodings, and no parameters but q. Thread: any.
#pragma once
#include <string_view>

namespace hunt::http {

struct Acceptance {
  int quality = 0;      // in thousandths; 0: not acceptable
  int specificity = 0;  // 0: not named at all, 1: by */*, 2: by type/*, 3: by its name
};

// How well `type` ("text/plain") is accepted, by the range that names it most exactly. An absent
// (empty) header accepts everything alike.
[[nodiscard]] Acceptance acceptance(std::string_view accept, std::string_view type) noexcept;

}  // namespace hunt::http
