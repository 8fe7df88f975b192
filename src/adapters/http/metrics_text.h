// The figures as Prometheus text 0.0.4 or OpenMetrics 1.0. Names are those of docs/REFERENCE.md.
//
// Not a metrics library: one snapshot in, one page of text out.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/http_figures.h"
#include "model/stats.h"

namespace hunt::http {

enum class MetricsFormat : std::uint8_t { prometheus, open_metrics };

// The one that the Accept header wants more, OpenMetrics where it names both alike; nothing when it
// takes neither.
[[nodiscard]] std::optional<MetricsFormat> metrics_format(std::string_view accept) noexcept;
[[nodiscard]] std::string_view content_type(MetricsFormat format) noexcept;

[[nodiscard]] std::string metrics_text(const model::Stats& stats, const model::Why& why, bool ready,
                                       const HttpFigures& http,
                                       const model::ProcessFigures& process, MetricsFormat format);

}  // namespace hunt::http
