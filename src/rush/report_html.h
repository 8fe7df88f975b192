// The report of `hunt rush` as a page: one self-contained HTML document with plots.
//
// Not the live page. No scripts and nothing from elsewhere, so that it can be kept and sent.
#pragma once
#include <string>

#include "rush/report.h"

namespace hunt::rush {

[[nodiscard]] std::string report_html(const RunReport& report, const Series& series,
                                      const load::Schedule& schedule);

}  // namespace hunt::rush
