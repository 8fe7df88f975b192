// The figures as Prometheus text 0.0.4 or OpenMetrics 1.0. Names are those of docs/REFERENCE.md.
//
// Not a metrics library: one snapshot in, one page of text out.
#pragma once
#include <string>
#include <string_view>

#include "model/stats.h"

namespace hunt::http {

enum class MetricsFormat : std::uint8_t { prometheus, open_metrics };

// OpenMetrics when the Accept header asks for it.
[[nodiscard]] MetricsFormat metrics_format(std::string_view accept) noexcept;
[[nodiscard]] std::string_view content_type(MetricsFormat format) noexcept;

[[nodiscard]] std::string metrics_text(const model::Stats& stats, const model::Why& why, bool ready,
                                       MetricsFormat format);

}  // namespace hunt::http
